"""Business days of American banks: when money moves, and when nothing can.

Banks move money on days when the Federal Reserve is open: not on weekends, not on the holidays of
5 U.S.C. 6103(a). A holiday on a Sunday is kept on the Monday after; one on a Saturday is not kept by
the Federal Reserve Banks, so the Friday before is a business day
(https://www.frbservices.org/about/holiday-schedules).

Days are dates on a region's calendar: common.clock.business_date says which day it is there.
"""

import datetime as dt
from functools import lru_cache

MONDAY, THURSDAY, SATURDAY = 0, 3, 5
LAST = -1


def is_business_day(day: dt.date) -> bool:
    """Whether banks move money on this day."""
    return day.weekday() < SATURDAY and day not in bank_holidays(day.year)


def add_business_days(day: dt.date, count: int) -> dt.date:
    """The `count`-th business day after `day`; with 0 the day itself, or the next one that is.

    Raises ValueError where `count` is negative.
    """
    if count < 0:
        raise ValueError("count business days forward only")
    day = next_business_day(day) if count == 0 else day
    for _ in range(count):
        day = next_business_day(day + dt.timedelta(days=1))
    return day


def next_business_day(day: dt.date) -> dt.date:
    """The day itself where it is a business day, else the first one after it."""
    while not is_business_day(day):
        day += dt.timedelta(days=1)
    return day


@lru_cache(maxsize=128)
def bank_holidays(year: int) -> frozenset[dt.date]:
    """The days from Monday to Friday of a year on which the Federal Reserve is closed."""
    days = {
        dt.date(year, 1, 1),  # New Year's Day
        _nth(3, MONDAY, year, 1),  # Birthday of Martin Luther King, Jr.
        _nth(3, MONDAY, year, 2),  # Washington's Birthday
        _nth(LAST, MONDAY, year, 5),  # Memorial Day
        dt.date(year, 7, 4),  # Independence Day
        _nth(1, MONDAY, year, 9),  # Labor Day
        _nth(2, MONDAY, year, 10),  # Columbus Day
        dt.date(year, 11, 11),  # Veterans Day
        _nth(4, THURSDAY, year, 11),  # Thanksgiving Day
        dt.date(year, 12, 25),  # Christmas Day
    }
    if year >= 2021:
        days.add(dt.date(year, 6, 19))  # Juneteenth (Public Law 117-17)
    return frozenset(_kept_on(day) for day in days if day.weekday() != SATURDAY)


def _kept_on(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1) if day.weekday() > SATURDAY else day


def _nth(n: int, weekday: int, year: int, month: int) -> dt.date:
    """The n-th such weekday of a month; the last one for LAST."""
    if n == LAST:
        following = dt.date(year, month + 1, 1)
        return following - dt.timedelta(days=(following.weekday() - weekday - 1) % 7 + 1)
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))
