"""What a person asks of the list of bills, read from the address.

The address may hold anything. A value that means nothing is left out and named, so that the page can
say so; the rest still counts.
"""

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from django.db.models import F, Q
from django.db.models.expressions import OrderBy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models import Invoice
from common.period import is_reversed, read_day

STATES: dict[str, tuple[Promise | str, Q]] = {
    "open": (pgettext_lazy("bills", "Open"), Q(open_cents__gt=0)),
    "paid": (pgettext_lazy("bills", "Paid"), Q(open_cents=0, voided_at__isnull=True)),
    "all": (pgettext_lazy("bills", "All"), Q()),
}
KINDS: dict[str, tuple[Promise | str, Q]] = {
    "": (_("All kinds"), Q()),
    "medical": (_("Medical and hospital"), ~Q(kind=Invoice.Kind.PREMIUM)),
    "hospital": (_("Hospital only"), Q(kind=Invoice.Kind.HOSPITAL)),
    "premium": (_("Premiums"), Q(kind=Invoice.Kind.PREMIUM)),
}
SORTS: dict[str, tuple[Promise | str, tuple[OrderBy, ...]]] = {
    "due": (_("Due date, earliest first"), (F("due_on").asc(), F("pk").asc())),
    "due-latest": (_("Due date, latest first"), (F("due_on").desc(), F("pk").desc())),
    "visit": (_("Date of service, latest first"), (F("service_from").desc(), F("pk").desc())),
    "owed": (_("Amount owed, highest first"), (F("open_cents").desc(), F("pk").desc())),
}
NAMES: dict[str, Promise | str] = {
    "state": _("Status"),
    "kind": _("Kind"),
    "patient": _("Patient"),
    "year": _("Year of service"),
    "since": _("Service from"),
    "until": _("Service to"),
    "search": _("Search"),
    "sort": _("Sort by"),
    "page": _("Page"),
}
_CHOICES: dict[str, Collection[str]] = {"state": STATES, "kind": KINDS, "sort": SORTS}
MAX_SEARCH = 100  # characters; longer than any provider's name that people type
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)  # fits a bigint
_YEAR = re.compile(r"(?:19|20)[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BillFilter:
    """A question to the list of bills; the defaults ask for the open ones, soonest due first."""

    state: str = "open"
    kind: str = ""
    patient: int | None = None  # a member's key
    year: int | None = None  # of service
    since: dt.date | None = None  # of service; both days belong to the period
    until: dt.date | None = None
    search: str = ""  # in the bill's number or the provider's name
    sort: str = "due"
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """Whether anything beyond the tab and the order leaves bills out."""
        narrowing = (self.kind, self.patient, self.year, self.since, self.until, self.search)
        return any(narrowing)

    @property
    def within_tab(self) -> Q:
        """The condition on bills, whichever tab is open."""
        condition = KINDS[self.kind][1]
        if self.patient is not None:
            condition &= Q(patient=self.patient)
        if self.year is not None:
            condition &= Q(service_from__year=self.year)
        if self.since is not None:
            condition &= Q(service_from__gte=self.since)
        if self.until is not None:
            condition &= Q(service_from__lte=self.until)
        if self.search:
            condition &= Q(number__icontains=self.search) | Q(provider__icontains=self.search)
        return condition

    @property
    def condition(self) -> Q:
        """The condition on bills."""
        return STATES[self.state][1] & self.within_tab

    @property
    def order(self) -> tuple[OrderBy, ...]:
        """A total order: the key decides between equals, so that no page repeats or skips a bill."""
        return SORTS[self.sort][1]

    def query(self, **changes: object) -> str:
        """The address's query of this question with changes; defaults are left out.

        Any change but that of the page leads back to the first page.
        """
        asked = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        values = {
            field.name: getattr(asked, field.name)
            for field in fields(asked)
            if getattr(asked, field.name) != field.default
        }
        return f"?{urlencode(values)}" if values else "?"


def read_filter(query: Mapping[str, str]) -> tuple[BillFilter, list[Promise | str]]:
    """The question in an address's query, and the names of the values that meant nothing."""
    found: dict[str, object] = {}
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
    return BillFilter(**found), ignored  # type: ignore[arg-type]


def _read(name: str, raw: str) -> str | int | dt.date | None:
    """The meaning of one value; None where it has none."""
    if name in _CHOICES:
        return raw if raw in _CHOICES[name] else None
    if name in ("since", "until"):
        return read_day(raw)
    if name == "search":
        # PostgreSQL's text holds no NUL.
        return raw if len(raw) <= MAX_SEARCH and "\0" not in raw else None
    pattern = _YEAR if name == "year" else _NUMBER
    return int(raw) if pattern.fullmatch(raw) else None
