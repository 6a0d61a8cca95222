"""What happened to a payment, in words and in order: from the click to money that went back.

Pure: made from rows that were read before. A move that a refund or a dispute caused is told once, by
the refund or the dispute, which knows the amount.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from common.money import format_cents
from payments import declines, methods
from payments.models import (
    RESERVING,
    Dispute,
    DisputeState,
    Payment,
    PaymentEvent,
    Refund,
    RefundState,
    State,
)

# How a step looks; its words stand beside it (templates/components/status.html).
INFO, GOOD, WARN, BAD = "info", "good", "warn", "bad"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, for the person who paid, in the active language."""

    at: dt.datetime
    what: str
    note: str = ""
    tone: str = INFO


def timeline(
    payment: Payment,
    *,
    events: Iterable[PaymentEvent],
    refunds: Iterable[Refund] = (),
    disputes: Iterable[Dispute] = (),
) -> list[Step]:
    """Every step of a payment, the earliest first; steps of one moment in the order of their cause."""
    steps = [step for event in events for step in _of_event(payment, event)]
    for refund in refunds:
        steps += _of_refund(payment, refund)
    for dispute in disputes:
        steps += _of_dispute(payment, dispute)
    return sorted(steps, key=lambda step: step.at)


def _of_event(payment: Payment, event: PaymentEvent) -> Iterator[Step]:
    if event.from_state and event.from_state not in RESERVING:
        return  # the money had arrived before; a refund or a dispute tells what came then
    match event.to_state:
        case State.CREATED:
            yield Step(event.at, _started(payment))
        case State.SUBMITTED if payment.charge_cents and not methods.is_recorded(payment.method_kind):
            yield Step(event.at, _("Sent to our payment service"))
        case State.REQUIRES_ACTION:
            yield Step(event.at, _("Your bank asked you to confirm the payment"))
        case State.PROCESSING:
            yield Step(
                event.at, _("Sent to your bank"), _("A bank payment takes a few days to arrive.")
            )
        case State.UNKNOWN:
            yield Step(
                event.at,
                _("We had no answer and began to check"),
                _("Nothing can be charged twice meanwhile."),
                WARN,
            )
        case State.SUCCEEDED:
            yield from _arrived(payment, event)
        case State.FAILED:
            by_bank = event.from_state == State.PROCESSING
            why = declines.explain(event.detail, kind=payment.method_kind)
            what = _("Returned by your bank, nothing was taken") if by_bank else _("Declined")
            yield Step(event.at, what, str(why.happened), BAD)
        case State.CANCELED:
            yield Step(event.at, _("Ended without a charge"), tone=WARN)


def _started(payment: Payment) -> str:
    if payment.payer == Payment.Payer.SYSTEM:
        return _("Started by itself, because you let your account balance pay bills")
    if payment.payer == Payment.Payer.STAFF:
        return _("We received your payment and recorded it")
    if payment.payer == Payment.Payer.AUTOPAY:
        return _("Started by itself, because of your autopay")
    if payment.payer == Payment.Payer.GUEST:
        return _("Confirmed by a guest, without logging in")
    return _("You confirmed the payment")


def _arrived(payment: Payment, event: PaymentEvent) -> Iterator[Step]:
    """Settled and posted happen in one transaction, and so at one moment."""
    if payment.charge_cents:
        yield Step(event.at, _("The money arrived"), tone=GOOD)
    else:
        yield Step(event.at, _("Taken from your account balance"), tone=GOOD)
    if payment.to_balance_cents:
        yield Step(event.at, _("Added to your account balance"), tone=GOOD)
    else:
        yield Step(event.at, _("Posted to your bills"), tone=GOOD)


def _of_refund(payment: Payment, refund: Refund) -> Iterator[Step]:
    amount = {"amount": format_cents(refund.amount_cents), "reference": refund.reference}
    if refund.destination == Refund.Destination.BALANCE:
        yield Step(refund.created_at, _("%(amount)s refunded to your account balance") % amount)
        return
    if refund.destination == Refund.Destination.NOWHERE:
        yield Step(
            refund.created_at,
            _("%(amount)s taken back: it was recorded in error") % amount,
            _("What it had paid is owed again."),
            WARN,
        )
        return
    yield Step(
        refund.created_at,
        _("Refund of %(amount)s started") % amount,
        _("Its reference is %(reference)s.") % amount,
    )
    source = methods.describe(
        kind=payment.method_kind, brand=payment.method_brand, last4=payment.method_last4
    )
    if refund.sent_at:
        yield Step(refund.sent_at, _("Refund sent to %(method)s") % {"method": source})
    if refund.ended_at and refund.state == RefundState.SUCCEEDED:
        yield Step(
            refund.ended_at,
            _("Refund of %(amount)s made") % amount,
            _("Your bank shows it within a few days."),
            GOOD,
        )
    if refund.ended_at and refund.state == RefundState.FAILED:
        yield Step(
            refund.ended_at,
            _("The refund could not be delivered"),
            _("%(amount)s is in your account balance instead.") % amount,
            WARN,
        )


def _of_dispute(payment: Payment, dispute: Dispute) -> Iterator[Step]:
    amount = {"amount": format_cents(dispute.amount_cents)}
    if dispute.is_return:
        yield Step(
            dispute.opened_at,
            _("Returned: your bank took %(amount)s back") % amount,
            str(declines.explain(dispute.reason, kind=payment.method_kind).happened),
            BAD,
        )
        return
    yield Step(
        dispute.opened_at,
        _("Disputed: your bank took %(amount)s back until it decides") % amount,
        tone=WARN,
    )
    if dispute.decided_at and dispute.state == DisputeState.WON:
        yield Step(
            dispute.decided_at,
            _("Your bank decided that the payment stands"),
            _("The %(amount)s counts as paid again.") % amount,
            GOOD,
        )
    if dispute.decided_at and dispute.state == DisputeState.LOST:
        yield Step(
            dispute.decided_at,
            _("Your bank decided for you and kept the %(amount)s") % amount,
            _("What it had paid is owed again."),
            BAD,
        )
