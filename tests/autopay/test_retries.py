"""What follows a refusal: the table, and its bounds whatever happens."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopay.retries import (
    CARD_WITHIN,
    DEBIT_WITHIN,
    NO_FUNDS,
    PASSING,
    After,
    may_try,
    verdict,
)
from common.calendar import is_business_day

MONDAY = dt.date(2026, 11, 2)
BANK, CARD = "us_bank_account", "card"


def after(kind: str, code: str) -> After:
    return verdict(kind=kind, code=code, tries=1, first_try_on=MONDAY, on=MONDAY).after


@pytest.mark.parametrize(
    ("code", "follows"),
    [
        ("insufficient_funds", After.TRY_AGAIN),
        ("generic_decline", After.TRY_AGAIN),
        ("authentication_required", After.CONFIRM),
        ("stolen_card", After.METHOD_DEAD),
        ("expired_card", After.METHOD_DEAD),
        ("revocation_of_authorization", After.REVOKED),
        ("incorrect_cvc", After.NOT_AGAIN),
        ("a code that came later", After.NOT_AGAIN),
    ],
)
def test_a_card(code: str, follows: After) -> None:
    assert after(CARD, code) == follows


@pytest.mark.parametrize("code", ["R01", "R09", "insufficient_funds"])
def test_a_debit_returned_for_want_of_money_is_presented_again(code: str) -> None:
    assert after(BANK, code) == After.TRY_AGAIN


@pytest.mark.parametrize("code", ["R02", "R03", "R04", "R16", "R20", "account_closed"])
def test_a_dead_account_stops(code: str) -> None:
    assert after(BANK, code) == After.METHOD_DEAD


@pytest.mark.parametrize("code", ["R05", "R07", "R10", "R29", "R51", "debit_not_authorized"])
def test_a_revoked_mandate_stops(code: str) -> None:
    assert after(BANK, code) == After.REVOKED


def tries(kind: str, code: str, first_on: dt.date) -> list[dt.date]:
    """The days of all tries, where each is refused with this code."""
    days = [first_on]
    while True:
        found = verdict(kind=kind, code=code, tries=len(days), first_try_on=first_on, on=days[-1])
        if found.next_try_on is None:
            return days
        days.append(found.next_try_on)


@given(
    code=st.sampled_from(sorted(PASSING)),
    first_on=st.dates(dt.date(2021, 1, 1), dt.date(2054, 12, 31)),
)
@settings(max_examples=300, deadline=None)
def test_a_card_is_tried_at_most_four_times_in_30_days(code: str, first_on: dt.date) -> None:
    days = tries(CARD, code, first_on)
    assert len(days) <= 4
    assert days[-1] - days[0] < CARD_WITHIN
    assert days == sorted(set(days))
    assert all(map(is_business_day, days[1:]))
    assert not may_try(kind=CARD, tries=4, first_try_on=days[0], on=days[-1])


@given(
    code=st.sampled_from(sorted(NO_FUNDS)),
    first_on=st.dates(dt.date(2021, 1, 1), dt.date(2054, 12, 31)),
)
@settings(max_examples=300, deadline=None)
def test_row_34_a_debit_is_presented_at_most_twice_more(code: str, first_on: dt.date) -> None:
    days = tries(BANK, code, first_on)
    assert len(days) == 3
    assert days[-1] - days[0] < DEBIT_WITHIN
    assert not may_try(kind=BANK, tries=3, first_try_on=days[0], on=days[-1])


def test_a_usual_card_is_tried_on_days_that_the_mail_names() -> None:
    assert tries(CARD, "insufficient_funds", MONDAY) == [
        dt.date(2026, 11, 2),
        dt.date(2026, 11, 5),
        dt.date(2026, 11, 12),
        dt.date(2026, 11, 27),
    ]
