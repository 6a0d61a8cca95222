"""When the chat is answered, on a region's own clock, and how long that usually takes."""

import datetime as dt
import statistics
from collections.abc import Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from accounts.models import Region
from common.calendar import bank_holidays
from support.models import ChatState, Conversation, DeskHours

# The last so many first answers within so many hours tell how long the next one takes.
RECENT_ANSWERS = 20
RECENT = dt.timedelta(hours=6)
DAYS_AHEAD = 10  # no weekend and no run of holidays is longer


@dataclass(frozen=True, slots=True)
class Desk:
    """Whether somebody answers now. Moments are aware; `opens_at` is None where no hours are set."""

    is_open: bool
    closes_at: dt.datetime | None = None
    opens_at: dt.datetime | None = None


def desk(hours: Collection[tuple[int, int, int]], *, time_zone: str, at: dt.datetime) -> Desk:
    """Pure: from (weekday, opens, closes) in minutes since midnight on the region's clock."""
    zone = ZoneInfo(time_zone)
    today = at.astimezone(zone).date()
    by_weekday = {weekday: (opens, closes) for weekday, opens, closes in hours}
    for ahead in range(DAYS_AHEAD):
        day = today + dt.timedelta(days=ahead)
        if day.weekday() not in by_weekday or day in bank_holidays(day.year):
            continue
        opens_at, closes_at = (_moment(day, minute, zone) for minute in by_weekday[day.weekday()])
        if opens_at <= at < closes_at:
            return Desk(is_open=True, closes_at=closes_at)
        if at < opens_at:
            return Desk(is_open=False, opens_at=opens_at)
    return Desk(is_open=False)


def _moment(day: dt.date, minute: int, zone: ZoneInfo) -> dt.datetime:
    """A minute of a day by the clock on the wall; the 1440th is the next midnight."""
    days, minute = divmod(minute, 1440)
    time = dt.time(minute // 60, minute % 60)
    return dt.datetime.combine(day + dt.timedelta(days=days), time, tzinfo=zone)


def desk_of(region: Region, *, at: dt.datetime) -> Desk:
    """Whether somebody answers people of this region now; one query."""
    hours = DeskHours.objects.filter(region=region).values_list("weekday", "opens", "closes")
    return desk(list(hours), time_zone=region.time_zone, at=at)


@dataclass(frozen=True, slots=True)
class Wait:
    """How many wait before somebody, and the usual minutes; None where too few were answered lately."""

    ahead: int
    minutes: int | None


def expected_wait(*, region: Region, before: dt.datetime | None, at: dt.datetime) -> Wait:
    """The queue before a moment (or the whole of it), and the median of recent first answers.

    Minutes are rounded up to five: nobody counts on the second.
    """
    waiting = Conversation.objects.filter(region=region, state=ChatState.WAITING)
    if before is not None:
        waiting = waiting.filter(waiting_since__lt=before)
    answered = [
        seconds or 0
        for seconds in Conversation.objects.filter(
            region=region, answered_at__gte=at - RECENT, waited_seconds__isnull=False
        )
        .order_by("-answered_at")
        .values_list("waited_seconds", flat=True)[:RECENT_ANSWERS]
    ]
    ahead = waiting.count()
    if not answered:
        return Wait(ahead, None)
    five_minutes = -(-int(statistics.median(answered)) // 300)
    return Wait(ahead, max(five_minutes, 1) * 5)
