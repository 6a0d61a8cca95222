"""Guests' payments stop for a while when too many accounts see nothing but refused cards.

Stolen cards are tried out where no log-in is needed. Counted by account and not by attempt: whoever
hammers one bill is stopped by that account's own limit (payments.services.attempts) and closes the way
for nobody else. Read from our payments, so it closes and opens by itself, on every machine at once.
"""

import datetime as dt

import structlog
from django.contrib.postgres.aggregates import BoolAnd
from django.db.models import BooleanField, ExpressionWrapper, Q

from payments.models import Payment, State

log = structlog.get_logger(__name__)

WINDOW = dt.timedelta(minutes=30)
# Fewer accounts than this tell nothing about a rate.
FEWEST_ACCOUNTS = 20
# Of so many in a hundred accounts every card was refused. On ordinary days it is about ten.
REFUSED_PERCENT = 60


def is_open(*, at: dt.datetime) -> bool:
    """Whether guests have to wait; raises alarm where they do."""
    failed = ExpressionWrapper(Q(state=State.FAILED), output_field=BooleanField())
    accounts = (
        Payment.objects.filter(
            payer=Payment.Payer.GUEST, created_at__gt=at - WINDOW, ended_at__isnull=False
        )
        .values("account_id")
        .annotate(only_refused=BoolAnd(failed))
        .values_list("only_refused", flat=True)
    )
    outcomes = list(accounts)
    refused = sum(outcomes)
    stop = len(outcomes) >= FEWEST_ACCOUNTS and refused * 100 >= REFUSED_PERCENT * len(outcomes)
    if stop:
        log.error("guest.breaker_open", accounts=len(outcomes), refused=refused)
    return stop
