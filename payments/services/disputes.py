"""What banks take back: cardholders' disputes, and bank debits returned after they had settled.

An open dispute parks the amount; won brings it back; lost reopens the bills. A returned bank debit
arrives as a dispute that is lost from the start (Stripe: final, cannot be challenged).
"""

import datetime as dt

import structlog
from django.db import transaction

from billing.models import EntryKind, LedgerCode
from billing.services.ledger import Posting, post
from common.clock import business_date, now
from common.locks import lock_one
from payments import emails
from payments.gateway import BankDispute
from payments.models import (
    Dispute,
    DisputeState,
    Payment,
    PaymentEvent,
    RefundState,
    State,
)
from payments.services import methods
from payments.services.moves import lock_payment, move
from payments.services.refunds import KEY_LIVES, move_by_what_is_left
from payments.services.reversal import charge_returned_item_fee, take_back_by_force

log = structlog.get_logger(__name__)
Via = PaymentEvent.Via

_STATES = {
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}


class NotYet(RuntimeError):
    """A refund of the payment may still be sent; its outcome decides how much the bank can take."""


@transaction.atomic
def settle(
    *, payment_id: int, told: BankDispute, via: Via, at: dt.datetime | None = None
) -> Dispute | None:
    """Apply what Stripe holds about a dispute. Safe to run again; None for a mere inquiry.

    Raises NotYet while a refund of the payment without an outcome may still be sent, so that the two
    never take the same cent: the caller comes back.
    """
    target = _STATES.get(told.status)
    if target is None:
        log.info("dispute.no_money_moved", status=told.status)
        return None
    payment = lock_payment(payment_id)
    dispute = Dispute.objects.filter(dispute_id=told.id).first()
    if dispute is None:
        dispute = _open(payment, told, via, at or now())
    dispute = lock_one(Dispute.objects.filter(pk=dispute.pk))
    if dispute.state == target or dispute.state != DisputeState.OPEN:
        return dispute
    dispute.state, dispute.decided_at = target, now()
    dispute.save(update_fields=["state", "decided_at"])
    if target == DisputeState.WON:
        _won(payment, dispute, via)
    else:
        _lost(payment, dispute, via)
    return dispute


def _open(payment: Payment, told: BankDispute, via: Via, at: dt.datetime) -> Dispute:
    """The bank took the amount off our balance at Stripe until it decides.

    A bank takes all that it paid, whatever was refunded before: what was at the source no more is the
    excess, counted apart, so that the books lose what the bank took and the source what it had.

    A refund whose key has died is never sent again, and may stay with staff for ever: it counts as
    refunded, as it was promised, and becomes account balance where it turns out that it was not sent.
    """
    waits = payment.refunds.filter(state__in=(RefundState.CREATED, RefundState.UNKNOWN))
    if waits.filter(created_at__gt=at - KEY_LIVES).exists():
        raise NotYet(payment.reference)
    left_cents = payment.charge_cents - payment.refunded_cents - payment.disputed_cents
    excess_cents = max(0, told.amount_cents - left_cents)
    if excess_cents:
        log.error("dispute.above_captured", payment=payment.reference, excess=excess_cents)
    payment.disputed_cents += told.amount_cents - excess_cents
    payment.save(update_fields=["disputed_cents"])
    dispute = Dispute.objects.create(
        payment=payment,
        dispute_id=told.id,
        amount_cents=told.amount_cents,
        excess_cents=excess_cents,
        reason=told.reason[:60],
        is_return=told.is_return,
    )
    _post(dispute, EntryKind.DISPUTE_OPENED, told.amount_cents, LedgerCode.PROCESSOR_CLEARING)
    if payment.state != State.RETURNED:  # that is final, whatever else a bank takes
        move(payment, State.DISPUTED, via=via, detail=told.reason)
    return dispute


def _won(payment: Payment, dispute: Dispute, via: Via) -> None:
    payment.disputed_cents -= dispute.amount_cents - dispute.excess_cents
    payment.save(update_fields=["disputed_cents"])
    _post(dispute, EntryKind.DISPUTE_WON, -dispute.amount_cents, LedgerCode.PROCESSOR_CLEARING)
    _move_on(payment, via)


def _lost(payment: Payment, dispute: Dispute, via: Via) -> None:
    """The bills are owed again; the payer is told why, and what to do."""
    region = payment.region
    today = business_date(region.time_zone)
    debits = take_back_by_force(payment, dispute.amount_cents, on=today, source_id=str(dispute.pk))
    post(
        kind=EntryKind.DISPUTE_LOST,
        source="dispute",
        source_id=str(dispute.pk),
        region=region,
        effective_on=today,
        lines=[*debits, Posting(LedgerCode.DISPUTES, -dispute.amount_cents, payment.account)],
    )
    _move_on(payment, via, detail=dispute.reason)
    if dispute.is_return:
        charge_returned_item_fee(payment, on=today)
        methods.note_failure(payment=payment, code=dispute.reason)
    emails.returned(payment=payment, dispute=dispute)


def _move_on(payment: Payment, via: Via, *, detail: str = "") -> None:
    """Returned where banks left nothing at the source; else the rest of the payment stands.

    While a bank still decides about another part, it stays disputed: returned is final, and that part
    may come back.
    """
    known = list(payment.disputes.order_by("pk"))
    if payment.state != State.DISPUTED or any(each.state == DisputeState.OPEN for each in known):
        return
    lost = [each for each in known if each.state == DisputeState.LOST]
    gone_cents = payment.refunded_cents + sum(each.amount_cents for each in lost)
    if lost and gone_cents >= payment.charge_cents:
        payment.decline_code = lost[-1].reason
        move(payment, State.RETURNED, via=via, detail=lost[-1].reason)
    else:
        move_by_what_is_left(payment, via=via, detail=detail)


def _post(dispute: Dispute, kind: EntryKind, amount_cents: int, against: LedgerCode) -> None:
    """Debit disputes with an amount (credit where negative) against another account."""
    payment = dispute.payment
    post(
        kind=kind,
        source="dispute",
        source_id=str(dispute.pk),
        region=payment.region,
        effective_on=business_date(payment.region.time_zone),
        lines=[
            Posting(LedgerCode.DISPUTES, amount_cents, payment.account),
            Posting(against, -amount_cents, payment.account),
        ],
    )
