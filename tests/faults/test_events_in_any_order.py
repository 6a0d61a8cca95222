"""Row 14: all 24 orders of four events of one payment, each of which has something to tell."""

import itertools

import pytest

from billing.models import BillingAccount, JournalEntry
from demo.stripe.core import Sandbox
from payments.models import Dispute, Receipt, Refund, RefundState, State, WebhookEvent
from payments.services import refunds, webhooks
from tests.faults.test_webhooks import event_of, paid_at_stripe_only
from tests.support import paying
from tests.support.factories import make_invoice

pytestmark = pytest.mark.django_db(transaction=True)

ANY_ORDER = pytest.mark.parametrize("order", list(itertools.permutations(range(4))))


def hear_in_order(sandbox: Sandbox, kinds: tuple[str, ...], order: tuple[int, ...]) -> None:
    """Four events of one payment arrive in an order; what had to wait is taken up again."""
    told = [event_of(sandbox, kind) for kind in kinds]
    for index in order:
        sandbox.webhooks.redeliver(told[index])
    webhooks.process_pending(at=paying.later(minutes=1))
    outcomes = dict(WebhookEvent.objects.values_list("type", "outcome"))
    assert outcomes == dict.fromkeys(kinds, "applied")


@ANY_ORDER
def test_row_14_four_events_from_the_banks_step_to_a_lost_dispute_end_alike_in_any_order(
    sandbox: Sandbox, order: tuple[int, ...]
) -> None:
    """The first one that asks settles the payment; a dispute that is told of before waits for that.
    The bank's step is known here already: its event changes nothing where it comes first.
    """
    sandbox.webhooks.set_mode("drop")
    payment = paid_at_stripe_only(sandbox)
    dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
    sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)
    kinds = (
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "charge.dispute.created",
        "charge.dispute.closed",
    )

    hear_in_order(sandbox, kinds, order)

    assert paying.states(payment)[-3:] == [State.SUCCEEDED, State.DISPUTED, State.RETURNED]
    assert payment.allocations.get().invoice.open_cents == 120_00
    assert (Receipt.objects.count(), Dispute.objects.count()) == (1, 1)
    paying.assert_invariants(sandbox)


@ANY_ORDER
def test_row_14_four_events_of_a_refund_and_a_dispute_of_the_rest_end_alike_in_any_order(
    sandbox: Sandbox, order: tuple[int, ...]
) -> None:
    """The browser has settled the payment: that it succeeded is no news, and changes nothing."""
    sandbox.webhooks.set_mode("drop")
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00), card="pm_card_pendingRefund")
    made = refunds.request(
        payment=payment,
        amount_cents=50_00,
        destination=Refund.Destination.SOURCE,
        reason="Duplicate visit",
        requested_by=None,
    )
    made.refresh_from_db()
    assert made.state == RefundState.PENDING
    sandbox.bank.finish_refund("ncal", str(made.refund_id))
    dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
    sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)
    kinds = (
        "payment_intent.succeeded",
        "refund.updated",
        "charge.dispute.created",
        "charge.dispute.closed",
    )

    hear_in_order(sandbox, kinds, order)

    payment.refresh_from_db()
    made.refresh_from_db()
    account = BillingAccount.objects.get(pk=payment.account_id)
    assert (payment.state, made.state) == (State.RETURNED, RefundState.SUCCEEDED)
    assert (payment.refunded_cents, payment.disputed_cents) == (50_00, 70_00)
    assert (paying.owed(account), account.balance_cents) == (120_00, 0)
    # The bill, the payment, the refund promised and sent, the dispute opened and lost.
    assert JournalEntry.objects.count() == 6
    paying.assert_invariants(sandbox)
