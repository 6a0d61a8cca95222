"""What each kind of event makes us ask about. A handler finds our row and asks Stripe; no more.

Objects are looked for within the Stripe account that signed the event: one entity's event never moves
another's money.
"""

import datetime as dt
from collections.abc import Callable
from enum import Enum, auto

from django.db.models import QuerySet

from accounts.models import Region
from payments import gateway
from payments.models import (
    CAME_TO_NOTHING,
    SETTLED,
    Payment,
    PaymentEvent,
    PaymentMethod,
    Refund,
    WebhookEvent,
)
from payments.services import attempts, disputes, refunds, review, settlement, setups, submission

Via = PaymentEvent.Via


class Result(Enum):
    """What became of an event."""

    APPLIED = auto()  # asked, and moved what had to move
    LATER = auto()  # somebody else is at it, or something must end first
    UNKNOWN = auto()  # nothing here by that name, so far


Handler = Callable[[WebhookEvent, dt.datetime], Result]


def payment_changed(event: WebhookEvent, at: dt.datetime) -> Result:
    """A PaymentIntent moved."""
    payment = _find_payment(event)
    if payment is None:
        return Result.UNKNOWN
    if payment.state in CAME_TO_NOTHING and event.type == "payment_intent.succeeded":
        # No path leads here; were there one, somebody was charged for a payment that we called off.
        settlement.needs_review(
            payment_id=payment.pk, reason="charged after it had ended", via=Via.WEBHOOK
        )
        return Result.APPLIED
    payment = submission.advance(payment_id=payment.pk, via=Via.WEBHOOK, at=at)
    if payment.review_reason and event.type == attempts.REFUSED:
        submission.end_refused_in_review(payment=payment)
    return Result.LATER if _is_held(payment.lease_until, at) else Result.APPLIED


def refund_changed(event: WebhookEvent, at: dt.datetime) -> Result:
    """A Refund moved."""
    refund = Refund.objects.filter(
        payment__region__in=gateway.regions(event.stripe_account), refund_id=event.object_id
    ).first()
    if refund is None:
        return _sent_back_changed(event)
    refund = refunds.advance(refund_id=refund.pk, at=at)
    return Result.LATER if _is_held(refund.lease_until, at) else Result.APPLIED


def _sent_back_changed(event: WebhookEvent) -> Result:
    """One without a row here: of a charge that staff sent back, the payment never having been paid."""
    region = _region(event)
    if region is None:
        return Result.UNKNOWN
    try:
        intent_id = gateway.retrieve_refund(region=region, refund_id=event.object_id).intent_id
    except gateway.Refused:
        return Result.UNKNOWN
    payment = _ours(event).filter(intent_id=intent_id, state__in=CAME_TO_NOTHING).first()
    if payment is None:
        return Result.UNKNOWN
    review.look_whether_it_came_back(payment=payment, via=Via.WEBHOOK)
    return Result.APPLIED


def dispute_changed(event: WebhookEvent, at: dt.datetime) -> Result:
    """A bank took a charge back, or decided about it."""
    region = _region(event)
    if region is None:
        return Result.UNKNOWN
    try:
        told = gateway.retrieve_dispute(region=region, dispute_id=event.object_id)
    except gateway.Refused:
        return Result.UNKNOWN
    payment = _ours(event).filter(intent_id=told.intent_id).first()
    if payment is None:
        return Result.UNKNOWN
    if payment.state not in SETTLED:  # nothing is booked that a bank could take
        return Result.LATER
    try:
        disputes.settle(payment_id=payment.pk, told=told, via=Via.WEBHOOK, at=at)
    except disputes.NotYet:
        return Result.LATER
    return Result.APPLIED


def setup_changed(event: WebhookEvent, at: dt.datetime) -> Result:
    """A SetupIntent moved."""
    method = _methods(event).filter(setup_id=event.object_id).first()
    if method is None:
        return Result.UNKNOWN
    setups.ask(method_pk=method.pk, at=at)
    return Result.APPLIED


def method_changed(event: WebhookEvent, at: dt.datetime) -> Result:
    """A card was renewed by its network, or a bank account takes no debits any more."""
    method = _methods(event).filter(method_id=event.object_id).first()
    if method is not None:  # else one that nobody asked us to keep
        setups.refresh(method_pk=method.pk)
    return Result.APPLIED


_HANDLERS: dict[str, Handler] = {
    **{
        f"payment_intent.{what}": payment_changed
        for what in ("requires_action", "processing", "succeeded", "payment_failed", "canceled")
    },
    **{
        f"setup_intent.{what}": setup_changed
        for what in ("requires_action", "succeeded", "setup_failed", "canceled")
    },
    **{f"payment_method.{what}": method_changed for what in ("updated", "automatically_updated")},
    **{f"refund.{what}": refund_changed for what in ("created", "updated", "failed")},
    **{
        f"charge.dispute.{what}": dispute_changed
        for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
    },
}


def find(event_type: str) -> Handler | None:
    """The handler of a kind of event; None for those that change nothing here."""
    return _HANDLERS.get(event_type)


def _is_held(lease_until: dt.datetime | None, at: dt.datetime) -> bool:
    """Whether somebody else is at it right now, so that we look once more later.

    A lease that has run out is nobody's: its holder died, and `advance` left it because all has ended.
    """
    return lease_until is not None and lease_until >= at


def _ours(event: WebhookEvent) -> QuerySet[Payment]:
    return Payment.objects.filter(region__in=gateway.regions(event.stripe_account))


def _methods(event: WebhookEvent) -> QuerySet[PaymentMethod]:
    return PaymentMethod.objects.filter(account__region__in=gateway.regions(event.stripe_account))


def _region(event: WebhookEvent) -> Region | None:
    return gateway.regions(event.stripe_account).first()


def _find_payment(event: WebhookEvent) -> Payment | None:
    """By the intent's id; or, where we never saved it, by the reference that Stripe kept for us."""
    payment = _ours(event).filter(intent_id=event.object_id).first()
    region = _region(event)
    if payment is not None or region is None:
        return payment
    try:
        intent = gateway.retrieve_intent(region=region, intent_id=event.object_id)
    except gateway.Refused:
        return None
    return _ours(event).filter(reference=intent.reference, intent_id__isnull=True).first()
