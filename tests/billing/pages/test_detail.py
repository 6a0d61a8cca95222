"""One bill: rows B3 and A7."""

import datetime as dt

import pytest

from billing.models import Invoice
from billing.services import invoices
from billing.services.invoices import LineDraft
from tests.billing.pages.household import HOME, LIST, TODAY, Household, detail
from tests.support.billing import set_aside, settle, words
from tests.support.factories import make_invoice

pytestmark = pytest.mark.django_db


def test_a_bill_shows_the_visit_and_each_line_to_the_cent(household: Household) -> None:
    visit = dt.date(2026, 9, 14)
    bill = make_invoice(
        household.account,
        number="M-77",
        patient=household.cleo,
        provider="Dr. Maya Lindqvist",
        facility="Oakland Medical Center",
        service_on=visit,
        lines=[
            LineDraft(visit, "Office visit", 210_00, 35_00, 150_00, 25_00, "99213", "CPT"),
            LineDraft(visit, "Blood count", 48_10, 7_05, 30_00, 11_05, "85025", "CPT"),
        ],
    )

    text = words(household.client.get(detail(bill)))

    assert "Bill M-77 Medical, for Cleo Okafor" in text
    assert "Still to pay Open $42.05" in text
    assert "Due Nov. 30, 2026: 42 dollars 5 cents" in text
    for row in (
        "Patient Cleo Okafor",
        "Date of service Sept. 14, 2026",
        "Provider Dr. Maya Lindqvist",
        "Place Oakland Medical Center",
        "Office visit Sept. 14, 2026, code CPT 99213 $210.00 $150.00 $25.00 $35.00",
        "Blood count Sept. 14, 2026, code CPT 85025 $48.10 $30.00 $11.05 $7.05",
        "Total $258.10 $180.00 $36.05 $42.05",
        "No payment has arrived for this bill yet.",
    ):
        assert row in text


def test_a_bill_says_what_was_paid_so_far_and_by_what(household: Household) -> None:
    bill = make_invoice(household.account, 100_00)
    settle(bill, 30_00, on=dt.date(2026, 11, 2))
    settle(bill, 20_50, on=dt.date(2026, 11, 9))
    text = words(household.client.get(detail(bill)))
    assert (
        "Amount billed $100.00 Payment received, Nov. 2, 2026 −$30.00"
        " Payment received, Nov. 9, 2026 −$20.50 Still owed $49.50"
    ) in text
    assert "Still to pay Partly paid $49.50" in text


def test_a_paid_bill_asks_for_nothing(household: Household) -> None:
    bill = make_invoice(household.account, 100_00)
    settle(bill, 100_00, on=TODAY)
    text = words(household.client.get(detail(bill)))
    assert "This bill is paid. You owe nothing on it." in text
    assert "Still to pay Paid $0.00" in text
    assert "Pay this bill" not in text


def test_a_canceled_bill_says_when(household: Household) -> None:
    bill = make_invoice(household.account, 100_00)
    invoices.void(invoice=bill)
    Invoice.objects.filter(pk=bill.pk).update(voided_at=dt.datetime(2026, 11, 20, 5, tzinfo=dt.UTC))
    text = words(household.client.get(detail(bill)))
    assert "This bill was canceled on Nov. 19, 2026." in text  # on the region's calendar
    assert "Bill canceled" in text
    assert "−$100.00" in text
    assert "Pay this bill" not in text


def test_an_overdue_bill_says_since_when_and_whom_to_call(household: Household) -> None:
    bill = make_invoice(household.account, 100_00, due_on=dt.date(2026, 11, 20))
    text = words(household.client.get(detail(bill)))
    assert "This bill was due on Nov. 20, 2026." in text
    assert household.account.region.phone in text


def test_a_bill_that_is_being_paid_elsewhere_says_so(household: Household) -> None:
    whole, part = make_invoice(household.account, 100_00), make_invoice(household.account, 100_00)
    set_aside(whole, 100_00)
    set_aside(part, 60_00)

    text = words(household.client.get(detail(whole)))
    assert "A payment of $100.00 is on its way It covers the whole of what is owed" in text
    assert "Still to pay Payment on its way $0.00" in text
    assert "Pay this bill" not in text

    text = words(household.client.get(detail(part)))
    assert "A payment of $60.00 is on its way Do not pay that part again. The rest, $40.00," in text
    assert "Still owed $100.00 Of that, on its way $60.00" in text


def test_a_premium_speaks_of_coverage_not_of_a_visit(household: Household) -> None:
    bill = make_invoice(household.account, 400_00, kind=Invoice.Kind.PREMIUM, provider="")
    text = words(household.client.get(detail(bill)))
    assert "Premium, for Ada Okafor" in text
    assert "Coverage Patient Ada Okafor Period" in text
    assert "Visit" not in text.replace("Office visit", "")
    assert "Provider" not in text


def test_figures_of_the_plan_that_do_not_add_up_are_told_and_not_charged(household: Household) -> None:
    bill = make_invoice(household.account, 100_00)
    Invoice.objects.filter(pk=bill.pk).update(unexplained_cents=3)
    text = words(household.client.get(detail(bill)))
    assert "They differ by $0.03. We do not charge you for it." in text
    assert "Still to pay Open $100.00" in text


def test_names_from_the_feed_are_text_and_never_markup(household: Household) -> None:
    evil = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    bill = make_invoice(household.account, provider=evil, facility=evil, number='"><b>')
    for url in (HOME, LIST, detail(bill), f"{LIST}?search={evil}"):
        page = household.client.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert '"><b>' not in page
    assert "&lt;script&gt;" in household.client.get(detail(bill)).content.decode()


def test_the_pay_button_leads_to_paying_this_very_bill(household: Household) -> None:
    bill = make_invoice(household.account, 64_00, number="M-64")
    make_invoice(household.account, 65_00, number="M-65")
    page = household.client.get(detail(bill)).content.decode()
    assert f'<a class="button button-primary" href="/pay/?bill={bill.pk}">Pay this bill</a>' in page

    asked = words(household.client.get(f"/pay/?bill={bill.pk}"))
    assert "$64.00" in asked
    assert "M-65" not in asked


def test_the_pay_code_is_gone_once_there_is_nothing_to_pay(household: Household) -> None:
    bill = make_invoice(household.account, 64_00)
    assert bill.pay_code in words(household.client.get(detail(bill)))
    settle(bill, 64_00, on=TODAY)
    assert bill.pay_code not in words(household.client.get(detail(bill)))
