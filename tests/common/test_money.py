"""Cents in, cents out: what people type, what files hold, what pages show."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.money import BadAmount, format_cents, parse_cents, round_to_cents, split_cents


@pytest.mark.parametrize(
    ("typed", "cents"),
    [("42", 4200), ("42.5", 4250), ("$1,042.10", 104210), (" 0.01 ", 1), (".5", 50), ("$ 7", 700)],
)
def test_what_a_person_types_becomes_cents(typed: str, cents: int) -> None:
    assert parse_cents(typed) == cents


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "$",
        ".",
        "-5",
        "+5",
        "1.005",
        "12a",
        "1e3",
        "1,00",
        "٤٢",
        "NaN",
        "9" * 13,
        "5 0",
        "1.2.3",
    ],
)
def test_what_is_no_amount_is_refused_and_never_rounded(typed: str) -> None:
    with pytest.raises(BadAmount):
        parse_cents(typed)


def test_a_fraction_of_a_cent_in_a_file_goes_to_the_even_neighbour() -> None:
    assert [round_to_cents(Decimal(d)) for d in ("112.416", "0.125", "0.135", "1.005")] == [
        11242,
        12,
        14,
        100,
    ]


def test_amounts_read_like_a_bank_statement() -> None:
    assert format_cents(104210) == "$1,042.10"
    assert format_cents(-5) == "−$0.05"


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1).filter(sum))
def test_a_split_is_exact_and_nobody_gets_more_than_a_cent_too_much(
    total: int, weights: list[int]
) -> None:
    parts = split_cents(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    assert all(abs(p * whole - total * w) < whole for p, w in zip(parts, weights, strict=True))


def test_the_odd_cent_goes_to_the_largest_remainder_and_then_to_the_first() -> None:
    assert split_cents(100, [1, 1, 1]) == [34, 33, 33]
    assert split_cents(5, [1, 3]) == [1, 4]
