"""The one place that asks what time it is.

Functions that decide something take the time or the day as a parameter (`as_of`, `on`); only the
edges (views, tasks, commands) call `now`.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import structlog
from django.db import connection
from django.utils import timezone

log = structlog.get_logger(__name__)

# Two clocks may differ by so much.
MOST_APART = dt.timedelta(minutes=5)


class ClockDisagrees(Exception):
    """This machine's clock and the database's differ by more than a few minutes."""


def now() -> dt.datetime:
    """The present moment, aware, in UTC."""
    return timezone.now()


def database_now() -> dt.datetime:
    """The present moment by PostgreSQL's clock: the same one for every machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
    return theirs


def check_clock() -> None:
    """Whether this machine and the database agree on the time, so that no day begins too early.

    Raises ClockDisagrees: the worker whose clock is off does nothing, the others do its work.
    """
    apart = abs(now() - database_now())
    if apart > MOST_APART:
        log.error("clock.disagrees", seconds=round(apart.total_seconds()))
        raise ClockDisagrees(str(apart))


def business_date(time_zone: str, at: dt.datetime | None = None) -> dt.date:
    """The calendar day in `time_zone` (an IANA name) at a moment; due dates live on this calendar."""
    return (at or now()).astimezone(ZoneInfo(time_zone)).date()
