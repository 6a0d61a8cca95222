"""Whether somebody answers now, on the region's clock, and how long that takes."""

import datetime as dt

import pytest

from billing.models import BillingAccount
from common.clock import now
from support.hours import Desk, desk, desk_of, expected_wait
from support.services import chat
from tests.support.chat import make_conversation
from tests.support.factories import make_account, make_region, make_staff

OFFICE = [(day, 8 * 60, 17 * 60) for day in range(5)]
PACIFIC, HAWAII = "America/Los_Angeles", "Pacific/Honolulu"


def utc(*moment: int) -> dt.datetime:
    return dt.datetime(*moment, tzinfo=dt.UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        # Friday, November 20, 2026, 9 a.m. in California; 7 a.m. in Hawaii.
        (PACIFIC, utc(2026, 11, 20, 17), Desk(True, closes_at=utc(2026, 11, 21, 1))),
        (HAWAII, utc(2026, 11, 20, 17), Desk(False, opens_at=utc(2026, 11, 20, 18))),
        # The evening: Monday.
        (PACIFIC, utc(2026, 11, 21, 1), Desk(False, opens_at=utc(2026, 11, 23, 16))),
        # Thanksgiving is a holiday.
        (PACIFIC, utc(2026, 11, 26, 17), Desk(False, opens_at=utc(2026, 11, 27, 16))),
        # The Monday after clocks went forward: an hour earlier in UTC.
        (PACIFIC, utc(2026, 3, 9, 15), Desk(True, closes_at=utc(2026, 3, 10, 0))),
        (PACIFIC, utc(2026, 3, 6, 15), Desk(False, opens_at=utc(2026, 3, 6, 16))),
    ],
)
def test_the_desk_keeps_the_regions_clock_weekends_and_holidays(
    zone: str, at: dt.datetime, expected: Desk
) -> None:
    assert desk(OFFICE, time_zone=zone, at=at) == expected


def test_around_the_clock_means_until_midnight_and_on() -> None:
    always = [(day, 0, 1440) for day in range(7)]
    late = utc(2026, 11, 21, 7, 59)
    assert desk(always, time_zone=PACIFIC, at=late).is_open
    assert desk(always, time_zone=PACIFIC, at=late + dt.timedelta(minutes=2)).is_open


def test_without_hours_nobody_promises_anything() -> None:
    assert desk([], time_zone=PACIFIC, at=utc(2026, 11, 20, 17)) == Desk(False)


@pytest.mark.django_db
class TestOfARegion:
    def test_every_region_has_hours(self) -> None:
        noon = utc(2026, 11, 18, 19)  # a Wednesday: 9 a.m. in Hawaii, 2 p.m. in Georgia
        codes = ("NCAL", "SCAL", "CO", "GA", "HI", "MAS", "NW", "WA")
        assert all(desk_of(make_region(code), at=noon).is_open for code in codes)

    def test_the_wait_is_the_median_of_late_answers_rounded_up_and_the_queue_before(self) -> None:
        at, agent = now(), make_staff(None)
        account = make_account()
        for minutes in (2, 7, 50):
            conversation = make_conversation(make_account(), at=at - dt.timedelta(minutes=minutes))
            chat.write_as_staff(conversation=conversation, by=agent, text="Hello", at=at)
        waiting = self._waiting(account, at - dt.timedelta(minutes=1))
        self._waiting(account, at)
        wait = expected_wait(region=account.region, before=at, at=at)
        assert (wait.ahead, wait.minutes) == (1, 10)
        first = expected_wait(region=account.region, before=waiting.waiting_since, at=at)
        assert first.ahead == 0
        elsewhere = expected_wait(region=make_region("HI"), before=None, at=at)
        assert (elsewhere.ahead, elsewhere.minutes) == (0, None)

    def _waiting(self, account: BillingAccount, at: dt.datetime) -> chat.Conversation:
        return make_conversation(account, at=at)
