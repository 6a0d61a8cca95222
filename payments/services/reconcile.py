"""Asking Stripe about payments that have no outcome, until they have one."""

import datetime as dt
import random

import structlog
from django.db.models import F

from common.batches import for_each
from common.clock import now
from payments.models import RESERVING, Payment, PaymentEvent
from payments.services import settlement, submission
from payments.services.lateness import late

log = structlog.get_logger(__name__)

BATCH = 200


def reconcile_unsettled(*, at: dt.datetime | None = None) -> int:
    """Ask about every payment whose next check is due; returns how many were asked about.

    Safe to run twice at once: whoever plans a payment's next check asks. One that fails keeps nobody
    else waiting; all failures are raised together at the end.
    """
    due = (
        Payment.objects.filter(state__in=RESERVING, review_reason="", next_check_at__lte=at or now())
        .order_by("next_check_at")
        .values_list("pk", flat=True)[:BATCH]
    )
    # The clock anew for each: a batch may take minutes, and leases are short.
    return for_each(
        list(due),
        lambda payment_id: _ask_if_due(payment_id, at or now()),
        failing="payments that could not be asked about",
    )


def _ask_if_due(payment_id: int, at: dt.datetime) -> bool:
    if not _plan_next_check(payment_id, at):
        return False
    payment = submission.advance(payment_id=payment_id, via=PaymentEvent.Via.RECONCILER, at=at)
    _alert_if_late(payment, at)
    return True


def _plan_next_check(payment_id: int, at: dt.datetime) -> bool:
    """Before asking, so that a payment whose check fails or kills us is asked about later again.

    Up to a quarter longer than planned, by chance, so that payments do not come back all at once.
    Returns whether it was due: not where another reconciler was here first, or it has moved.
    """
    payment = Payment.objects.only("state", "checks").get(pk=payment_id)
    if payment.has_outcome:
        return False
    wait = settlement.check_after(payment.state, checks=payment.checks)
    planned = Payment.objects.filter(pk=payment_id, state=payment.state, next_check_at__lte=at).update(
        checks=F("checks") + 1,
        next_check_at=at + wait * random.uniform(1, 1.25),  # noqa: S311  spreads load, guards nothing
    )
    return bool(planned)


def _alert_if_late(payment: Payment, at: dt.datetime) -> None:
    """Invariant I3: none stays unsettled longer than its bound without one."""
    if not payment.has_outcome and late(at).filter(pk=payment.pk).exists():
        log.error("payment.unsettled_over_bound", payment=payment.reference, state=payment.state)
