"""No page asks the database more often because there is more to show.

The limits count everything a page asks, the person who is signed in included (design: performance).
"""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import BillingAccount
from tests.support.billing import make_many_invoices
from tests.support.factories import make_account

pytestmark = pytest.mark.django_db

LIMITS = {
    "billing:home": 4,
    "billing:list": 4,
    "billing:list, the last page of all": 4,
    "billing:list, searched and sorted": 4,
    "billing:detail": 5,
    "payments:choose": 4,
}
ACCOUNTS_WITH = (1, 20, 2000)


def address(page: str, account: BillingAccount) -> str:
    match page:
        case "billing:list, the last page of all":
            return reverse("billing:list") + "?state=all&page=9999"
        case "billing:list, searched and sorted":
            return reverse("billing:list") + "?search=clinic&sort=owed&kind=medical&year=2020"
        case "billing:detail":
            return reverse(page, args=[account.invoices.order_by("pk")[0].pk])
    return reverse(page)


def queries(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in captured]


def test_pages_ask_the_same_few_questions_however_many_bills_there_are() -> None:
    counts: dict[str, list[int]] = {page: [] for page in LIMITS}
    for size in ACCOUNTS_WITH:
        account = make_account()
        make_many_invoices(account, size)
        client = Client()
        client.force_login(account.guarantor.user)
        client.get(reverse("billing:home"))  # the first request of a session writes it down
        for page in LIMITS:
            counts[page].append(len(queries(client, address(page, account))))
    assert all(len(set(found)) == 1 for found in counts.values()), counts
    assert {page: n for page, (n, *_) in counts.items() if n > LIMITS[page]} == {}
