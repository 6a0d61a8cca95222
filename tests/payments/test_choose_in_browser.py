"""Choosing what to pay in a browser: the sums follow what is typed, with and without JavaScript; and
axe finds nothing on the pages of this part in any state.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from billing.models import BillingAccount, Invoice
from demo.stripe.core import Sandbox
from payments.models import Checkout, Payment, Refund
from payments.services import refunds
from tests.e2e.sweep import Sweep
from tests.support import paying
from tests.support.browser import NewPage
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db(transaction=True)

Open = Callable[..., Page]


@pytest.fixture
def account(sandbox: Sandbox) -> BillingAccount:
    """With bills on both sides, and $100.00 of account balance."""
    account = make_account()
    for day, (cents, name) in enumerate([(30_00, "Lake Clinic"), (1_040_01, "Bay Hospital")], start=1):
        make_invoice(account, cents, provider=name, due_on=dt.date(2026, 12, day))
    make_invoice(account, 400_00, kind=Invoice.Kind.PREMIUM, provider="")
    paying.add_money(sandbox, account, 100_00)
    return account


@pytest.fixture
def open_page(new_page: NewPage, live_server: Any, client: Client, account: BillingAccount) -> Open:
    """Opens an address as the account's guarantor, in a browser of its own."""
    client.force_login(account.guarantor.user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value

    def opened(path: str, **how: Any) -> Page:
        page = new_page(**how)
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
        )
        page.goto(live_server.url + path)
        return page

    return opened


def sums(page: Page) -> list[str]:
    """Total, from the account balance, by card or bank account."""
    return [page.locator(f"#sum-{name}").inner_text() for name in ("total", "balance", "charge")]


def test_the_sums_follow_what_is_ticked_and_typed(open_page: Open) -> None:
    page = open_page("/pay/?kind=medical")
    assert page.get_by_role("button", name="Update total").count() == 0
    assert sums(page) == ["$1,070.01", "$0.00", "$1,070.01"]

    page.get_by_role("checkbox", name="Bay Hospital").uncheck()
    assert sums(page) == ["$30.00", "$0.00", "$30.00"]
    page.get_by_role("textbox", name="Lake Clinic").fill("12.3")
    assert sums(page)[0] == "$12.30"
    page.get_by_role("textbox", name="Lake Clinic").fill("twelve")
    assert sums(page)[0] == "$0.00"
    page.get_by_role("textbox", name="Lake Clinic").fill("30.00")

    page.get_by_role("textbox", name="Bay Hospital").fill("$1,000.00")  # typing ticks its bill
    assert sums(page) == ["$1,030.00", "$0.00", "$1,030.00"]
    page.get_by_label("Use my account balance").check()
    assert sums(page) == ["$1,030.00", "$100.00", "$930.00"]
    page.get_by_label("How much of it").fill("40")
    assert sums(page) == ["$1,030.00", "$40.00", "$990.00"]
    page.get_by_label("How much of it").fill("")

    page.get_by_role("link", name="Tick none").click()
    assert sums(page) == ["$0.00", "$0.00", "$0.00"]
    page.get_by_role("checkbox", name="Lake Clinic").check()
    assert sums(page) == ["$30.00", "$30.00", "$0.00"]
    page.get_by_role("link", name="Tick all").click()
    assert sums(page) == ["$1,030.00", "$100.00", "$930.00"]

    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/method/")
    checkout = Checkout.objects.latest("created_at")
    assert checkout.from_balance_cents == 100_00
    assert sum(checkout.items.values_list("amount_cents", flat=True)) == 1_030_00


def test_without_javascript_a_button_sums_up_and_the_way_is_the_same(open_page: Open) -> None:
    page = open_page("/pay/?kind=medical", javascript=False)
    page.get_by_role("checkbox", name="Bay Hospital").uncheck()
    page.get_by_role("textbox", name="Lake Clinic").fill("12.34")
    page.get_by_label("Use my account balance").check()
    page.get_by_role("button", name="Update total").click()
    assert sums(page) == ["$12.34", "$12.34", "$0.00"]

    page.get_by_text("Pay a total amount instead").click()
    page.get_by_label("Total to pay").fill("100.00")
    page.get_by_role("button", name="Divide it over the bills").click()
    assert sums(page)[0] == "$100.00"
    assert page.get_by_role("textbox", name="Bay Hospital").input_value() == "70.00"

    page.get_by_role("checkbox", name="Bay Hospital").uncheck()
    page.get_by_label("Use my account balance").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Pay $30.00 now").click()
    expect(page.get_by_role("heading", name="Your payment has been made")).to_be_visible()
    assert Payment.objects.latest("pk").from_balance_cents == 30_00


def test_the_enter_key_beside_an_amount_never_pays(open_page: Open) -> None:
    page = open_page("/pay/?kind=medical", javascript=False)
    page.get_by_role("textbox", name="Lake Clinic").fill("1.00")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert sums(page)[0] == "$1,041.01"
    assert Checkout.objects.filter(payment=None).count() == 0


def test_axe_finds_nothing_while_choosing(
    open_page: Open, account: BillingAccount, sandbox: Sandbox, live_server: Any
) -> None:
    busy = make_invoice(account, 80_00, provider="Hill Lab")
    paying.pay(sandbox, busy, 30_00, card="pm_card_threeDSecure2Required")
    sweep = Sweep(page := open_page("/pay/"))
    sweep.look("premiums")
    sweep.visit(f"{live_server.url}/pay/?kind=medical", "medical bills, one of them locked")
    page.get_by_role("textbox", name="Lake Clinic").fill("1000")
    page.get_by_label("How much of it").fill("x")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("errors at a bill and at the balance")
    sweep.visit(f"{live_server.url}/pay/?kind=medical&total=0", "a total of nothing", status=422)
    sweep.visit(f"{live_server.url}/pay/?bill={busy.pk}", "a locked bill alone")
    lake = account.invoices.get(provider="Lake Clinic")
    draft = paying.start_many(sandbox, {lake: 30_00}, from_balance_cents=30_00)
    sweep.visit(f"{live_server.url}/pay/{draft.pk}/review/", "review, from the balance alone")
    assert sweep.found == []


def test_axe_finds_nothing_about_the_balance_and_what_went_back(
    open_page: Open, account: BillingAccount, sandbox: Sandbox, live_server: Any
) -> None:
    sweep = Sweep(open_page("/balance/"))
    sweep.look("balance")
    sweep.visit(f"{live_server.url}/balance/back/", "money back")
    sweep.visit(f"{live_server.url}/balance/add/", "add money")
    payment = paying.pay(sandbox, account.invoices.get(provider="Lake Clinic"))
    refunds.request(
        payment=payment,
        amount_cents=10_00,
        destination=Refund.Destination.BALANCE,
        reason="Kindness",
        requested_by=None,
    )
    sweep.visit(f"{live_server.url}/payments/{payment.reference}/", "partly refunded")
    for state in ("disputed", "returned"):
        Payment.objects.filter(pk=payment.pk).update(state=state)
        sweep.visit(f"{live_server.url}/payments/{payment.reference}/", state)
    assert sweep.found == []
