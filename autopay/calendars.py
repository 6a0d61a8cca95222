"""Months as geometry: pure functions from days to the shapes of small SVG calendars.

Weeks begin on Sunday, as on calendars in the United States. All measures are whole numbers, so that
no language writes them with a comma.
"""

import calendar
import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from common.calendar import is_business_day

CELL, HEAD = 36, 60  # a day's box; the name of the month and the days of the week above
WIDTH = 7 * CELL
SUNDAY = calendar.SUNDAY


@dataclass(frozen=True, slots=True)
class Day:
    """One day; x and y are the middle of its box."""

    date: dt.date
    x: int
    y: int
    is_draw: bool
    is_chosen: bool  # the schedule's day, without a bill so far
    is_today: bool
    is_open: bool  # banks are


@dataclass(frozen=True, slots=True)
class Month:
    """One month's drawing."""

    first_day: dt.date
    days: tuple[Day, ...]
    weekdays: tuple[tuple[int, dt.date], ...]  # where its letter stands, and a day of that name
    height: int

    width, middle, radius, title_y, weekday_y = WIDTH, WIDTH // 2, CELL // 2 - 2, 20, 46


def months_of(
    draws: Collection[dt.date], *, chosen: Collection[dt.date] = (), today: dt.date
) -> tuple[Month, ...]:
    """The months in which these draws and chosen days are, earliest first."""
    firsts = sorted({day.replace(day=1) for day in (*draws, *chosen)})
    return tuple(_month(first, draws, chosen, today) for first in firsts)


def _month(
    first: dt.date, draws: Collection[dt.date], chosen: Collection[dt.date], today: dt.date
) -> Month:
    weeks = calendar.Calendar(SUNDAY).monthdatescalendar(first.year, first.month)
    return Month(
        first_day=first,
        days=tuple(
            Day(
                date=date,
                x=_middle(column),
                y=HEAD + _middle(row),
                is_draw=date in draws,
                is_chosen=date in chosen,
                is_today=date == today,
                is_open=is_business_day(date),
            )
            for row, week in enumerate(weeks)
            for column, date in enumerate(week)
            if date.month == first.month
        ),
        weekdays=tuple((_middle(column), date) for column, date in enumerate(weeks[0])),
        height=HEAD + len(weeks) * CELL,
    )


def _middle(index: int) -> int:
    return index * CELL + CELL // 2
