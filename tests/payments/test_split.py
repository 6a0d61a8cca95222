"""A total over several bills: exact, oldest due first, never more than a bill can take."""

import datetime as dt
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.split import CannotAllocate, allocate


@dataclass(frozen=True)
class Bill:
    pk: int
    due_on: dt.date
    payable_cents: int


DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 12))  # few, so that days repeat


@st.composite
def bills_and_total(draw: st.DrawFn) -> tuple[list[Bill], int]:
    """Bills in any order, and a total that they can take."""
    keys = draw(st.lists(st.integers(1, 10_000), unique=True, max_size=30))
    bills = [
        Bill(key, draw(DAYS), draw(st.integers(0, 5) | st.integers(0, 10_000_000))) for key in keys
    ]
    return bills, draw(st.integers(0, sum(bill.payable_cents for bill in bills)))


@given(bills_and_total())
def test_the_parts_sum_to_the_total_and_each_is_one_that_its_bill_can_take(
    case: tuple[list[Bill], int],
) -> None:
    bills, total = case
    parts = allocate(total, bills)
    assert sum(cents for _bill, cents in parts) == total
    assert all(0 < cents <= bill.payable_cents for bill, cents in parts)
    assert len({bill.pk for bill, _cents in parts}) == len(parts)


@given(bills_and_total())
def test_a_later_bill_gets_a_cent_only_when_every_earlier_one_is_full(
    case: tuple[list[Bill], int],
) -> None:
    bills, total = case
    got = {bill.pk: cents for bill, cents in allocate(total, bills)}
    in_order = sorted(bills, key=lambda bill: (bill.due_on, bill.pk))
    reached = [index for index, bill in enumerate(in_order) if got.get(bill.pk)]
    for bill in in_order[: max(reached, default=0)]:
        assert got.get(bill.pk, 0) == bill.payable_cents


@given(bills_and_total(), st.randoms())
def test_the_order_in_which_bills_are_given_changes_nothing(
    case: tuple[list[Bill], int], random: Random
) -> None:
    bills, total = case
    shuffled = list(bills)
    random.shuffle(shuffled)
    assert allocate(total, shuffled) == allocate(total, bills)


@given(bills_and_total(), st.integers(1, 100))
def test_more_than_the_bills_can_take_and_less_than_nothing_are_refused(
    case: tuple[list[Bill], int], more: int
) -> None:
    bills, _total = case
    with pytest.raises(CannotAllocate):
        allocate(sum(bill.payable_cents for bill in bills) + more, bills)
    with pytest.raises(CannotAllocate):
        allocate(-more, bills)


def test_the_bill_where_the_total_ends_gets_the_odd_cent() -> None:
    march, april, may = (
        Bill(3, dt.date(2026, 3, 1), 33_33),
        Bill(1, dt.date(2026, 4, 1), 33_33),
        Bill(2, dt.date(2026, 5, 1), 33_34),
    )
    assert allocate(33_34, [may, april, march]) == [(march, 33_33), (april, 1)]
    assert allocate(100_00, [may, april, march]) == [(march, 33_33), (april, 33_33), (may, 33_34)]


def test_of_two_bills_due_on_one_day_the_one_that_came_first_goes_first() -> None:
    day = dt.date(2026, 3, 1)
    first, second = Bill(1, day, 10), Bill(2, day, 10)
    assert allocate(11, [second, first]) == [(first, 10), (second, 1)]


def test_nothing_over_no_bills_is_nothing() -> None:
    assert allocate(0, []) == []
