"""When a bill is drawn: pure functions of dates on the region's calendar.

The rules, as the terms state them (autopay.terms):

1. On the due date; or on the chosen day of the month, the last one that is not after the due date.
2. A month without the chosen day has its last day instead: the 31st is February 28 or 29.
3. A day on which banks are closed gives way to the next one on which they are open.
4. Nothing is drawn before the enrollment starts, nor earlier than ten days after its notice. A bill
   that comes too late for its day is drawn later, never unannounced: on the next chosen day, or, for
   draws on the due date, on the first day that can still be announced.
"""

import calendar
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from autopay.models.draft import NOTICE_DAYS
from common.calendar import next_business_day

# The mail gets a day to be delivered before the ten days begin.
DELIVERY_DAYS = 1
# Notices go out from this long before the draw: a mail server may be away for three days.
ANNOUNCE_DAYS = NOTICE_DAYS + DELIVERY_DAYS + 3
# A draw that is later than this (we were away for so long) is announced again.
MOST_DAYS_LATE = 5


@dataclass(frozen=True, slots=True)
class Schedule:
    """What somebody chose: a day of the month (1 to 31), or None for each bill's due date."""

    day_of_month: int | None
    starts_on: dt.date

    def __post_init__(self) -> None:
        if self.day_of_month is not None and not 1 <= self.day_of_month <= 31:
            raise ValueError(f"no month has a day {self.day_of_month}")


def draw_date(schedule: Schedule, *, due_on: dt.date, as_of: dt.date) -> dt.date:
    """The day on which a bill will be drawn, if its notice is written on `as_of` at the latest."""
    earliest = max(schedule.starts_on, earliest_announced(as_of))
    chosen = schedule.day_of_month
    wanted = due_on if chosen is None else _last_chosen_day(chosen, due_on)
    day = next_business_day(wanted)
    if day >= earliest:
        return day
    if chosen is None:
        return next_business_day(earliest)
    later = map(next_business_day, chosen_days(chosen, since=wanted))
    return next(day for day in later if day >= earliest)


def earliest_announced(as_of: dt.date) -> dt.date:
    """The first day of a draw whose notice is written on `as_of`."""
    return as_of + dt.timedelta(days=NOTICE_DAYS + DELIVERY_DAYS)


def announce_from(draw_on: dt.date) -> dt.date:
    """The first day on which a draw is announced."""
    return draw_on - dt.timedelta(days=ANNOUNCE_DAYS)


def announced_in_time(*, draw_on: dt.date, delivered_on: dt.date) -> bool:
    """12 CFR 1005.10(d)(1): at least ten days before."""
    return draw_on - delivered_on >= dt.timedelta(days=NOTICE_DAYS)


def is_stale(*, draw_on: dt.date, as_of: dt.date) -> bool:
    """Whether a draw that was never made is too old to be made without another notice."""
    return as_of - draw_on > dt.timedelta(days=MOST_DAYS_LATE)


def chosen_days(day_of_month: int, *, since: dt.date) -> Iterator[dt.date]:
    """The chosen day of each month from `since` on, for ever; the last day of shorter months."""
    year, month = since.year, since.month
    while True:
        day = day_in_month(year, month, day_of_month)
        if day >= since:
            yield day
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def next_three(schedule: Schedule, *, as_of: dt.date) -> list[dt.date]:
    """The next three days of a monthly schedule, whatever bills come; none for draws on due dates."""
    if schedule.day_of_month is None:
        return []
    since = max(as_of, schedule.starts_on)
    # A day before the month begins may move into it: March 31 is drawn on April 1.
    days = map(next_business_day, chosen_days(schedule.day_of_month, since=since.replace(day=1)))
    return list(islice((day for day in days if day >= since), 3))


def day_in_month(year: int, month: int, day_of_month: int) -> dt.date:
    """That day, or the last one of a shorter month."""
    return dt.date(year, month, min(day_of_month, calendar.monthrange(year, month)[1]))


def _last_chosen_day(day_of_month: int, due_on: dt.date) -> dt.date:
    """The last chosen day that is not after the due date."""
    this_month = day_in_month(due_on.year, due_on.month, day_of_month)
    if this_month <= due_on:
        return this_month
    last_of_previous = due_on.replace(day=1) - dt.timedelta(days=1)
    return day_in_month(last_of_previous.year, last_of_previous.month, day_of_month)
