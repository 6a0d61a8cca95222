"""One value of a file, checked. Messages name the field and the rule, never the value: it may be
somebody's name, date of birth or number, and messages end up in terminals and tickets.
"""

import datetime as dt
import re
import unicodedata

from billing.importing.records import Unacceptable
from common.money import MAX_CENTS, BadAmount, format_cents, parse_cents

EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2100, 12, 31)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}", re.ASCII)


def text(value: str, name: str, *, limit: int, required: bool = True) -> str:
    """Words in Unicode's composed form, at most `limit` characters, without control characters."""
    clean = unicodedata.normalize("NFC", value.strip())
    if required and not clean:
        raise Unacceptable(f"{name} is empty")
    if len(clean) > limit:
        raise Unacceptable(f"{name} is longer than {limit} characters")
    if not clean.isprintable() and any(unicodedata.category(c) in {"Cc", "Cs"} for c in clean):
        raise Unacceptable(f"{name} contains a control character or is not UTF-8")
    return clean


def number(value: str, name: str, *, limit: int) -> str:
    """Letters, digits, points and hyphens, as people read aloud; never a social security number."""
    clean = text(value, name, limit=limit)
    if not _NUMBER.fullmatch(clean):
        raise Unacceptable(f"{name} may contain letters, digits, points and hyphens only")
    if _SSN.fullmatch(clean):
        raise Unacceptable(f"{name} looks like a social security number, which is never stored")
    return clean


def day(value: str, name: str) -> dt.date:
    """A calendar day as 2026-05-03, between 1900 and 2100."""
    if not value.strip():
        raise Unacceptable(f"{name} is empty")
    try:
        if not _DAY.fullmatch(value.strip()):
            raise ValueError
        date = dt.date.fromisoformat(value.strip())
    except ValueError:
        raise Unacceptable(f"{name} is not a date like 2026-05-03") from None
    if not EARLIEST <= date <= LATEST:
        raise Unacceptable(f"{name} is not between {EARLIEST.year} and {LATEST.year}")
    return date


def birth_day(value: str, name: str, *, today: dt.date) -> dt.date:
    """A date of birth: a day that is not in the future."""
    date = day(value, name)
    if date > today:
        raise Unacceptable(f"{name} is in the future")
    return date


def cents(value: str, name: str, *, required: bool = True) -> int:
    """Dollars and cents as 1042.10, not negative, never rounded; empty is 0 where not required."""
    if not required and not value.strip():
        return 0
    try:
        amount_cents = parse_cents(value)
    except BadAmount:
        raise Unacceptable(
            f"{name} is not an amount like 1042.10 (no sign, at most two decimals)"
        ) from None
    return bounded(amount_cents, name)


def bounded(amount_cents: int, name: str) -> int:
    """An amount no larger than a bill can be."""
    if amount_cents > MAX_CENTS:
        raise Unacceptable(f"{name} is more than {format_cents(MAX_CENTS)}")
    return amount_cents
