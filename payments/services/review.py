"""Payments that a person has to look at: what Stripe holds is not what we asked for, or is not known.

Staff let Stripe be asked again, or end a payment of which Stripe itself holds no charge. Nobody's
word alone marks a payment as paid or as not charged.
"""

from django.db.models import Q

from common.clock import now
from payments import gateway, stripe_book
from payments.gateway import GatewayError, Intent, Refused
from payments.models import CAME_TO_NOTHING, RESERVING, Payment, PaymentEvent
from payments.services import settlement, submission

Via = PaymentEvent.Via

# An intent in one of these has taken money, or may at any moment.
_MAY_CHARGE = ("succeeded", "processing", "requires_capture")

CAME_BACK = "what was sent back came back"


class NotInReview(RuntimeError):
    """The payment has an outcome, or is asked about without anybody's help."""


class MayHaveCharged(RuntimeError):
    """Stripe holds a charge of this payment, or did not answer; it cannot be called not charged."""


class NothingToSendBack(RuntimeError):
    """Stripe took nothing for this payment, or what was asked for: then asking again books it."""


def in_review(payment: Payment) -> bool:
    """Whether nothing happens to the payment until staff decide; one that came to nothing, too, where
    Stripe charged it after all.
    """
    return bool(payment.review_reason) and payment.state in (*RESERVING, *CAME_TO_NOTHING)


def ask_again(*, payment: Payment) -> Payment:
    """Take the payment out of review and ask Stripe; what does not fit ends in review again.

    Calls Stripe: outside a transaction. Raises NotInReview.
    """
    taken = Payment.objects.filter(~Q(review_reason=""), pk=payment.pk, state__in=RESERVING).update(
        review_reason="", next_check_at=now()
    )
    if not taken:
        raise NotInReview(payment.reference)
    return submission.advance(payment_id=payment.pk, via=Via.STAFF)


def mark_not_charged(*, payment: Payment) -> Payment:
    """End a payment of which Stripe holds no charge, so that it can never charge; the payer is told.

    A charge that was refunded in full at Stripe is none any more. A payment that had come to nothing
    already only leaves review. Calls Stripe: outside a transaction. Raises NotInReview or
    MayHaveCharged, and nothing changes.
    """
    payment = Payment.objects.select_related("region").get(pk=payment.pk)
    if not in_review(payment):
        raise NotInReview(payment.reference)
    try:
        intent = _intent_of(payment)
        if intent is not None and intent.status not in (*_MAY_CHARGE, "canceled"):
            intent = gateway.cancel_intent(region=payment.region, intent_id=intent.id)
        was_refunded = intent is not None and _was_refunded(payment, intent)
    except GatewayError as error:
        raise MayHaveCharged(payment.reference) from error
    if not (intent is None or intent.status == "canceled" or was_refunded):
        raise MayHaveCharged(payment.reference)
    ended = settlement.give_up(payment_id=payment.pk, code="not charged, by staff", via=Via.STAFF)
    if ended.state in CAME_TO_NOTHING:
        Payment.objects.filter(pk=ended.pk).update(review_reason="")
    return ended


def send_back(*, payment: Payment) -> Payment:
    """Refund all that Stripe took for a payment of which it holds something else than we asked for, or
    which had ended before, and end the payment as not charged; the payer is told.

    Safe to call again where an answer was lost. Calls Stripe: outside a transaction. Raises
    NotInReview; NothingToSendBack; MayHaveCharged where Stripe does not answer, or keeps something.
    """
    payment = Payment.objects.select_related("region").get(pk=payment.pk)
    if not in_review(payment):
        raise NotInReview(payment.reference)
    try:
        intent = _intent_of(payment)
        if intent is None or not _is_ours_and_wrong(payment, intent):
            raise NothingToSendBack(payment.reference)
        account = payment.region.stripe_account
        kept = stripe_book.kept_cents(account=account, intent_id=intent.id)
        if kept:
            made = stripe_book.refunds_made(account=account, intent_id=intent.id)
            gateway.create_refund(
                region=payment.region,
                reference=f"{payment.reference}-{made}",  # another key after a part, or one that failed
                intent_id=intent.id,
                amount_cents=kept,
            )
    except GatewayError as error:
        raise MayHaveCharged(payment.reference) from error
    return mark_not_charged(payment=payment)


def look_whether_it_came_back(*, payment: Payment, via: PaymentEvent.Via) -> bool:
    """Show staff a payment that came to nothing, where Stripe has money of it after all: the bank of
    whoever paid did not take what was sent back. True where it has.

    Calls Stripe: outside a transaction. Raises GatewayError.
    """
    if payment.state not in CAME_TO_NOTHING or payment.intent_id is None:
        return False
    account = payment.region.stripe_account
    if not stripe_book.kept_cents(account=account, intent_id=payment.intent_id):
        return False
    settlement.needs_review(payment_id=payment.pk, reason=CAME_BACK, via=via)
    return True


def _is_ours_and_wrong(payment: Payment, intent: Intent) -> bool:
    """Stripe took money for this payment that can never be booked as what it was to be."""
    if intent.status != "succeeded" or intent.reference != payment.reference:
        return False
    return payment.state in CAME_TO_NOTHING or bool(settlement.mismatch(payment, intent))


def _was_refunded(payment: Payment, intent: Intent) -> bool:
    if intent.status != "succeeded":
        return False
    account = payment.region.stripe_account
    return stripe_book.kept_cents(account=account, intent_id=intent.id) == 0


def _intent_of(payment: Payment) -> Intent | None:
    """By its key, or by our reference where an answer was lost; None where Stripe has none."""
    if payment.intent_id is None:
        return gateway.find_intent(region=payment.region, reference=payment.reference)
    try:
        return gateway.retrieve_intent(region=payment.region, intent_id=payment.intent_id)
    except Refused as error:
        if error.missing:
            return None
        raise
