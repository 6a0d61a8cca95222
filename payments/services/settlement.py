"""The one place where a payment's outcome takes effect.

The browser's return, the webhook and the reconciler all end here: lock, compare what Stripe holds
with what we asked for, move the state, move the bills, post the ledger, fill the outbox, in one
transaction. Running it again with the same answer changes nothing.
"""

import datetime as dt

import structlog
from django.db import transaction

from common.calendar import add_business_days
from common.clock import business_date, now
from common.money import CURRENCY
from payments import emails
from payments.declines import RETURN_CODE
from payments.gateway import Intent
from payments.methods import BANK_ACCOUNT, is_recorded
from payments.models import CAME_TO_NOTHING, MOVES, Payment, PaymentEvent, State
from payments.services import booking, methods
from payments.services.moves import lock_payment, move
from payments.services.reversal import charge_returned_item_fee

log = structlog.get_logger(__name__)
Via = PaymentEvent.Via

NEVER_SENT = "never sent"  # why a payment is given up that nobody has sent

# A bank debit is settled or returned within so many (docs.stripe.com/payments/ach-direct-debit).
DEBIT_BUSINESS_DAYS = 4

# How soon to ask again about a payment that has no outcome; the wait doubles with each answerless
# check, up to the second figure. Bank payments take days, a lost answer is found within minutes.
_CHECK_AFTER: dict[str, tuple[dt.timedelta, dt.timedelta]] = {
    State.CREATED: (dt.timedelta(minutes=1), dt.timedelta(minutes=5)),
    State.SUBMITTED: (dt.timedelta(minutes=1), dt.timedelta(minutes=5)),
    State.REQUIRES_ACTION: (dt.timedelta(minutes=2), dt.timedelta(minutes=15)),
    State.UNKNOWN: (dt.timedelta(minutes=1), dt.timedelta(minutes=30)),
    State.PROCESSING: (dt.timedelta(hours=1), dt.timedelta(hours=6)),
}


def check_after(state: str, *, checks: int) -> dt.timedelta:
    """How long after a check that changed nothing to ask again."""
    first, longest = _CHECK_AFTER[state]
    return min(first * 2 ** min(checks // 3, 12), longest)


def target_state(intent: Intent) -> str | None:
    """The state that an intent's status means for its payment; None where nothing has happened yet."""
    match intent.status:
        case "succeeded":
            return State.SUCCEEDED
        case "processing":
            return State.PROCESSING
        case "requires_action":
            return State.REQUIRES_ACTION
        case "canceled":
            return State.FAILED if intent.error_code else State.CANCELED
    return None


@transaction.atomic
def settle(*, payment_id: int, intent: Intent, via: Via) -> Payment:
    """Apply what Stripe holds to a payment; returns it as it stands then."""
    payment = lock_payment(payment_id)
    target = target_state(intent)
    if target is None or payment.has_outcome or target == payment.state:
        return payment
    wrong = mismatch(payment, intent)
    if wrong:
        return _quarantine(payment, wrong, via)
    if target not in MOVES[payment.state]:
        # An older answer than the one we hold, such as "action needed" after "processing".
        log.info("payment.stale_answer", payment=payment.reference, told=target, state=payment.state)
        return payment
    _take_method(payment, intent)
    _move(payment, target, via=via, detail=intent.error_code or intent.not_taken)
    if target == State.SUCCEEDED:
        methods.keep(payment=payment, method=intent.method)
    return payment


@transaction.atomic
def settle_from_balance(*, payment_id: int, via: Via) -> Payment:
    """Settle a payment that the account balance pays in full: Stripe has no part in it."""
    payment = lock_payment(payment_id)
    if payment.has_outcome or payment.charge_cents:
        return payment
    if payment.state == State.CREATED:
        move(payment, State.SUBMITTED, via=via)
    return _move(payment, State.SUCCEEDED, via=via, detail="")


@transaction.atomic
def settle_recorded(*, payment_id: int, via: Via) -> Payment:
    """Settle a payment by check or cash: the money is here, and Stripe has no part in it."""
    payment = lock_payment(payment_id)
    if payment.has_outcome or not is_recorded(payment.method_kind):
        return payment
    if payment.state == State.CREATED:
        move(payment, State.SUBMITTED, via=via)
    return _move(payment, State.SUCCEEDED, via=via, detail="")


@transaction.atomic
def give_up(*, payment_id: int, code: str, via: Via) -> Payment:
    """End a payment for which no intent exists at Stripe, so that it can never charge."""
    payment = lock_payment(payment_id)
    if payment.has_outcome:
        return payment
    return _move(payment, State.CANCELED, via=via, detail=code)


@transaction.atomic
def give_up_unsent(*, payment_id: int, via: Via) -> Payment:
    """End a payment that nobody sends any more; returns it as it stands.

    One whose lease was taken meanwhile is being sent, and stays: only what its row says under the lock
    tells (payments.services.leases).
    """
    payment = lock_payment(payment_id)
    if payment.state != State.CREATED:
        return payment
    return _move(payment, State.CANCELED, via=via, detail=NEVER_SENT)


@transaction.atomic
def mark_unknown(*, payment_id: int, via: Via, detail: str = "") -> Payment:
    """An answer was lost: whether Stripe has charged is not known until it is asked."""
    payment = lock_payment(payment_id)
    if State.UNKNOWN not in MOVES[payment.state]:
        return payment
    return _move(payment, State.UNKNOWN, via=via, detail=detail)


@transaction.atomic
def needs_review(*, payment_id: int, reason: str, via: Via) -> Payment:
    """Stop asking about a payment and show it to staff."""
    return _quarantine(lock_payment(payment_id), reason, via)


def mismatch(payment: Payment, intent: Intent) -> str:
    """What is wrong where Stripe holds something else than we asked for."""
    if intent.amount_cents != payment.charge_cents:
        return f"amount {intent.amount_cents} instead of {payment.charge_cents}"
    if intent.currency != CURRENCY:
        return f"currency {intent.currency}"
    if intent.reference != payment.reference or intent.id != payment.intent_id:
        return "the intent belongs to another payment"
    if _is_unauthorized(payment, intent) and target_state(intent) not in CAME_TO_NOTHING:
        return "a bank debit that nobody authorized"
    return ""


def _is_unauthorized(payment: Payment, intent: Intent) -> bool:
    """A bank account paid, and its owner has agreed to no debit here (Nacha wants it stored)."""
    method = intent.method
    return method is not None and method.kind == BANK_ACCOUNT and payment.authorization_id is None


def _quarantine(payment: Payment, reason: str, via: Via) -> Payment:
    log.error("payment.needs_review", payment=payment.reference, reason=reason)
    payment.review_reason = reason[:200]
    payment.next_check_at = None
    payment.save(update_fields=["review_reason", "next_check_at"])
    if State.UNKNOWN in MOVES[payment.state]:
        return _move(payment, State.UNKNOWN, via=via, detail="needs review")
    return payment


def _take_method(payment: Payment, intent: Intent) -> None:
    if intent.method is not None and not _is_unauthorized(payment, intent):
        payment.method_kind = intent.method.kind
        payment.method_brand = intent.method.brand[:40]
        payment.method_last4 = intent.method.last4


def _move(payment: Payment, target: str, *, via: Via, detail: str) -> Payment:
    """Move the state, and with it the bills, the balance, the books and the outbox."""
    before = payment.state
    if target not in (*CAME_TO_NOTHING, State.SUCCEEDED) and not payment.review_reason:
        payment.next_check_at = now() + check_after(target, checks=0)
    if target == State.PROCESSING:
        today = business_date(payment.region.time_zone)
        payment.expected_on = add_business_days(today, DEBIT_BUSINESS_DAYS)
    move(payment, target, via=via, detail=detail)
    if target == State.SUCCEEDED:
        booking.book(payment)
    elif target in CAME_TO_NOTHING:
        booking.release(payment)
        methods.note_failure(payment=payment, code=detail)
        if target == State.FAILED and _is_return(payment, before, detail):
            charge_returned_item_fee(payment, on=business_date(payment.region.time_zone))
    if via != Via.BROWSER and (target in CAME_TO_NOTHING or before == State.UNKNOWN):
        emails.tell_resolved(payment=payment)
    return payment


def _is_return(payment: Payment, before: str, code: str) -> bool:
    """Whether a bank gave back a debit that was on its way, rather than refuse it at once."""
    is_debit = payment.method_kind == BANK_ACCOUNT
    return is_debit and (before == State.PROCESSING or bool(RETURN_CODE.fullmatch(code)))
