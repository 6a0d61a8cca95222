"""The pages of autopay, as a member's browser without JavaScript sees and sends them."""

from django.test import Client
from django.urls import reverse

from autopay.models import Enrollment
from billing.models import BillingAccount
from payments.models import PaymentMethod
from tests.support.factories import PASSWORD

INDEX = "/autopay/"


def browser_of(account: BillingAccount) -> Client:
    """Logged in as its owner; the password was given again just now."""
    client = Client()
    client.force_login(account.guarantor.user)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": "/"})
    return client


def plan(**typed: str) -> dict[str, str]:
    """What step 2 sends: on due dates, without a limit, from START on (tests.support.autopay)."""
    return {
        "when": "due",
        "day": "",
        "limit": "",
        "starts_on_month": "11",
        "starts_on_day": "2",
        "starts_on_year": "2026",
        **typed,
    }


def choose(client: Client, method: PaymentMethod, scope: str, **typed: str) -> str:
    """Steps 1 and 2; returns the address of step 3."""
    first = client.post(f"{INDEX}{scope}/method/", {"method": str(method.pk)})
    assert first.status_code == 302, first.text
    second = client.post(first.url, plan(**typed))
    assert second.status_code == 302, second.text
    return str(second.url)


def agreed(client: Client, url: str) -> dict[str, str]:
    """Look at the text; what its form sends with the box ticked."""
    return {"agree": "on", "shown": client.get(url).context["terms"].sha256}


def enroll_by_pages(client: Client, method: PaymentMethod, scope: str, **typed: str) -> Enrollment:
    """All three steps."""
    url = choose(client, method, scope, **typed)
    answer = client.post(url, agreed(client, url))
    assert answer.status_code == 302, answer.text
    return Enrollment.objects.get(reference=answer.url.split("/")[-2])
