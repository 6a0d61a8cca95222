"""Spending by month, drawn: every amount has its bar, to scale, and stays inside the picture."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import charts
from payments.charts import spending_by_month

YEAR = charts.months_until(dt.date(2026, 12, 31))
CENTS = st.integers(-10_000_000_00, 10_000_000_00)


def test_the_months_are_the_twelve_that_end_with_the_last() -> None:
    months = charts.months_until(dt.date(2026, 2, 28))
    assert (months[0], months[-1], len(months)) == (dt.date(2025, 3, 1), dt.date(2026, 2, 1), 12)
    assert [charts.last_day(month).day for month in YEAR][:3] == [31, 28, 31]
    assert charts.last_day(dt.date(2028, 2, 1)) == dt.date(2028, 2, 29)


def test_medical_and_premium_stand_side_by_side_on_one_scale() -> None:
    march = dt.date(2026, 3, 1)
    chart = spending_by_month(YEAR, {(march, False): 400_00, (march, True): 200_00})
    medical, premium = chart.bars
    assert (medical.series, premium.series) == ("medical", "premium")
    assert medical.height == pytest.approx(2 * premium.height, abs=1)
    assert medical.x + medical.width <= premium.x
    assert (chart.medical_cents, chart.premium_cents) == (400_00, 200_00)
    assert chart.months[2].medical_cents == 400_00
    assert [line.label for line in chart.lines] == ["$100", "$200", "$300", "$400"]


def test_a_month_in_which_more_came_back_hangs_below_zero() -> None:
    chart = spending_by_month(YEAR, {(YEAR[0], False): 100_00, (YEAR[1], False): -100_00})
    paid, back = chart.bars
    assert paid.y + paid.height == chart.zero_y == back.y
    assert [line.label for line in chart.lines] == ["−$100", "−$50", "$50", "$100"]


def test_nothing_spent_has_no_bars() -> None:
    assert spending_by_month(YEAR, {}).is_empty
    assert spending_by_month(YEAR, {(dt.date(2020, 1, 1), False): 5}).is_empty, "outside the months"


@given(st.dictionaries(st.tuples(st.sampled_from(YEAR), st.booleans()), CENTS))
def test_whatever_was_spent_every_amount_has_one_bar_inside_the_picture(
    spent: dict[tuple[dt.date, bool], int],
) -> None:
    chart = spending_by_month(YEAR, spent)
    assert len(chart.bars) == sum(1 for cents in spent.values() if cents)
    for bar in chart.bars:
        assert bar.x >= charts.LEFT
        assert bar.x + bar.width <= charts.WIDTH - charts.RIGHT
        assert bar.y >= charts.TOP
        assert bar.y + bar.height <= charts.HEIGHT - charts.BOTTOM + 1
    assert chart.medical_cents + chart.premium_cents == sum(spent.values())
    assert len(chart.lines) <= 2 * charts.LINES
