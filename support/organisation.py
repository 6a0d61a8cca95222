"""How the plan is reached and what staff want said now: what every page's frame shows.

Read from the cache, which is emptied when staff change something; from the database where the cache is
empty or away. A region's own data are on Region.
"""

import datetime as dt
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from support import cached
from support.models import Banner, Organisation, SocialProfile

KEY = "support.frame"
# Staff's changes empty the cache; this bounds how long a change that a slow reader missed stays unseen.
KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Line:
    """A telephone number, in digits and hyphens as people read it, and whom it serves."""

    audience: Promise
    number: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The plan's page on a social network."""

    network: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Reached:
    """How the plan itself is reached, whatever a person's area."""

    public_line: str
    employee_line: str
    tty: str
    hours_en: str
    hours_es: str
    address: tuple[str, ...]
    profiles: tuple[Profile, ...]

    @property
    def lines(self) -> tuple[Line, Line]:
        return (
            Line(_("Members and the public"), self.public_line),
            Line(_("Employees"), self.employee_line),
        )

    @property
    def hours(self) -> str:
        """In the reader's language; empty where staff have written none."""
        return self.hours_es if get_language() == "es" else self.hours_en


@dataclass(frozen=True, slots=True)
class Notice:
    """A banner as it is kept in the cache."""

    key: int
    kind: str
    audience: str
    region_id: int | None
    text_en: str
    text_es: str
    starts_at: dt.datetime
    ends_at: dt.datetime

    @property
    def text(self) -> str:
        return self.text_es if get_language() == "es" else self.text_en


@dataclass(frozen=True, slots=True)
class Frame:
    """All of it."""

    reached: Reached
    notices: tuple[Notice, ...]  # those that have not ended when this was read


def frame(*, at: dt.datetime) -> Frame:
    """What the frame shows: no query while it is in the cache, three where it is not."""
    return cached.kept(KEY, seconds=KEPT_SECONDS, read=lambda: _read(at))


def forget() -> None:
    """Something of it has changed; call it after the commit."""
    cached.forget(KEY)


def _read(at: dt.datetime) -> Frame:
    row = Organisation.objects.get()
    return Frame(
        reached=Reached(
            public_line=row.public_line,
            employee_line=row.employee_line,
            tty=row.tty,
            hours_en=row.hours,
            hours_es=row.hours_es,
            address=tuple(row.address.splitlines()),
            profiles=tuple(
                Profile(network, name, url)
                for network, name, url in SocialProfile.objects.values_list("network", "name", "url")
            ),
        ),
        notices=tuple(
            Notice(*columns)
            for columns in Banner.objects.filter(ends_at__gt=at)
            .order_by("starts_at", "pk")
            .values_list(
                "pk",
                "kind",
                "audience",
                "region_id",
                "text",
                "text_es",
                "starts_at",
                "ends_at",
            )
        ),
    )
