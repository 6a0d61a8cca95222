"""Paying without an account, page by page, as a guest's browser does it."""

import pytest
from django.test import Client

from billing.models import Invoice
from demo.stripe.core import Sandbox
from payments.models import Payment, State
from tests.support import guests, paying
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.guests import BILL, CARD, PAYMENT, REVIEW, START
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bill() -> Invoice:
    """$84.20 owed to a clinic, on Avery Castellan's account."""
    owner = make_member(first_name="Avery", last_name="Castellan")
    return make_invoice(make_account(owner), 84_20, provider="Lake Clinic")


def test_from_the_pay_code_to_paid_in_four_pages(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    assert "Pay a bill without an account" in words(client.get(START))
    assert guests.find(client, guests.by_code(bill)).headers["Location"] == BILL
    page = words(client.get(BILL))
    assert "$84.20" in page
    assert "A***** C." in page
    assert bill.account.region.legal_entity in page
    assert guests.give_amount(client, sandbox, bill).headers["Location"] == REVIEW
    page = words(client.get(REVIEW))
    assert "Visa ending in 4242" in page
    assert "Confirm and pay $84.20" in page
    assert charged(sandbox) == {}

    assert guests.confirm(client).headers["Location"] == PAYMENT

    page = words(client.get(PAYMENT))
    payment = Payment.objects.get()
    assert payment.reference in page
    assert "Print this page" in page
    assert (payment.payer, payment.paid_by, payment.state) == ("guest", None, State.SUCCEEDED)
    assert charged(sandbox) == {payment.reference: 84_20}
    bill.refresh_from_db()
    assert bill.open_cents == 0
    paying.assert_invariants(sandbox)
