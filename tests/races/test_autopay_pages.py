"""Two people, or two tabs, at autopay's pages at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from autopay.models import Enrollment, EnrollmentEvent, EnrollmentState
from autopay.services import enrollment as services
from demo.stripe.core import Sandbox
from payments.models import Authorization
from tests.support import methods
from tests.support.autopay import Calendar, by, enroll, enrolled
from tests.support.autopay_pages import agreed, browser_of, choose
from tests.support.factories import make_account
from tests.support.mail import mails_to

pytestmark = pytest.mark.django_db(transaction=True)


def post_at_once(presses: list[tuple[Client, str, dict[str, str]]]) -> list[str]:
    """Where each press leads; all are sent at the same moment, each on a connection of its own."""
    start = threading.Barrier(len(presses))

    def press(client: Client, url: str, form: dict[str, str]) -> str:
        try:
            start.wait(timeout=60)
            return str(client.post(url, form).headers["Location"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(presses)) as pool:
        return [each.result() for each in [pool.submit(press, *one) for one in presses]]


def test_two_tabs_that_agree_at_once_enroll_once_and_see_the_same_page(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    account = make_account()
    card = methods.add(sandbox, account)
    tabs = [browser_of(account) for _ in range(3)]
    urls = [choose(tab, card, "medical") for tab in tabs]
    forms = [agreed(tab, url) for tab, url in zip(tabs, urls, strict=True)]

    led = post_at_once(list(zip(tabs, urls, forms, strict=True)))

    stands = Enrollment.objects.get()
    assert set(led) == {f"/autopay/{stands.reference}/"}
    assert Authorization.objects.filter(purpose="autopay").count() == 1
    subjects = [mail.subject for mail in mails_to(account.guarantor.user.email)]
    assert subjects.count("Autopay of your medical bills is on") == 1


def test_canceling_from_two_tabs_at_once_ends_it_once(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox)
    url = f"/autopay/{stands.reference}/cancel/"
    tabs = [browser_of(stands.account) for _ in range(3)]

    led = post_at_once([(tab, url, {}) for tab in tabs])

    assert set(led) == {f"/autopay/{stands.reference}/canceled/"}
    assert EnrollmentEvent.objects.filter(kind="canceled").count() == 1


def test_who_enrolls_while_the_last_one_is_being_canceled_is_told_or_enrolled(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """Whichever was first: never two, and never a choice that is lost."""
    stands = enrolled(sandbox)
    tab, other = browser_of(stands.account), browser_of(stands.account)
    services.cancel(enrollment=stands, **by(stands))
    url = choose(tab, stands.method, "medical", limit="100.00")
    form = agreed(tab, url)
    second = enroll(stands.method)

    led = post_at_once([(tab, url, form), (other, f"/autopay/{second.reference}/cancel/", {})])

    assert led[1] == f"/autopay/{second.reference}/canceled/"
    alive = list(Enrollment.objects.exclude(state=EnrollmentState.CANCELED))
    if led[0] == "/autopay/":
        assert alive == []
        assert tab.get(url).status_code == 200  # the choice is still there
    else:
        (new,) = alive
        assert led[0] == f"/autopay/{new.reference}/"
        assert new.limit_cents == 100_00
