"""A bank keeps a part of a payment: that part is owed again, and the rest stands."""

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import BillingAccount, JournalLine
from demo.stripe.core import Sandbox
from payments.models import Payment, Refund, State
from payments.services import refunds
from payments.services.verification import CHECKS
from tests.support import paying
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice
from tests.support.history import dispute, refund
from tests.support.reconciling import ledger

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def payment(sandbox: Sandbox, account: BillingAccount) -> Payment:
    return paying.pay(sandbox, make_invoice(account, 100_00))


@pytest.fixture(autouse=True)
def _the_books_hold() -> object:
    yield
    assert {name: list(check()) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


def page_of(account: BillingAccount, payment: Payment) -> str:
    client = Client()
    client.force_login(account.guarantor.user)
    return words(client.get(reverse("payments:show", args=[payment.reference])))


def test_only_the_part_is_owed_again_and_the_payment_is_not_called_returned(
    account: BillingAccount, payment: Payment
) -> None:
    dispute(payment, 30_00, status="needs_response")
    assert payment.state == State.DISPUTED
    dispute(payment, 30_00, status="lost")
    assert (payment.state, payment.disputed_cents, payment.decline_code) == (
        State.PARTLY_REFUNDED,
        30_00,
        "",
    )
    assert paying.owed(account) == 30_00
    lost = JournalLine.objects.filter(entry__kind="dispute_lost").order_by("-amount_cents")
    assert list(lost.values_list("ledger_account", "amount_cents")) == [
        ("receivable", 30_00),
        ("disputes", -30_00),
    ]
    said = page_of(account, payment)
    assert "Your bank took a part of this payment back" in said
    assert "$30.00" in said
    assert "Your bank decided for you and kept the $30.00" in said


def test_the_rest_can_be_refunded_and_no_more(account: BillingAccount, payment: Payment) -> None:
    dispute(payment, 30_00, status="lost")

    def promise(cents: int) -> Refund:
        return refunds.request(
            payment=payment,
            amount_cents=cents,
            destination=Refund.Destination.SOURCE,
            reason="",
            requested_by=None,
        )

    with pytest.raises(refunds.CannotRefund):
        promise(70_01)
    assert paying.owed(account) == 30_00
    refunds.advance(refund_id=promise(70_00).pk)
    payment.refresh_from_db()
    assert (payment.state, payment.refunded_cents, payment.disputed_cents) == (
        State.REFUNDED,
        70_00,
        30_00,
    )
    assert paying.owed(account) == 100_00


def test_what_takes_the_last_of_it_returns_it(account: BillingAccount, payment: Payment) -> None:
    dispute(payment, 30_00, status="lost", number=1)
    dispute(payment, 70_00, status="lost", number=2)
    assert payment.state == State.RETURNED
    assert paying.owed(account) == 100_00


@pytest.mark.parametrize(
    ("second", "state", "taken"),
    [("won", State.PARTLY_REFUNDED, 30_00), ("lost", State.RETURNED, 100_00)],
)
def test_one_part_lost_while_the_other_is_open_waits_for_its_end(
    account: BillingAccount, payment: Payment, second: str, state: str, taken: int
) -> None:
    """Together they are the whole payment; returned is final, and would take no part back."""
    dispute(payment, 70_00, status="needs_response", number=1)
    dispute(payment, 30_00, status="lost", number=2)
    assert (payment.state, paying.owed(account)) == (State.DISPUTED, 30_00)
    dispute(payment, 70_00, status=second, number=1)
    assert (payment.state, payment.disputed_cents, paying.owed(account)) == (state, taken, taken)


def test_the_larger_part_lost_first_and_the_other_won(
    account: BillingAccount, payment: Payment
) -> None:
    dispute(payment, 30_00, status="needs_response", number=1)
    dispute(payment, 70_00, status="lost", number=2)
    assert payment.state == State.DISPUTED
    dispute(payment, 30_00, status="won", number=1)
    assert (payment.state, payment.disputed_cents) == (State.PARTLY_REFUNDED, 70_00)
    assert paying.owed(account) == 70_00


@pytest.mark.parametrize("decided", ["won", "lost"])
def test_a_bank_that_holds_more_than_was_left_is_booked_and_what_it_keeps_is_owed(
    account: BillingAccount, payment: Payment, decided: str
) -> None:
    refund(payment, 40_00)
    dispute(payment, 100_00, status="needs_response")
    assert (payment.state, payment.refunded_cents, payment.disputed_cents) == (
        State.DISPUTED,
        40_00,
        60_00,
    )
    assert ledger("disputes") == 100_00
    assert "The bank took $100.00 back" in page_of(account, payment)
    dispute(payment, 100_00, status=decided)
    assert ledger("disputes") == 0
    if decided == "won":
        assert (payment.state, payment.disputed_cents) == (State.PARTLY_REFUNDED, 0)
        assert paying.owed(account) == 40_00
    else:
        assert (payment.state, payment.disputed_cents) == (State.RETURNED, 60_00)
        assert paying.owed(account) == 140_00


@pytest.mark.parametrize("decided", ["won", "lost"])
def test_what_is_taken_of_a_returned_payment_is_booked_too_and_it_stays_returned(
    account: BillingAccount, payment: Payment, decided: str
) -> None:
    dispute(payment, 100_00, status="lost", number=1)
    dispute(payment, 25_00, status="needs_response", number=2)
    assert (payment.state, ledger("disputes")) == (State.RETURNED, 25_00)
    dispute(payment, 25_00, status=decided, number=2)
    assert (payment.state, ledger("disputes")) == (State.RETURNED, 0)
    assert paying.owed(account) == (100_00 if decided == "won" else 125_00)


def test_another_part_that_is_still_disputed_keeps_it_so(
    account: BillingAccount, payment: Payment
) -> None:
    dispute(payment, 20_00, status="needs_response", number=1)
    dispute(payment, 30_00, status="lost", number=2)
    assert payment.state == State.DISPUTED
    dispute(payment, 20_00, status="won", number=1)
    assert (payment.state, payment.disputed_cents) == (State.PARTLY_REFUNDED, 30_00)
    assert paying.owed(account) == 30_00


def test_one_that_is_won_leaves_the_other_undecided(payment: Payment) -> None:
    dispute(payment, 20_00, status="needs_response", number=1)
    dispute(payment, 30_00, status="needs_response", number=2)
    dispute(payment, 30_00, status="won", number=2)
    assert (payment.state, payment.disputed_cents) == (State.DISPUTED, 20_00)
    dispute(payment, 20_00, status="won", number=1)
    assert (payment.state, payment.disputed_cents) == (State.SUCCEEDED, 0)


def test_what_was_refunded_in_full_to_the_balance_stays_refunded(
    account: BillingAccount, payment: Payment
) -> None:
    refunds.request(
        payment=payment,
        amount_cents=100_00,
        destination=Refund.Destination.BALANCE,
        reason="",
        requested_by=None,
    )
    dispute(payment, 30_00, status="needs_response", number=1)
    dispute(payment, 30_00, status="lost", number=1)
    assert (payment.state, payment.disputed_cents) == (State.REFUNDED, 30_00)
    account.refresh_from_db()
    assert account.balance_cents == 70_00
