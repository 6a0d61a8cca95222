"""The one place that asks what time it is.

Functions that decide something take the time or the day as a parameter (`as_of`, `on`); only the
edges (views, tasks, commands) call `now`.
"""

import datetime as dt
from zoneinfo import ZoneInfo

from django.utils import timezone


def now() -> dt.datetime:
    """The present moment, aware, in UTC."""
    return timezone.now()


def business_date(time_zone: str, at: dt.datetime | None = None) -> dt.date:
    """The calendar day in `time_zone` (an IANA name) at a moment; due dates live on this calendar."""
    return (at or now()).astimezone(ZoneInfo(time_zone)).date()
