"""Payments that have waited for their outcome longer than they may (invariant I3).

For an answer of Stripe's 15 minutes. For the payer's step at the bank as long as it is theirs, and
then as much to end it. For a bank debit until the second banking day after the one on which it was
expected: most returns are with us by then (Nacha gives a bank two banking days from settlement).
"""

import datetime as dt

from django.db.models import Q, QuerySet

from accounts.models import Region
from common.calendar import add_business_days
from common.clock import business_date
from payments.models import RESERVING, Payment, State
from payments.services.submission import ACTION_WITHIN

ANSWER_WITHIN = dt.timedelta(minutes=15)
DEBIT_GRACE_BUSINESS_DAYS = 2


def late(at: dt.datetime) -> QuerySet[Payment]:
    """Every payment that is late at a moment; each raises an alert when it is asked about."""
    waits_for_us = Q(
        state__in=(State.CREATED, State.SUBMITTED, State.UNKNOWN), created_at__lt=at - ANSWER_WITHIN
    )
    waits_for_payer = Q(state=State.REQUIRES_ACTION, created_at__lt=at - ACTION_WITHIN - ANSWER_WITHIN)
    waits_for_bank = Q(state=State.PROCESSING) & _overdue(at)
    # The states once more, as the index of unsettled payments has them.
    return Payment.objects.filter(waits_for_us | waits_for_payer | waits_for_bank, state__in=RESERVING)


def _overdue(at: dt.datetime) -> Q:
    """On the calendar of each region; nowhere is it the same day all the time."""
    overdue = Q(pk__in=[])
    for zone in Region.objects.order_by().values_list("time_zone", flat=True).distinct():
        overdue |= Q(region__time_zone=zone, expected_on__lte=_last_overdue(business_date(zone, at)))
    return overdue


def _last_overdue(today: dt.date) -> dt.date:
    """The latest expected day whose days of grace are over."""
    day = today
    while add_business_days(day, DEBIT_GRACE_BUSINESS_DAYS) >= today:
        day -= dt.timedelta(days=1)
    return day
