"""A period as people type it above a list: two days, both in it, each of which may be missing."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

SINCE, UNTIL = "since", "until"  # as an address calls the two days
_LONGEST = 10  # characters of a day
_DAY = re.compile(
    r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})"
    r"|(?P<m2>[0-9]{1,2})/(?P<d2>[0-9]{1,2})/(?P<y2>[0-9]{4})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Box:
    """What stands in one of the two boxes, and what is wrong with it; empty where nothing is."""

    name: str
    label: Promise | str
    value: str
    error: str = ""


def read_day(typed: str) -> dt.date | None:
    """A day as 2026-05-03 or, as people here write it, 5/3/2026; years from 1900 on."""
    match = _DAY.fullmatch(typed)
    if match is None:
        return None
    year, month, day = (int(match[name] or match[f"{name}2"]) for name in "ymd")
    try:
        return dt.date(year, month, day) if year >= 1900 else None
    except ValueError:
        return None


def is_reversed(days: Mapping[str, object]) -> bool:
    """Whether the last day comes before the first, where both are there."""
    since, until = days.get(SINCE), days.get(UNTIL)
    return isinstance(since, dt.date) and isinstance(until, dt.date) and since > until


def boxes(query: Mapping[str, str], *, since: Promise | str, until: Promise | str) -> tuple[Box, Box]:
    """The two boxes under these labels, as they were filled in."""
    typed = {name: query.get(name, "").strip() for name in (SINCE, UNTIL)}
    days = {name: read_day(text) for name, text in typed.items()}
    errors = {
        name: _("Enter a day that there is, like 5/3/2026.")
        for name, text in typed.items()
        if text and days[name] is None
    }
    if is_reversed(days):
        errors[UNTIL] = _("This day is before the first one.")
    labels = ((SINCE, since), (UNTIL, until))
    first, last = (
        Box(name, label, typed[name][:_LONGEST], errors.get(name, "")) for name, label in labels
    )
    return first, last
