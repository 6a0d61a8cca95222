"""Money goes back: in full, in parts, never more than was captured, and the books follow."""

import datetime as dt
from typing import Any

import pytest
from post_office.models import Email

from billing.models import JournalLine
from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import Payment, Refund, RefundState, State
from payments.services import refunds
from payments.services.refunds import CannotRefund
from payments.services.verification import CHECKS
from tests.support import paying
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db(transaction=True)
SOURCE, BALANCE = Refund.Destination.SOURCE, Refund.Destination.BALANCE


def refund(
    payment: Payment, amount_cents: int, destination: Refund.Destination = SOURCE, **more: object
) -> Refund:
    """Ask for a refund as staff would, and see how it stands."""
    made = refunds.request(
        payment=payment,
        amount_cents=amount_cents,
        destination=destination,
        reason="Duplicate visit",
        requested_by=None,
        **more,  # type: ignore[arg-type]
    )
    made.refresh_from_db()
    payment.refresh_from_db()
    return made


def refunded(sandbox: Sandbox) -> int:
    """What the witness says went back, in cents."""
    return sum(line.refunded_cents for line in sandbox.charges())


@pytest.fixture
def payment(sandbox: Sandbox) -> Payment:
    """A settled payment of $120.00 by card."""
    return paying.pay(sandbox, make_invoice(total_cents=120_00))


def test_a_full_refund_goes_back_to_the_card_and_the_bill_is_owed_again(
    sandbox: Sandbox, payment: Payment
) -> None:
    made = refund(payment, 120_00)

    assert (made.state, payment.state) == (RefundState.SUCCEEDED, State.REFUNDED)
    assert refunded(sandbox) == 120_00
    assert payment.allocations.get().invoice.open_cents == 120_00
    paying.assert_invariants(sandbox)


def test_several_part_refunds_add_up_and_the_rest_can_still_go_back(
    sandbox: Sandbox, payment: Payment
) -> None:
    for cents in (20_00, 30_01, 69_99):
        refund(payment, cents)
        paying.assert_invariants(sandbox)

    assert payment.state == State.REFUNDED
    assert refunded(sandbox) == 120_00
    assert [s for s in paying.states(payment) if "refunded" in s] == ["partly_refunded", "refunded"]


def test_more_than_was_captured_is_refused_and_nothing_moves(
    sandbox: Sandbox, payment: Payment
) -> None:
    refund(payment, 100_00)
    lines = JournalLine.objects.count()

    for cents in (20_01, 120_00, 0, -1):
        with pytest.raises(CannotRefund):
            refund(payment, cents)

    assert refunded(sandbox) == 100_00
    assert JournalLine.objects.count() == lines
    assert Refund.objects.count() == 1
    paying.assert_invariants(sandbox)


def test_a_refund_to_the_account_balance_takes_effect_at_once_and_asks_stripe_nothing(
    sandbox: Sandbox, payment: Payment
) -> None:
    made = refund(payment, 50_00, BALANCE)

    payment.account.refresh_from_db()
    assert made.state == RefundState.SUCCEEDED
    assert payment.account.balance_cents == 50_00
    assert refunded(sandbox) == 0
    with pytest.raises(CannotRefund):
        refund(payment, 70_01)
    paying.assert_invariants(sandbox)


def test_a_refund_of_several_bills_is_split_in_proportion_to_the_cent(sandbox: Sandbox) -> None:
    account = make_account()
    bills = [make_invoice(account=account, total_cents=cents) for cents in (10_00, 20_00, 30_00)]
    payment = paying.pay_many(sandbox, {bill: bill.open_cents for bill in bills})

    refund(payment, 10_01)

    for bill in bills:
        bill.refresh_from_db()
    assert [bill.open_cents for bill in bills] == [1_67, 3_34, 5_00]
    paying.assert_invariants(sandbox)


def test_a_refund_of_chosen_bills_takes_from_those_alone(sandbox: Sandbox) -> None:
    account = make_account()
    first, second = (make_invoice(account=account, total_cents=50_00) for _ in range(2))
    payment = paying.pay_many(sandbox, {first: 50_00, second: 50_00})
    part = payment.allocations.get(invoice=second)

    refund(payment, 50_00, parts={part.pk: 50_00})

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.open_cents, second.open_cents) == (0, 50_00)
    paying.assert_invariants(sandbox)


def test_the_payer_is_told(sandbox: Sandbox, payment: Payment) -> None:
    refund(payment, 20_00)
    mail = Email.objects.latest("pk")
    assert mail.to == [payment.paid_by.email]
    assert "$20.00" in mail.subject


def test_a_payment_that_is_not_settled_gives_nothing_back(sandbox: Sandbox) -> None:
    declined = paying.pay(sandbox, make_invoice(), card="pm_card_visa_chargeDeclined")
    waiting = paying.pay(sandbox, make_invoice(), card="pm_card_threeDSecure2Required")
    for payment in (declined, waiting):
        with pytest.raises(CannotRefund):
            refund(payment, 1)


def test_what_stripe_refuses_to_refund_and_has_kept_becomes_account_balance(
    sandbox: Sandbox, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_refund(monkeypatch)

    made = refund(payment, 120_00)

    payment.account.refresh_from_db()
    assert (made.state, made.failure_code) == (RefundState.FAILED, "insufficient_funds")
    assert (payment.account.balance_cents, payment.refunded_cents) == (120_00, 0)
    assert refunded(sandbox) == 0
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("cents", [120_00, 50_00])
def test_a_payment_that_somebody_refunded_at_stripe_gives_nothing_a_second_time(
    sandbox: Sandbox, payment: Payment, cents: int
) -> None:
    """Once it was turned into account balance: the payer had the money twice."""
    refund_in_the_dashboard(payment, cents)

    made = refund(payment, 120_00)
    for hours in (1, 7, 14, 30):
        refunds.reconcile_refunds(at=paying.later(hours=hours))

    made.refresh_from_db()
    payment.account.refresh_from_db()
    assert made.state == RefundState.UNKNOWN
    assert (payment.account.balance_cents, payment.refunded_cents) == (0, 120_00)
    assert refunded(sandbox) == cents
    with pytest.raises(refunds.GoneOtherwise):  # nor by the word of staff, in whose list it is
        refunds.ask_about(refund_id=made.pk, at=paying.later(hours=30))
    assert {name: list(check()) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


def test_where_stripe_does_not_say_what_it_kept_a_refusal_ends_nothing_yet(
    sandbox: Sandbox, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_refund(monkeypatch)
    sandbox.faults.add("GET /v1/payment_intents/*", "down_503")

    made = refund(payment, 120_00)
    assert made.state == RefundState.CREATED
    refunds.reconcile_refunds(at=paying.later(minutes=3))

    made.refresh_from_db()
    assert made.state == RefundState.FAILED
    paying.assert_invariants(sandbox)


def refuse_to_refund(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our balance at Stripe is too low, say."""

    def refuse(**_: object) -> gateway.SentRefund:
        raise gateway.Refused("insufficient_funds")

    monkeypatch.setattr(gateway, "create_refund", refuse)


def refund_in_the_dashboard(payment: Payment, cents: int) -> None:
    """Past us, and without a reference of ours."""
    gateway.create_refund(
        region=payment.region,
        reference="RF-ELSEWHERE",
        intent_id=str(payment.intent_id),
        amount_cents=cents,
    )


def test_a_refund_on_its_way_is_asked_about_four_times_a_day(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00), card="pm_card_pendingRefund")
    made = refund(payment, 120_00)
    assert made.state == RefundState.PENDING
    retrieve, asked = gateway.retrieve_refund, []

    def counting(**given: Any) -> gateway.SentRefund:
        asked.append(given)
        return retrieve(**given)

    monkeypatch.setattr(gateway, "retrieve_refund", counting)
    for minutes in range(0, 24 * 60, 30):
        refunds.reconcile_refunds(at=paying.later(minutes=minutes))
    assert len(asked) == 3

    sandbox.shift_clock(dt.timedelta(days=7))
    refunds.reconcile_refunds(at=paying.later(hours=31))
    made.refresh_from_db()
    assert made.state == RefundState.SUCCEEDED
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("kind", ["act_then_stall", "act_then_500", "drop_before", "rate_429"])
def test_a_lost_answer_never_refunds_twice(sandbox: Sandbox, payment: Payment, kind: str) -> None:
    sandbox.faults.add("POST /v1/refunds", kind)

    made = refund(payment, 120_00)
    assert made.state in (RefundState.CREATED, RefundState.UNKNOWN)
    for minutes in (5, 10, 15):
        refunds.reconcile_refunds(at=paying.later(minutes=minutes))

    made.refresh_from_db()
    assert made.state == RefundState.SUCCEEDED
    assert refunded(sandbox) == 120_00
    paying.assert_invariants(sandbox)


def test_an_answer_lost_for_more_than_a_day_is_looked_for_and_never_sent_again(
    sandbox: Sandbox, payment: Payment
) -> None:
    sandbox.faults.add("POST /v1/refunds", "drop_before")
    made = refund(payment, 120_00)

    refunds.advance(refund_id=made.pk, at=paying.later(hours=30))

    made.refresh_from_db()
    assert made.state == RefundState.UNKNOWN
    assert refunded(sandbox) == 0
