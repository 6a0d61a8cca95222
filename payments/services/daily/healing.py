"""Before comparing: ask Stripe about what its book shows and ours should know by now.

A lost webhook, a standby that missed the last commits: the services that webhooks and the reconciler
call find out, and book it. What they cannot explain stays, and becomes a difference.
"""

import structlog
from django.db.models import Q, QuerySet

from common.batches import for_each
from payments import gateway
from payments.models import (
    CAME_TO_NOTHING,
    RESERVING,
    SETTLED,
    Difference,
    Dispute,
    DisputeState,
    Payment,
    PaymentEvent,
    Refund,
    RefundState,
    State,
    StripeTransaction,
)
from payments.services import disputes, refunds, review, submission
from payments.services.daily import meaning
from payments.services.daily.accounts import StripeAccount
from payments.services.daily.touched import Span

log = structlog.get_logger(__name__)
Via = PaymentEvent.Via
Moved = QuerySet[StripeTransaction]


def heal(account: StripeAccount, span: Span) -> None:
    """Ask about payments, refunds and disputes that Stripe moved in this stretch and we did not.

    One that fails keeps no other waiting: all failures are raised together at the end.
    """
    moved = StripeTransaction.objects.filter(span.holds("made_at"), stripe_account=account.name)
    steps = (_settle_payments, _send_refunds, _look_what_came_back, _learn_disputes)
    for_each(steps, lambda step: step(account, moved), failing="what could not be healed")


def _settle_payments(account: StripeAccount, moved: Moved) -> bool:
    def advance(payment: Payment) -> bool:
        return submission.advance(payment_id=payment.pk, via=Via.RECONCILER).has_outcome

    return bool(for_each(_unsettled(account, moved), advance, failing="payments"))


def _send_refunds(account: StripeAccount, moved: Moved) -> bool:
    def advance(refund: Refund) -> bool:
        return refunds.advance(refund_id=refund.pk).ended_at is not None

    return bool(for_each(_unsent(account, moved), advance, failing="refunds"))


def _look_what_came_back(account: StripeAccount, moved: Moved) -> bool:
    def look(payment: Payment) -> bool:
        review.look_whether_it_came_back(payment=payment, via=Via.RECONCILER)
        return True

    return bool(for_each(_sent_back_in_vain(account, moved), look, failing="charges sent back"))


def _learn_disputes(account: StripeAccount, moved: Moved) -> bool:
    def learn(dispute_id: str) -> bool:
        return _learn(account, dispute_id)

    return bool(for_each(_undecided(account, moved), learn, failing="disputes"))


def _unsettled(account: StripeAccount, moved: Moved) -> QuerySet[Payment]:
    """Without an outcome here. A bank debit is on its way for days: only one that failed counts."""
    charged = moved.filter(meaning.IS_CHARGE)
    failed = charged.filter(type="payment_failure_refund")
    return (
        account.payments()
        .filter(state__in=RESERVING, review_reason="", intent_id__in=charged.values("intent_id"))
        .filter(~Q(state=State.PROCESSING) | Q(intent_id__in=failed.values("intent_id")))
    )


def _unsent(account: StripeAccount, moved: Moved) -> QuerySet[Refund]:
    """Without an outcome here, or sent back by a bank that had taken it."""
    refunded = moved.filter(meaning.IS_REFUND).values("intent_id")
    came_back = moved.filter(type=meaning.REFUND_FAILURE).values("source_id")
    return Refund.objects.filter(
        Q(
            payment__in=account.payments().filter(intent_id__in=refunded),
            state__in=refunds.UNSETTLED,
        )
        | Q(
            payment__in=account.payments(),
            state=RefundState.SUCCEEDED,
            refund_id__in=came_back,
        ),
        destination=Refund.Destination.SOURCE,
    )


def _sent_back_in_vain(account: StripeAccount, moved: Moved) -> QuerySet[Payment]:
    """Came to nothing because the charge was sent back, and then a bank did not take it."""
    came_back = moved.filter(type=meaning.REFUND_FAILURE).values("intent_id")
    sent_back = account.payments().filter(state__in=CAME_TO_NOTHING, intent_id__in=came_back)
    return sent_back.select_related("region")


def _undecided(account: StripeAccount, moved: Moved) -> list[str]:
    """Unknown here, or open. What is lost moves no money, so nothing but asking tells of it; and what
    is listed as a difference could not be applied on its own day.
    """
    decided = Dispute.objects.exclude(state=DisputeState.OPEN).values("dispute_id")
    listed = Difference.objects.filter(
        stripe_account=account.name, kind=Difference.Kind.MOVEMENT, resolved_at=None
    )
    book = StripeTransaction.objects.filter(stripe_account=account.name)
    disputed = set[str]()
    for some in (moved, book.filter(source_id__in=listed.values("object_id"))):
        adjusted = some.filter(meaning.IS_OTHER, type="adjustment").exclude(source_id="")
        unknown = adjusted.exclude(source_id__in=decided)
        disputed.update(unknown.values_list("source_id", flat=True))
    waiting = Dispute.objects.filter(payment__in=account.payments(), state=DisputeState.OPEN)
    return sorted(disputed.union(waiting.values_list("dispute_id", flat=True)))


def _learn(account: StripeAccount, dispute_id: str) -> bool:
    """Apply a dispute as its webhook would have; what is none, or not ours, is left to comparing.

    Returns whether there was one to apply.
    """
    try:
        told = gateway.retrieve_dispute(region=account.home, dispute_id=dispute_id)
        payment = account.payments().filter(intent_id=told.intent_id, state__in=SETTLED).first()
        if payment is None:
            return False
        return disputes.settle(payment_id=payment.pk, told=told, via=Via.RECONCILER) is not None
    except (gateway.Refused, disputes.NotYet) as error:
        log.warning("reconciliation.dispute_not_applied", dispute=dispute_id, error=str(error)[:200])
        return False
