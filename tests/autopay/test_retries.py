"""What follows a refusal: the table, and its bounds whatever happens."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopay.models import Reason
from autopay.retries import (
    CARD_WITHIN,
    DEBIT_WITHIN,
    NO_FUNDS,
    PASSING,
    After,
    Refusal,
    bar,
    verdict,
)
from autopay.retries import after as follows
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
        ("expired_card", After.METHOD_EXPIRED),
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
    refusals = [Refusal(day, code) for day in days]
    if len(days) == 4:
        assert bar(refusals, kind=CARD, on=days[-1]) == Reason.NO_TRIES_LEFT
    assert bar(refusals[:3], kind=CARD, on=days[2]) is None
    assert bar(refusals, kind=CARD, on=days[-1] + CARD_WITHIN) is None  # a month later


@given(
    code=st.sampled_from(sorted(NO_FUNDS)),
    first_on=st.dates(dt.date(2021, 1, 1), dt.date(2054, 12, 31)),
)
@settings(max_examples=300, deadline=None)
def test_row_34_a_debit_is_presented_at_most_twice_more(code: str, first_on: dt.date) -> None:
    days = tries(BANK, code, first_on)
    assert len(days) == 3
    assert days[-1] - days[0] < DEBIT_WITHIN
    refusals = [Refusal(day, code) for day in days]
    assert bar(refusals, kind=BANK, on=days[-1]) == Reason.NO_TRIES_LEFT
    assert bar(refusals[:2], kind=BANK, on=days[1]) is None
    # Neither a third time, nor the second one half a year later.
    assert bar(refusals, kind=BANK, on=days[-1] + DEBIT_WITHIN) == Reason.NO_TRIES_LEFT
    assert bar(refusals[:1], kind=BANK, on=days[0] + DEBIT_WITHIN) == Reason.NO_TRIES_LEFT


def test_a_usual_card_is_tried_on_days_that_the_mail_names() -> None:
    assert tries(CARD, "insufficient_funds", MONDAY) == [
        dt.date(2026, 11, 2),
        dt.date(2026, 11, 5),
        dt.date(2026, 11, 12),
        dt.date(2026, 11, 27),
    ]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (CARD, "stolen_card"),
        (CARD, "expired_card"),
        (CARD, "authentication_required"),
        (CARD, "a code that came later"),
        (CARD, "disputed"),
        (BANK, "R02"),
        (BANK, "R10"),
    ],
)
def test_one_refusal_that_does_not_pass_bars_for_good(kind: str, code: str) -> None:
    passing = Refusal(MONDAY, "insufficient_funds")
    later = MONDAY + dt.timedelta(days=400)
    for refusals in ([Refusal(MONDAY, code)], [passing, Refusal(MONDAY, code), passing]):
        assert bar(refusals, kind=kind, on=later) == Reason.METHOD_REFUSED


@given(lateness=st.lists(st.integers(0, 5), min_size=4, max_size=4))
@settings(max_examples=300, deadline=None)
def test_tries_of_a_card_that_come_late_keep_within_their_bounds_too(lateness: list[int]) -> None:
    refusals = [Refusal(MONDAY, "insufficient_funds")]
    for late in lateness:
        found = retry(refusals, since=MONDAY - dt.timedelta(days=14))
        if found is None:
            break
        day = found + dt.timedelta(days=late)
        assert bar(refusals, kind=CARD, on=found) is None
        refusals.append(Refusal(day, "insufficient_funds"))
    assert 3 <= len(refusals) <= 4
    assert retry(refusals, since=MONDAY - dt.timedelta(days=14)) is None


def retry(refusals: list[Refusal], *, since: dt.date) -> dt.date | None:
    last = refusals[-1]
    return follows(refusals, kind=CARD, code=last.code, since=since, on=last.on).next_try_on


@pytest.mark.parametrize(("days_before", "next_try"), [(20, False), (40, True)])
def test_tries_before_the_draw_was_announced_anew_count_for_30_days_alone(
    days_before: int, next_try: bool
) -> None:
    """Three declines some time ago and one today: four within a month, or one of a new series."""
    before = [
        Refusal(MONDAY - dt.timedelta(days=days_before - wait), "insufficient_funds")
        for wait in (0, 3, 6)
    ]
    refusals = [*before, Refusal(MONDAY, "insufficient_funds")]
    found = retry(refusals, since=MONDAY - dt.timedelta(days=11))
    assert found == (MONDAY + dt.timedelta(days=3) if next_try else None)
