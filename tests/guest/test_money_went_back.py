"""After the money went back, the guest's page no longer says "Paid": it says what that means."""

import pytest
from django.test import Client

from billing.models import Invoice
from demo.stripe.core import Sandbox
from payments.models import Payment, Refund, State
from tests.support import guests
from tests.support.billing import words
from tests.support.factories import make_invoice
from tests.support.guests import BILL, MAIL, PAYMENT
from tests.support.history import dispute, refund

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bill() -> Invoice:
    return make_invoice(total_cents=84_20)


@pytest.fixture
def paid(client: Client, sandbox: Sandbox, bill: Invoice) -> Payment:
    payment = guests.pay(client, sandbox, bill)
    assert "Your payment has been made" in words(client.get(PAYMENT))
    return payment


def page_of(client: Client, payment: Payment, state: State) -> str:
    """What the page says by now; it never claims what is no longer so, and offers the receipt."""
    payment.refresh_from_db()
    assert payment.state == state
    response = client.get(PAYMENT)
    html, seen = response.content.decode(), words(response)
    assert "Your payment has been made" not in seen
    assert "status-good" not in html
    assert "data-print" not in html
    assert f'action="{MAIL}"' in html
    assert f"<title>{state.label} - KPPay</title>" in html
    assert f"Questions? Call us: {payment.region.phone} (TTY {payment.region.tty})." in seen
    return seen


def test_refunded_in_part(client: Client, paid: Payment) -> None:
    made = refund(paid, 20_00)
    seen = page_of(client, paid, State.PARTLY_REFUNDED)
    assert "Partly refunded A part of this payment went back" in seen
    assert "What went back is owed on the bill again." in seen
    assert f"$20.00 refunded to Visa ending in 4242, reference {made.reference}" in seen
    assert "Left of this payment: $64.20" in seen


def test_refunded(client: Client, paid: Payment) -> None:
    refund(paid, 84_20)
    seen = page_of(client, paid, State.REFUNDED)
    assert "Refunded This payment went back" in seen
    assert "can take a few days until you see it there" in seen
    assert "Left of this payment: $0.00" in seen


def test_refunded_to_the_members_account_balance_is_not_called_a_refund_to_the_card(
    client: Client, paid: Payment
) -> None:
    refund(paid, 84_20, to=Refund.Destination.BALANCE)
    seen = page_of(client, paid, State.REFUNDED)
    assert "$84.20 refunded to the account balance" in seen
    assert "refunded to Visa" not in seen


def test_disputed(client: Client, paid: Payment) -> None:
    dispute(paid, 84_20, status="needs_response")
    seen = page_of(client, paid, State.DISPUTED)
    assert "Disputed This payment is disputed" in seen
    assert "The bank took $84.20 back and keeps it until it decides." in seen
    assert "nobody needs to pay it again" in seen
    assert "tell your bank or call us" in seen


def test_returned(client: Client, paid: Payment, bill: Invoice) -> None:
    dispute(paid, 84_20, reason="R01", is_return=True)
    seen = page_of(client, paid, State.RETURNED)
    assert "Returned Your bank took this payment back" in seen
    assert "There was not enough money available" in seen
    assert "What it had paid is owed again." in seen
    assert "pay it again" in seen
    assert "$84.20 returned: the bank took it back" in seen
    assert guests.find(Client(), guests.by_code(bill)).headers["Location"] == BILL


def test_a_dispute_that_is_decided_for_the_payer(client: Client, paid: Payment) -> None:
    dispute(paid, 84_20, reason="fraudulent")
    seen = page_of(client, paid, State.RETURNED)
    assert "$84.20 taken back by the bank after a dispute" in seen
    assert "did not approve" not in seen


def test_a_dispute_that_is_decided_for_us_is_paid_again(client: Client, paid: Payment) -> None:
    dispute(paid, 84_20, status="needs_response")
    dispute(paid, 84_20, status="won")
    seen = words(client.get(PAYMENT))
    assert "Your payment has been made" in seen
    assert "Print this page" in seen
