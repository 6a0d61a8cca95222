"""Asking Stripe about payments that have no outcome, until they have one."""

import datetime as dt
import random

import structlog
from django.db.models import F

from common.clock import now
from payments.models import RESERVING, Payment, PaymentEvent, State
from payments.services import settlement, submission

log = structlog.get_logger(__name__)

BATCH = 200
# A payment that waits for an answer longer than this raises an alert (invariant I3).
ANSWER_WITHIN = dt.timedelta(minutes=15)


def reconcile_unsettled(*, at: dt.datetime | None = None) -> int:
    """Ask about every payment whose next check is due; returns how many were asked about.

    Safe to run twice at once: submission.advance holds a lease on each payment.
    """
    at = at or now()
    due = (
        Payment.objects.filter(state__in=RESERVING, review_reason="", next_check_at__lte=at)
        .order_by("next_check_at")
        .values_list("pk", flat=True)[:BATCH]
    )
    asked = 0
    for payment_id in list(due):
        _plan_next_check(payment_id, at)
        payment = submission.advance(payment_id=payment_id, via=PaymentEvent.Via.RECONCILER, at=at)
        _alert_if_late(payment, at)
        asked += 1
    return asked


def _plan_next_check(payment_id: int, at: dt.datetime) -> None:
    """Before asking, so that a payment whose check fails or kills us is asked about later again.

    Up to a quarter longer than planned, by chance, so that payments do not come back all at once.
    """
    payment = Payment.objects.only("state", "checks").get(pk=payment_id)
    if payment.has_outcome:
        return
    wait = settlement.check_after(payment.state, checks=payment.checks)
    Payment.objects.filter(pk=payment_id, state=payment.state).update(
        checks=F("checks") + 1,
        next_check_at=at + wait * random.uniform(1, 1.25),  # noqa: S311  spreads load, guards nothing
    )


def _alert_if_late(payment: Payment, at: dt.datetime) -> None:
    waits_for_us = payment.state in (State.CREATED, State.SUBMITTED, State.UNKNOWN)
    if waits_for_us and at - payment.created_at > ANSWER_WITHIN:
        log.error("payment.unsettled_over_bound", payment=payment.reference, state=payment.state)
