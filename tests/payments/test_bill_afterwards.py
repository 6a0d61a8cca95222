"""What a bill says, on its page and on paper, after its payment went back, moved, or was in vain."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from billing import postings
from billing.models import BillingAccount, Correction, EntryKind, Invoice
from billing.services import corrections, invoices
from demo.stripe.core import Sandbox
from payments.models import Payment, Refund
from payments.services import moving, recorded, refunds
from tests.support import paying, pdfs
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice
from tests.support.history import dispute, refund

pytestmark = pytest.mark.django_db
DAY = re.compile(r", [A-Z][a-z]+\.? [0-9]{1,2}, [0-9]{4}")


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def bill(account: BillingAccount) -> Invoice:
    return make_invoice(account, 120_00)


@pytest.fixture
def paid(sandbox: Sandbox, bill: Invoice) -> Payment:
    return paying.pay(sandbox, bill)


def said_of(bill: Invoice) -> list[str]:
    """What page and PDF say, to the guarantor, without the days of what was posted."""
    client = Client()
    client.force_login(bill.account.guarantor.user)
    page = words(client.get(reverse("billing:detail", args=[bill.pk])))
    paper = pdfs.text(client.get(reverse("billing:bill_pdf", args=[bill.pk])).content)
    return [DAY.sub("", page), DAY.sub("", paper)]


def assert_says(bill: Invoice, *phrases: str) -> None:
    for said in said_of(bill):
        for phrase in phrases:
            assert phrase in said


BILLED = "Amount billed $120.00 Payment received −$120.00"


def test_a_refund_is_owed_again(bill: Invoice, paid: Payment) -> None:
    refund(paid, 30_01)
    assert_says(bill, f"{BILLED} Refunded $30.01 Still owed $30.01")


def test_a_refund_to_the_balance_says_where_it_went(bill: Invoice, paid: Payment) -> None:
    refund(paid, 30_01, to=Refund.Destination.BALANCE)
    assert_says(bill, f"{BILLED} Refunded to your account balance $30.01 Still owed $30.01")


def test_a_returned_payment_was_taken_back_by_the_bank(bill: Invoice, paid: Payment) -> None:
    dispute(paid, 120_00, is_return=True, reason="R01")
    assert_says(bill, f"{BILLED} Taken back by your bank $120.00 Still owed $120.00")


def test_a_dispute_says_nothing_before_it_is_lost(bill: Invoice, paid: Payment) -> None:
    dispute(paid, 50_00, status="needs_response")
    assert_says(bill, f"{BILLED} Still owed $0.00", "This bill is paid. You owe nothing on it.")
    dispute(paid, 50_00, status="lost")
    assert_says(bill, f"{BILLED} Taken back by your bank $50.00 Still owed $50.00")


def test_a_check_that_was_recorded_in_error_is_called_so(
    account: BillingAccount, bill: Invoice
) -> None:
    check = recorded.record(
        account=account,
        kind="check",
        amounts={bill.pk: 120_00},
        to_balance_cents=0,
        check_number="1042",
        recorded_by=account.guarantor.user,
    )
    refunds.request(
        payment=check,
        amount_cents=120_00,
        destination=Refund.Destination.NOWHERE,
        reason="Typed for the wrong account",
        requested_by=None,
    )
    in_error = "Taken back: the payment was recorded in error $120.00"
    assert_says(bill, f"{BILLED} {in_error} Still owed $120.00")


def test_a_moved_payment_is_told_on_both_bills(
    account: BillingAccount, bill: Invoice, paid: Payment
) -> None:
    other = make_invoice(account, 120_00)
    moving.move_to_bill(
        payment=paid,
        from_invoice=bill,
        to_invoice=other,
        amount_cents=20_00,
        reason="Other bill",
        moved_by=account.guarantor.user,
    )
    assert_says(bill, f"{BILLED} Payment moved to another bill $20.00 Still owed $20.00")
    moved_here = "Amount billed $120.00 Payment moved here from another bill −$20.00"
    assert_says(other, f"{moved_here} Still owed $100.00")


def test_a_paid_bill_that_was_canceled_says_where_its_money_went(bill: Invoice, paid: Payment) -> None:
    invoices.void(invoice=bill)
    went = "Bill canceled −$120.00 What was paid went to your account balance $120.00"
    assert_says(bill, f"{BILLED} {went} Still owed $0.00")


def test_a_part_paid_bill_that_was_corrected_and_canceled_sums_to_nothing(
    sandbox: Sandbox, account: BillingAccount, bill: Invoice
) -> None:
    paying.pay(sandbox, bill, 50_00)
    for kind, cents in ((Correction.Kind.ADJUSTMENT, 10_00), (Correction.Kind.WRITE_OFF, 5_00)):
        corrections.correct(
            invoice=bill, kind=kind, amount_cents=cents, reason="", made_by=account.guarantor.user
        )
    invoices.void(invoice=bill)
    assert_says(
        bill,
        "Amount billed $120.00 Payment received −$50.00 Adjusted −$10.00"
        " Written off: you need not pay it −$5.00 Bill canceled −$105.00"
        " What was paid went to your account balance $50.00 Still owed $0.00",
    )


def test_no_word_of_staff_is_left_but_where_it_is_everybodys() -> None:
    staffs = {str(label) for _kind, label in EntryKind.choices}
    members = {**postings.LOWERED, **postings.RAISED, **postings.REFUNDED}
    assert staffs & {str(label) for label in members.values()} == {
        "Bill canceled",
        "Payment moved to another bill",
    }
