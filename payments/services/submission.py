"""Asking Stripe, for one payment at a time: the steps between "created" and an outcome.

Each call is made outside any transaction, by the holder of the payment's lease, under a key derived
from the payment's row. A process may die at any line: the next holder of the lease asks first, and
sends only what was certainly never confirmed.
"""

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.urls import reverse

from common.clock import now
from common.failpoints import failpoint
from payments import gateway
from payments.authorizations import consent_of
from payments.gateway import Busy, Declined, Intent, OutcomeUnknown, Refused
from payments.methods import BANK_ACCOUNT
from payments.models import Payment, PaymentEvent, State
from payments.services import attempts, leases, methods, settlement

log = structlog.get_logger(__name__)
Via = PaymentEvent.Via

# Longer than all calls of one step together can take: six, with the customer's, of 15 s, each repeated
# once half a second later. Who pays waits for no token of our rate; other processes do, each time.
LEASE = dt.timedelta(seconds=200)
LEASE_IN_BACKGROUND = dt.timedelta(seconds=330)
# A payment whose process died is sent on within this time of the click; later it is given up.
RESUME_WITHIN = dt.timedelta(minutes=10)
# A lost answer: no request of ours can still be under way at Stripe after this.
GIVE_UP_AFTER = dt.timedelta(minutes=5)
# The bank's extra step was left alone for this long.
ACTION_WITHIN = dt.timedelta(minutes=30)
# Stripe may forget a key after 24 hours; from then on the same call would be a new one.
KEY_LIVES = dt.timedelta(hours=23)

_SAVE_INTENT = "UPDATE payments_payment SET intent_id = %s WHERE id = %s"


def advance(*, payment_id: int, via: Via, at: dt.datetime | None = None) -> Payment:
    """Take a payment as far as it goes now, asking Stripe; returns it as it stands then.

    Does nothing while somebody else holds the lease, and nothing to a payment that has ended.
    """
    at = at or now()
    return _with_lease(
        payment_id,
        at,
        lambda payment: _advance(payment, via, at),
        send_since=at - RESUME_WITHIN,
        via=via,
    )


def _with_lease(
    payment_id: int,
    at: dt.datetime,
    act: Callable[[Payment], Payment | None],
    *,
    send_since: dt.datetime,
    via: Via,
) -> Payment:
    """Act on a payment while nobody else may talk to Stripe about it; returns it as it stands then.

    `act` returns the payment that it moved, if any; one with an outcome has no lease any more. Where
    somebody else holds the lease, or nothing is to be asked any more, nothing is done.
    """
    until = at + (LEASE if via == Via.BROWSER else LEASE_IN_BACKGROUND)
    payment = leases.take(payment_id, at=at, until=until, send_since=send_since, via=via)
    moved, after = None, None
    if payment is not None:
        try:
            moved = act(payment)
        finally:
            ended = moved is not None and moved.lease_until is None
            after = moved if ended else leases.give_back(payment)
    return after or Payment.objects.get(pk=payment_id)


def _advance(payment: Payment, via: Via, at: dt.datetime) -> Payment | None:
    if not payment.charge_cents:
        return settlement.settle_from_balance(payment_id=payment.pk, via=via)
    try:
        intent = _ask(payment, via, at)
    except Busy:
        log.warning("payment.stripe_busy", payment=payment.reference)  # the reconciler comes back
    except OutcomeUnknown as error:
        log.warning("payment.no_answer", payment=payment.reference, error=str(error))
        return settlement.mark_unknown(payment_id=payment.pk, via=via, detail=str(error))
    except Refused as error:
        # Only where Stripe holds no intent of ours: nothing can ever be charged.
        log.error("payment.refused", payment=payment.reference, code=error.code)
        return settlement.give_up(payment_id=payment.pk, code=error.code, via=via)
    else:
        if intent is not None:
            return settlement.settle(payment_id=payment.pk, intent=intent, via=via)
    return None


def _ask(payment: Payment, via: Via, at: dt.datetime) -> Intent | None:
    """The intent as it stands after doing what may be done; None where it was never learned."""
    may_send = payment.state == State.SUBMITTED and at - payment.created_at < RESUME_WITHIN
    if payment.state == State.CREATED:  # taken too late to be sent
        settlement.give_up_unsent(payment_id=payment.pk, via=via)
        return None
    fresh = payment.intent_id is None
    intent = _learn_intent(payment, at) if fresh else _retrieve(payment)
    if intent is None:
        return None
    if _not_confirmed(intent):
        if may_send:
            intent = _confirm(payment, intent)
        elif at - (payment.submitted_at or payment.created_at) >= GIVE_UP_AFTER:
            return _cancel(payment)
    if _refused(intent):
        # Whoever holds the client secret could try another card on it; this payment is over.
        canceled = _cancel(payment)
        return replace(canceled, error_code=canceled.error_code or intent.error_code)
    if _abandoned(payment, intent, at) or _is_card_testing(payment, intent):
        return _cancel(payment)
    return intent


def _learn_intent(payment: Payment, at: dt.datetime) -> Intent | None:
    """Create the intent, or get the one that an earlier, lost call created."""
    if at - payment.created_at < KEY_LIVES:
        failpoint("payments.before_create")
        belongs = payment.save_method or payment.saved_method_id
        intent = gateway.create_intent(
            region=payment.region,
            reference=payment.reference,
            amount_cents=payment.charge_cents,
            customer_id=methods.customer_for(payment.account) if belongs else "",
        )
        failpoint("payments.after_create")
    else:
        try:
            found = gateway.find_intent(region=payment.region, reference=payment.reference)
        except Refused as error:  # says nothing about whether an intent exists
            raise OutcomeUnknown(error.code) from error
        if found is None:
            settlement.needs_review(
                payment_id=payment.pk, reason="no trace at Stripe after a day", via=Via.RECONCILER
            )
            return None
        intent = found
    with connection.cursor() as cursor:
        cursor.execute(_SAVE_INTENT, [intent.id, payment.pk])
    payment.intent_id = intent.id
    return intent


def _retrieve(payment: Payment) -> Intent:
    try:
        return gateway.retrieve_intent(region=payment.region, intent_id=str(payment.intent_id))
    except Refused as error:  # a wrong key, a missing object: says nothing about the money
        raise OutcomeUnknown(error.code) from error


def _confirm(payment: Payment, intent: Intent) -> Intent:
    """Ask for the money. Whatever the answer, only a fresh look tells what became of the intent."""
    try:
        failpoint("payments.before_confirm")
        confirmed = gateway.confirm_intent(
            region=payment.region,
            reference=payment.reference,
            intent_id=intent.id,
            return_url=settings.SITE_URL + _page_of(payment),
            **_method(payment),
        )
        failpoint("payments.after_confirm")
    except Declined as error:
        found = _retrieve(payment)
        return replace(found, error_code=found.error_code or error.code)
    except Refused as error:
        log.error("payment.confirm_refused", payment=payment.reference, code=error.code)
        found = _retrieve(payment)
        return replace(_cancel(payment), not_taken=error.code) if _not_confirmed(found) else found
    except OutcomeUnknown:
        found = _retrieve(payment)
        if _not_confirmed(found):
            raise  # it may still be on its way to Stripe
        return found
    return confirmed


def _page_of(payment: Payment) -> str:
    """Where the payer's bank leads back to; a guest's page is known by the session alone."""
    if payment.payer == Payment.Payer.GUEST:
        return reverse("guest:payment")
    return reverse("payments:show", args=[payment.reference])


def _method(payment: Payment) -> dict[str, Any]:
    """What pays, as gateway.confirm_intent takes it."""
    consent = payment.authorization if payment.method_kind == BANK_ACCOUNT else None
    return {
        "token": payment.confirmation_token,
        "method_id": str(payment.saved_method.method_id) if payment.saved_method else "",
        "keep": payment.save_method,
        "off_session": payment.payer == Payment.Payer.AUTOPAY,
        "consent": consent_of(consent) if consent else None,
    }


def _cancel(payment: Payment) -> Intent:
    """Make sure that the intent can never charge, then look again: it may have, meanwhile."""
    try:
        return gateway.cancel_intent(region=payment.region, intent_id=str(payment.intent_id))
    except Refused:
        return _retrieve(payment)


def _not_confirmed(intent: Intent) -> bool:
    return intent.status in ("requires_payment_method", "requires_confirmation") and (
        not intent.error_code
    )


def _refused(intent: Intent) -> bool:
    """Declined; at Stripe such an intent waits for another method."""
    return intent.status == "requires_payment_method" and bool(intent.error_code)


def _abandoned(payment: Payment, intent: Intent, at: dt.datetime) -> bool:
    return intent.status == "requires_action" and at - payment.created_at >= ACTION_WITHIN


def _is_card_testing(payment: Payment, intent: Intent) -> bool:
    """Somebody with the client secret tries card after card; the last one waits for its bank's step.

    No bank is asked before its step was taken, so that Stripe's own book, which is never late, is asked
    only where it has something to tell.
    """
    if intent.status != "requires_action":
        return False
    if not attempts.is_card_testing(payment) and not (
        intent.bank_was_asked and _times_asked(payment) >= attempts.MOST_ON_AN_INTENT
    ):
        return False
    log.error("payment.card_testing", payment=payment.reference)
    return True


def _times_asked(payment: Payment) -> int:
    try:
        return gateway.times_asked(region=payment.region, intent_id=str(payment.intent_id))
    except Refused as error:  # says nothing about the money
        raise OutcomeUnknown(error.code) from error


def end_refused_in_review(*, payment: Payment) -> None:
    """Cancel the intent of a payment that waits for staff, where a bank refused it.

    Nobody asks about such a payment, and whoever has its client secret could try card after card. What
    becomes of the payment stays for staff to decide. Raises GatewayError.
    """
    if payment.intent_id is None or payment.has_outcome:
        return
    intent = _retrieve(payment)
    if _refused(intent) or _is_card_testing(payment, intent):
        _cancel(payment)


def abandon(*, payment_id: int, via: Via) -> Payment:
    """The payer does not want to take the bank's extra step. It may have succeeded meanwhile."""

    def cancel(payment: Payment) -> Payment | None:
        if payment.state == State.REQUIRES_ACTION:
            with suppress(OutcomeUnknown, Busy):  # the reconciler will cancel it later
                return settlement.settle(payment_id=payment_id, intent=_cancel(payment), via=via)
        return None

    at = now()
    return _with_lease(payment_id, at, cancel, send_since=at, via=via)


def client_secret(*, payment: Payment) -> str:
    """For the browser to take the bank's extra step. Raises GatewayError."""
    if payment.state != State.REQUIRES_ACTION or payment.intent_id is None:
        raise Refused("no_action_needed")
    intent = gateway.retrieve_intent(region=payment.region, intent_id=payment.intent_id)
    if intent.status != "requires_action":  # taken already; we are about to hear of it
        raise Refused("no_action_needed")
    return intent.client_secret
