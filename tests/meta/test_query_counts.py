"""No page asks the database more often because there is more to show.

The limits count everything a page asks, the person who is signed in included (design: performance).
"""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import BillingAccount
from tests.support.billing import make_many_invoices, settle
from tests.support.factories import make_account, make_invoice
from tests.support.history import make_many_payments

pytestmark = pytest.mark.django_db

LIMITS = {
    "billing:home": 5,  # the next draw of autopay among them
    "billing:list": 4,
    "billing:list, the last page of all": 4,
    "billing:list, searched and sorted": 4,
    "billing:detail": 5,  # as above
    "payments:choose": 5,
    "payments:balance": 5,
}
ACCOUNTS_WITH = (1, 20, 2000)
HISTORY_LIMITS = {
    "/payments/": 4,
    "/payments/?page=9999": 4,
    "/payments/?kind=payment&side=medical&since=1/1/2020&state=done": 4,
    "/billing/statements/": 4,
    "/billing/statements/2025/": 4,
}
# How many bills are paid, and how many times over: 1, 20 and 2,000 payments.
HISTORIES = ((1, 1), (20, 1), (100, 20))


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
    Client().get(reverse("home"))  # what every page says is kept for some seconds; not in the middle
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


def test_the_history_asks_the_same_few_questions_however_long_it_is() -> None:
    counts: dict[str, list[int]] = {url: [] for url in HISTORY_LIMITS}
    for bills, times in HISTORIES:
        account = make_account()
        make_many_payments(account, bills, times=times)
        settle(make_invoice(account, 80_00), 80_00, on=dt.date(2025, 5, 5))
        client = Client()
        client.force_login(account.guarantor.user)
        client.get(reverse("billing:home"))
        for url in HISTORY_LIMITS:
            counts[url].append(len(queries(client, url)))
    assert all(len(set(found)) == 1 for found in counts.values()), counts
    assert {url: n for url, (n, *_) in counts.items() if n > HISTORY_LIMITS[url]} == {}
