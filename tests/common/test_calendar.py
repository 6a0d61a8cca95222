"""Bank days: the published schedule, and rules that hold for every day of eighty years."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.calendar import add_business_days, bank_holidays, is_business_day, next_business_day

DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2100, 12, 31))


@pytest.mark.parametrize(
    ("year", "published"),
    [
        # Federal Reserve Bank holiday schedules, without what falls on a Saturday.
        (2026, "0101 0119 0216 0525 0619 0907 1012 1111 1126 1225"),
        (2027, "0101 0118 0215 0531 0705 0906 1011 1111 1125"),
        (2028, "0117 0221 0529 0619 0704 0904 1009 1123 1225"),
        (2022, "0117 0221 0530 0620 0704 0905 1010 1111 1124 1226"),
    ],
)
def test_holidays_are_those_of_the_published_schedule(year: int, published: str) -> None:
    assert sorted(f"{day:%m%d}" for day in bank_holidays(year)) == published.split()


def test_juneteenth_was_no_holiday_before_it_was_one() -> None:
    assert is_business_day(dt.date(2020, 6, 19))
    assert not is_business_day(dt.date(2026, 6, 19))


def test_a_holiday_on_saturday_leaves_friday_a_business_day() -> None:
    assert dt.date(2026, 7, 4).weekday() == 5
    assert is_business_day(dt.date(2026, 7, 3))


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-10-01", 4, "2026-10-07"),  # Thursday, over a weekend
        ("2026-10-08", 4, "2026-10-15"),  # over a weekend and Columbus Day
        ("2026-12-31", 1, "2027-01-04"),  # over New Year's Day and a weekend
        ("2026-10-03", 1, "2026-10-05"),  # a Saturday: Monday is the first day after it
        ("2026-10-03", 0, "2026-10-05"),
        ("2026-10-05", 0, "2026-10-05"),
    ],
)
def test_counting_forward(start: str, count: int, end: str) -> None:
    assert add_business_days(dt.date.fromisoformat(start), count) == dt.date.fromisoformat(end)


def test_nothing_is_counted_backward() -> None:
    with pytest.raises(ValueError, match="forward"):
        add_business_days(dt.date(2026, 10, 1), -1)


@given(day=DAYS, count=st.integers(1, 60))
def test_exactly_so_many_business_days_lie_between(day: dt.date, count: int) -> None:
    end = add_business_days(day, count)
    between = [day + dt.timedelta(days=n) for n in range(1, (end - day).days + 1)]
    assert sum(map(is_business_day, between)) == count
    assert is_business_day(end)


@given(day=DAYS)
def test_the_next_business_day_is_never_more_than_four_days_away(day: dt.date) -> None:
    found = next_business_day(day)
    assert dt.timedelta(0) <= found - day <= dt.timedelta(days=4)
    assert next_business_day(found) == found


@given(year=st.integers(2020, 2100))
def test_a_year_has_eight_to_eleven_holidays_all_on_weekdays(year: int) -> None:
    holidays = bank_holidays(year)
    assert 8 <= len(holidays) <= 11
    assert all(day.weekday() < 5 for day in holidays)
