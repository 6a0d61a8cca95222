"""Payments that a person looks at: Stripe's word, not theirs, says that nothing is charged."""

import datetime as dt

import pytest

from common.clock import now
from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import Payment, PaymentEvent, Refund, State
from payments.services import refunds, review, settlement, submission, webhooks
from payments.services.review import MayHaveCharged
from staff.dashboard import figures
from staff.lists import LISTS
from tests.support import paying
from tests.support.factories import make_invoice
from tests.support.reconciling import open_rows, reconcile

pytestmark = pytest.mark.django_db(transaction=True)
NEEDS_STEP = "pm_card_threeDSecure2Required"


def put_aside(payment: Payment) -> Payment:
    return settlement.needs_review(
        payment_id=payment.pk, reason="amount 1 instead of 2", via=PaymentEvent.Via.RECONCILER
    )


def refund_at_stripe(payment: Payment, amount_cents: int, *, name: str) -> None:
    """As somebody does in Stripe's dashboard."""
    gateway.create_refund(
        region=payment.region,
        reference=name,
        intent_id=str(payment.intent_id),
        amount_cents=amount_cents,
    )


def listed() -> list[str]:
    """What staff are shown, and its count on their first page."""
    references = [payment.reference for payment in LISTS["review"].rows()]
    counted = next(figure.count for figure in figures() if figure.label == "Payments to look at")
    assert counted == len(references)
    return references


def test_one_that_stripe_charged_ends_once_all_of_it_was_refunded_there(sandbox: Sandbox) -> None:
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00), card=NEEDS_STEP)
    sandbox.complete_challenge("ncal", str(payment.intent_id))
    payment = put_aside(payment)
    refund_at_stripe(payment, 119_99, name="RF-MOST")
    with pytest.raises(MayHaveCharged):
        review.mark_not_charged(payment=payment)
    payment.refresh_from_db()
    assert (payment.state, listed()) == (State.UNKNOWN, [payment.reference])

    refund_at_stripe(payment, 1, name="RF-REST")
    ended = review.mark_not_charged(payment=payment)

    ended.refresh_from_db()
    assert (ended.state, ended.review_reason) == (State.CANCELED, "")
    assert ended.allocations.get().invoice.payable_cents == 120_00
    assert listed() == []


def test_one_that_had_ended_is_seen_too_and_leaves_when_stripe_holds_no_charge(
    sandbox: Sandbox,
) -> None:
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00), card=NEEDS_STEP)
    payment = put_aside(submission.abandon(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER))
    assert payment.state == State.CANCELED
    assert listed() == [payment.reference]

    review.mark_not_charged(payment=payment)

    payment.refresh_from_db()
    assert (payment.state, payment.review_reason) == (State.CANCELED, "")
    assert listed() == []
    assert paying.states(payment).count("canceled") == 1


def test_a_refund_without_an_answer_is_shown_to_staff_after_a_day(sandbox: Sandbox) -> None:
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
    sandbox.faults.add("POST /v1/refunds", "drop_before", times=3)
    lost, new = (
        refunds.request(
            payment=payment,
            amount_cents=20_00,
            destination=Refund.Destination.SOURCE,
            reason="Duplicate visit",
            requested_by=None,
        )
        for _ in range(2)
    )
    Refund.objects.filter(pk=lost.pk).update(created_at=now() - dt.timedelta(hours=25))

    assert list(LISTS["refunds"].rows()) == [lost]

    sandbox.faults.clear()
    refunds.reconcile_refunds(at=paying.later(minutes=5))
    new.refresh_from_db()
    assert new.state == "succeeded"
    assert list(LISTS["refunds"].rows()) == [lost]


class TestAChargeThatWasSentBack:
    @pytest.fixture
    def payment(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Payment:
        """Stripe took $120.00 that we had not asked for; all of it went back, and the books agree."""
        payment = paying.pay(sandbox, make_invoice(total_cents=120_00), card=NEEDS_STEP)
        sandbox.complete_challenge("ncal", str(payment.intent_id))
        monkeypatch.setattr(settlement, "mismatch", lambda _payment, _intent: "amount")
        sandbox.webhooks.deliver_due(everything=True)
        reconcile(sandbox)
        assert open_rows() == [("unknown_charge", payment.intent_id, None, 120_00)]
        ended = review.send_back(payment=payment)
        assert ended.state == State.CANCELED
        reconcile(sandbox)
        assert open_rows() == []
        sandbox.webhooks.deliver_due(everything=True)
        webhooks.process_pending(at=paying.later(minutes=5))
        assert listed() == []
        return ended

    def comes_back(self, sandbox: Sandbox) -> None:
        (charge,) = sandbox.charges()
        sandbox.bank.fail_refund("ncal", charge.refunds[0].refund)

    def test_and_comes_back_is_shown_to_staff_as_soon_as_stripe_tells(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        self.comes_back(sandbox)
        sandbox.webhooks.deliver_due(everything=True)
        assert listed() == [payment.reference]
        payment.refresh_from_db()
        assert (payment.state, payment.review_reason) == (State.CANCELED, review.CAME_BACK)

        review.send_back(payment=payment)  # under another key than that of the one that failed
        assert [line.net_cents for line in sandbox.charges()] == [0]
        assert listed() == []

    def test_and_comes_back_unheard_is_found_by_the_daily_comparison(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        sandbox.shift_clock(dt.timedelta(days=3))
        self.comes_back(sandbox)
        reconcile(sandbox, sandbox.now().date())
        assert open_rows() == [("unknown_charge", payment.intent_id, None, 120_00)]
        assert listed() == [payment.reference]
