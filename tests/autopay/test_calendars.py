"""Months as drawings: every day in its box, whole numbers, draws and closed days told apart."""

import calendar
import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from autopay.calendars import CELL, HEAD, WIDTH, months_of

NOVEMBER = dt.date(2026, 11, 2)
DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2060, 12, 31))


def test_a_month_is_drawn_for_each_that_has_a_draw_or_a_chosen_day() -> None:
    draws = {dt.date(2026, 11, 16), dt.date(2026, 11, 30), dt.date(2027, 1, 15)}
    months = months_of(draws, chosen={dt.date(2027, 2, 16)}, today=NOVEMBER)
    assert [month.first_day for month in months] == [
        dt.date(2026, 11, 1),
        dt.date(2027, 1, 1),
        dt.date(2027, 2, 1),
    ]
    days = {day.date: day for month in months for day in month.days}
    assert {date for date, day in days.items() if day.is_draw} == draws
    assert [date for date, day in days.items() if day.is_chosen] == [dt.date(2027, 2, 16)]
    assert [date for date, day in days.items() if day.is_today] == [NOVEMBER]


def test_nothing_to_draw_is_no_month() -> None:
    assert months_of(set(), today=NOVEMBER) == ()


def test_weeks_begin_on_sunday() -> None:
    (month,) = months_of({dt.date(2026, 11, 16)}, today=NOVEMBER)
    assert [date.weekday() for _x, date in month.weekdays] == [6, 0, 1, 2, 3, 4, 5]
    first, eighth = month.days[0], month.days[7]
    assert (first.x, first.y) == (CELL // 2, HEAD + CELL // 2)  # November 1, 2026 is a Sunday
    assert (eighth.x, eighth.y) == (first.x, first.y + CELL)


def test_days_on_which_banks_are_closed_say_so() -> None:
    (month,) = months_of({dt.date(2026, 11, 16)}, today=NOVEMBER)
    closed = [day.date.day for day in month.days if not day.is_open]
    assert closed == [1, 7, 8, 11, 14, 15, 21, 22, 26, 28, 29]  # Veterans Day, Thanksgiving Day


@given(DAYS)
def test_every_day_of_a_month_has_a_place_of_its_own_inside_the_drawing(draw: dt.date) -> None:
    (month,) = months_of({draw}, today=NOVEMBER)
    assert len(month.days) == calendar.monthrange(draw.year, draw.month)[1]
    places = {(day.x, day.y) for day in month.days}
    assert len(places) == len(month.days)
    assert all(0 < x < WIDTH and HEAD < y < month.height for x, y in places)
