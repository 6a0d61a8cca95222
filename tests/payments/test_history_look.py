"""The history, the statements and a refunded payment are accessible at every size, light and dark."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import BillingAccount, Invoice
from billing.services import invoices
from demo.stripe.core import Sandbox
from payments.models import Payment, Refund
from tests.meta.test_look import show
from tests.support import paying
from tests.support.axe import faults_in_every_look
from tests.support.browser import NewPage
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.history import dispute, refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(sandbox: Sandbox) -> BillingAccount:
    """With one of everything that can happen, over some months."""
    made = make_account(make_member(first_name="Ana", last_name="Núñez-O’Brien"))
    child = make_member(first_name="José", last_name="D’Ambrosio", registered=False)
    knee, scan = make_invoice(made, 1_042_10), make_invoice(made, 88_40, patient=child)
    both = paying.pay_many(sandbox, {knee: 1_042_10, scan: 88_40})
    plans = [make_invoice(made, 312_50, kind=Invoice.Kind.PREMIUM) for _ in range(4)]
    for months, plan in enumerate(plans):
        paid = paying.pay(sandbox, plan)
        at = dt.datetime(2026, 7 + months, 3, 20, tzinfo=dt.UTC)
        Payment.objects.filter(pk=paid.pk).update(settled_at=at)
    Payment.objects.filter(pk=both.pk).update(settled_at=dt.datetime(2026, 8, 20, tzinfo=dt.UTC))
    refund(both, 100_00)
    refund(both, 8_40, to=Refund.Destination.BALANCE)
    paying.add_money(sandbox, made, 50_00)
    lost = paying.pay(sandbox, blood := make_invoice(made, 75_00))
    dispute(lost, 75_00, is_return=True, reason="R01")
    paying.pay(sandbox, blood, card="pm_card_visa_chargeDeclined")
    paying.pay(sandbox, canceled := make_invoice(made, 30_00))
    invoices.void(invoice=canceled)
    return made


def html_of(account: BillingAccount, url: str) -> str:
    client = Client()
    client.force_login(account.guarantor.user)
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def pages(account: BillingAccount) -> dict[str, str]:
    refunded = account.payments.filter(state="partly_refunded").get()
    return {
        name: html_of(account, url)
        for name, url in {
            "history": reverse("payments:history"),
            "nothing matches": reverse("payments:history") + "?kind=dispute&year=1999",
            "a bad address": reverse("payments:history") + "?since=yesterday",
            "years": reverse("billing:statements"),
            "statement": reverse("billing:statement", args=[2026]),
            "refunded payment": reverse("payments:show", args=[refunded.reference]),
        }.items()
    }


def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    account: BillingAccount, new_page: NewPage
) -> None:
    found = []
    for name, html in pages(account).items():
        page = new_page()
        show(page, html)
        found += [f"{name}, {line}" for line in faults_in_every_look(page)]
        page.context.close()
    assert found == []


def test_the_table_behind_the_chart_opens_without_a_script(
    account: BillingAccount, new_page: NewPage
) -> None:
    page = new_page(javascript=False)
    show(page, html_of(account, reverse("payments:history")))
    table = page.get_by_role("table", name="Paid by month")
    assert not table.is_visible()
    page.get_by_text("The same as a table").click()
    assert table.is_visible()


def test_a_payment_prints_without_the_frame_and_its_button_needs_a_script(
    account: BillingAccount, new_page: NewPage
) -> None:
    html = html_of(account, reverse("payments:show", args=[account.payments.first().reference]))
    page = new_page()
    show(page, html)
    button = page.get_by_role("button", name="Print this page")
    assert button.is_visible()
    page.evaluate("window.print = () => { document.title = 'printed' }")
    button.click()
    assert page.title() == "printed"

    page.emulate_media(media="print")
    for gone in ("header nav", "footer", "button", "main form"):
        assert not any(each.is_visible() for each in page.locator(gone).all()), gone
    assert page.get_by_role("heading", name="Details").is_visible()

    without = new_page(javascript=False)
    show(without, html)
    assert not without.get_by_role("button", name="Print this page").is_visible()
