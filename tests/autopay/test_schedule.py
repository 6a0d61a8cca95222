"""When a bill is drawn: row 25, short months, leap years, year ends, holidays, bills that come late."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopay.schedule import (
    DELIVERY_DAYS,
    Schedule,
    announced_in_time,
    day_in_month,
    draw_date,
    earliest_announced,
    is_stale,
    next_three,
)
from common.calendar import is_business_day, next_business_day

LONG_AGO = dt.date(2020, 1, 1)
DAYS = st.dates(min_value=dt.date(2021, 1, 1), max_value=dt.date(2054, 12, 31))
CHOSEN = st.one_of(st.none(), st.integers(1, 31))


def drawn(day: int | None, due_on: str, as_of: str, starts_on: dt.date = LONG_AGO) -> str:
    schedule = Schedule(day, starts_on)
    return draw_date(
        schedule, due_on=dt.date.fromisoformat(due_on), as_of=dt.date.fromisoformat(as_of)
    ).isoformat()


@pytest.mark.parametrize(
    ("due_on", "on"),
    [
        ("2026-11-30", "2026-11-30"),  # a Monday
        ("2026-11-28", "2026-11-30"),  # a Saturday
        ("2026-11-26", "2026-11-27"),  # Thanksgiving
        ("2026-12-25", "2026-12-28"),  # Christmas, a Friday
        ("2027-01-01", "2027-01-04"),  # New Year's Day, a Friday
        ("2027-07-04", "2027-07-06"),  # a Sunday, kept on the Monday
    ],
)
def test_a_due_date_on_which_banks_are_closed_gives_way_to_the_next_day(due_on: str, on: str) -> None:
    assert drawn(None, due_on, "2026-10-01") == on


@pytest.mark.parametrize(
    ("day", "due_on", "on"),
    [
        (15, "2026-11-30", "2026-11-16"),  # the 15th is a Sunday
        (15, "2026-11-14", "2026-10-15"),  # the last one that is not after the due date
        (31, "2027-03-10", "2027-03-01"),  # February 28 is a Sunday
        (31, "2026-12-31", "2026-12-31"),
        (31, "2027-05-15", "2027-04-30"),
        (30, "2028-03-01", "2028-02-29"),  # a leap year
        (29, "2028-03-01", "2028-02-29"),
        (29, "2027-03-05", "2027-03-01"),
        (31, "2027-01-05", "2026-12-31"),  # over the year's end
        (1, "2027-01-31", "2027-01-04"),  # New Year's Day gives way
    ],
)
def test_a_chosen_day_is_the_last_one_before_the_due_date(day: int, due_on: str, on: str) -> None:
    assert drawn(day, due_on, "2026-09-01") == on


def test_a_bill_that_comes_too_late_is_drawn_later_and_never_unannounced() -> None:
    assert drawn(None, "2026-11-20", "2026-11-16") == "2026-11-27"  # eleven days, no holiday
    assert drawn(5, "2026-11-20", "2026-11-16") == "2026-12-07"  # the next chosen day, a Saturday


def test_nothing_is_drawn_before_the_start() -> None:
    assert drawn(None, "2026-11-20", "2026-10-01", dt.date(2026, 12, 1)) == "2026-12-01"
    assert drawn(10, "2026-11-20", "2026-10-01", dt.date(2026, 12, 1)) == "2026-12-10"


@pytest.mark.parametrize("day", [0, 32, -1])
def test_no_month_has_such_a_day(day: int) -> None:
    with pytest.raises(ValueError, match="no month has"):
        Schedule(day, LONG_AGO)


@given(day=CHOSEN, due_on=DAYS, as_of=DAYS, starts_on=DAYS)
@settings(max_examples=400, deadline=None)
def test_every_draw_is_a_business_day_that_can_be_announced(
    day: int | None, due_on: dt.date, as_of: dt.date, starts_on: dt.date
) -> None:
    on = draw_date(Schedule(day, starts_on), due_on=due_on, as_of=as_of)
    assert is_business_day(on)
    assert on >= starts_on
    delivered = as_of + dt.timedelta(days=DELIVERY_DAYS)
    assert announced_in_time(draw_on=on, delivered_on=delivered)
    if day is None:
        assert on == next_business_day(max(due_on, starts_on, earliest_announced(as_of)))


@given(day=st.integers(1, 31), as_of=DAYS, starts_on=DAYS)
@settings(max_examples=400, deadline=None)
def test_400_months_of_a_chosen_day_have_one_draw_each(
    day: int, as_of: dt.date, starts_on: dt.date
) -> None:
    three = next_three(Schedule(day, starts_on), as_of=as_of)
    assert len(set(three)) == 3
    assert three == sorted(three)
    assert three[0] >= max(as_of, starts_on)
    for on in three:
        before = on - dt.timedelta(days=5)  # a long weekend may lead into the next month
        months = {(on.year, on.month), (before.year, before.month)}
        assert any(next_business_day(day_in_month(*month, day)) == on for month in months)


@given(due_on=DAYS, as_of=DAYS, day=CHOSEN)
@settings(max_examples=200, deadline=None)
def test_planning_a_day_later_never_makes_a_draw_earlier(
    due_on: dt.date, as_of: dt.date, day: int | None
) -> None:
    schedule = Schedule(day, LONG_AGO)
    today = draw_date(schedule, due_on=due_on, as_of=as_of)
    tomorrow = draw_date(schedule, due_on=due_on, as_of=as_of + dt.timedelta(days=1))
    assert tomorrow >= today


def test_a_draw_is_made_up_to_five_days_late() -> None:
    on = dt.date(2026, 11, 30)
    assert not is_stale(draw_on=on, as_of=dt.date(2026, 12, 5))
    assert is_stale(draw_on=on, as_of=dt.date(2026, 12, 6))


def test_row_25_the_31st_of_every_month_for_400_months_is_its_last_day() -> None:
    month = dt.date(2026, 1, 1)
    for _ in range(400):
        following = (month + dt.timedelta(days=32)).replace(day=1)
        last = following - dt.timedelta(days=1)
        on = draw_date(Schedule(31, LONG_AGO), due_on=last, as_of=month - dt.timedelta(days=40))
        assert on == next_business_day(last)
        month = following
