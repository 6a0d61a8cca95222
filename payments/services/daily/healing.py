"""Before comparing: ask Stripe about what its book shows and ours should know by now.

A lost webhook, a standby that missed the last commits: the services that webhooks and the reconciler
call find out, and book it. What they cannot explain stays, and becomes a difference.
"""

import structlog
from django.db import IntegrityError
from django.db.models import Q, QuerySet

from payments import gateway
from payments.models import (
    CAME_TO_NOTHING,
    RESERVING,
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
    """Ask about payments, refunds and disputes that Stripe moved in this stretch and we did not."""
    moved = StripeTransaction.objects.filter(span.holds("made_at"), stripe_account=account.name)
    for payment in _unsettled(account, moved):
        submission.advance(payment_id=payment.pk, via=Via.RECONCILER)
    for refund in _unsent(account, moved):
        refunds.advance(refund_id=refund.pk)
    for payment in _sent_back_in_vain(account, moved):
        review.look_whether_it_came_back(payment=payment, via=Via.RECONCILER)
    for dispute_id in _undecided(moved):
        _learn(account, dispute_id)


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


def _undecided(moved: Moved) -> list[str]:
    decided = Dispute.objects.exclude(state=DisputeState.OPEN).values("dispute_id")
    disputed = moved.filter(meaning.IS_OTHER, type="adjustment").exclude(source_id="")
    unknown = disputed.exclude(source_id__in=decided).values_list("source_id", flat=True)
    return sorted(set(unknown))


def _learn(account: StripeAccount, dispute_id: str) -> None:
    """Apply a dispute as its webhook would have; what is none, or not ours, is left to comparing."""
    try:
        told = gateway.retrieve_dispute(region=account.home, dispute_id=dispute_id)
        payment = account.payments().filter(intent_id=told.intent_id).first()
        if payment is not None and payment.has_outcome:
            disputes.settle(payment_id=payment.pk, told=told, via=Via.RECONCILER)
    except (gateway.Refused, disputes.NotYet, IntegrityError) as error:
        log.warning("reconciliation.dispute_not_applied", dispute=dispute_id, error=str(error)[:200])
