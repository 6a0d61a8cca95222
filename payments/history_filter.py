"""What a person asks of the payment history, read from the address.

The address may hold anything. A value that means nothing is left out and named, so that the page can
say so; the rest still counts (as billing.filters does for bills).
"""

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.period import is_reversed, read_day

# What an event is (payments.history writes these words in its first column).
KINDS: dict[str, Promise | str] = {
    "payment": pgettext_lazy("history", "Payment"),
    "added": pgettext_lazy("history", "Money added to the account balance"),
    "refund": pgettext_lazy("history", "Refund"),
    "error": pgettext_lazy("history", "Recorded in error"),
    "credit": pgettext_lazy("history", "Credit to the account balance"),
    "return": pgettext_lazy("history", "Returned bank payment"),
    "dispute": pgettext_lazy("history", "Disputed payment"),
}
SIDES: dict[str, Promise | str] = {
    "": _("Everything"),
    "medical": _("Medical and hospital"),
    "premium": _("Premiums"),
}
STAGES: dict[str, Promise | str] = {
    "": pgettext_lazy("history", "Any state"),
    "done": pgettext_lazy("history", "Done"),
    "pending": pgettext_lazy("history", "On its way"),
    "nothing": pgettext_lazy("history", "Came to nothing"),
}
NAMES: dict[str, Promise | str] = {
    "kind": _("Kind"),
    "side": _("Medical or premium"),
    "patient": _("Patient"),
    "year": _("Year"),
    "since": pgettext_lazy("period", "From"),
    "until": pgettext_lazy("period", "To"),
    "state": _("State"),
    "page": _("Page"),
}
_CHOICES: dict[str, Collection[str]] = {"kind": KINDS, "side": SIDES, "state": STAGES}
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)  # fits a bigint
_YEAR = re.compile(r"(?:19|20)[0-9]{2}", re.ASCII)
MAX_PAGE = 10**6


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """A question to the history; the defaults ask for everything, latest first."""

    kind: str = ""
    side: str = ""
    patient: int | None = None  # a member's key
    year: int | None = None
    since: dt.date | None = None  # both days belong to the period
    until: dt.date | None = None
    state: str = ""
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is left out."""
        return replace(self, page=1) != HistoryFilter()

    @property
    def first_day(self) -> dt.date | None:
        """The period's first day; None where it has no beginning."""
        days = [day for day in (self.since, self.year and dt.date(self.year, 1, 1)) if day]
        return max(days, default=None)

    @property
    def last_day(self) -> dt.date | None:
        """The period's last day; None where it has no end."""
        days = [day for day in (self.until, self.year and dt.date(self.year, 12, 31)) if day]
        return min(days, default=None)

    @property
    def condition(self) -> tuple[str, dict[str, Any]]:
        """What parts of events must meet, in SQL over the columns of payments.history, with values.

        The words are ours; whatever the address held is a value.
        """
        asked: dict[str, tuple[Any, str]] = {
            "kind": (self.kind, "kind = %(kind)s"),
            "side": (self.side, "side = %(side)s"),
            "patient": (self.patient, "patient_id = %(patient)s"),
            "first_day": (self.first_day, "day >= %(first_day)s"),
            "last_day": (self.last_day, "day <= %(last_day)s"),
            "stage": (self.state, "stage = %(stage)s"),
        }
        used = {name: pair for name, pair in asked.items() if pair[0]}
        sql = " AND ".join(words for _value, words in used.values()) or "true"
        return sql, {name: value for name, (value, _words) in used.items()}

    def query(self, **changes: Any) -> str:
        """The address's query of this question with changes; defaults are left out.

        Any change but that of the page leads back to the first page.
        """
        asked = replace(self, **{"page": 1, **changes})
        values = {
            field.name: getattr(asked, field.name)
            for field in fields(asked)
            if getattr(asked, field.name) != field.default
        }
        return f"?{urlencode(values)}" if values else "?"


def read_filter(query: Mapping[str, str]) -> tuple[HistoryFilter, list[Promise | str]]:
    """The question in an address's query, and the names of the values that meant nothing."""
    found: dict[str, Any] = {}
    ignored: list[Promise | str] = []
    for name in NAMES:
        raw = query.get(name, "").strip()
        if not raw:
            continue
        value = _read(name, raw)
        if value is None:
            ignored.append(NAMES[name])
        else:
            found[name] = value
    if is_reversed(found):
        del found["until"]
        ignored.append(NAMES["until"])
    return HistoryFilter(**found), ignored


def _read(name: str, raw: str) -> str | int | dt.date | None:
    """The meaning of one value; None where it has none."""
    if name in _CHOICES:
        return raw if raw in _CHOICES[name] else None
    if name in ("since", "until"):
        return read_day(raw)
    if name == "page":
        return min(int(raw), MAX_PAGE) if _NUMBER.fullmatch(raw) else None
    pattern = _YEAR if name == "year" else _NUMBER
    return int(raw) if pattern.fullmatch(raw) else None
