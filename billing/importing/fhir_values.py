"""Reading FHIR that may be anything: wrong types become a refusal that names the element's path."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from billing.importing import cells
from billing.importing.records import Unacceptable
from common.money import CURRENCY

Resource = dict[str, Any]

LARGEST_AMOUNT = Decimal(10) ** 9  # dollars, before rounding; a bill's bound is checked in cents
MOST_ITEMS = 1000  # of any list

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}.*)?", re.ASCII)


def text(parent: Resource, name: str, path: str) -> str:
    """A string element, empty where it is absent."""
    value = parent.get(name, "")
    if not isinstance(value, str):
        raise Unacceptable(f"{path}.{name} is not text")
    return value


def child(parent: Resource, name: str, path: str) -> Resource:
    """An element with elements of its own, empty where it is absent."""
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise Unacceptable(f"{path}.{name} is not an object")
    return value


def children(parent: Resource, name: str, path: str) -> Iterator[tuple[str, Resource]]:
    """The elements of a list with their paths, none where it is absent."""
    values = parent.get(name, [])
    if not isinstance(values, list):
        raise Unacceptable(f"{path}.{name} is not a list")
    if len(values) > MOST_ITEMS:
        raise Unacceptable(f"{path}.{name} has more than {MOST_ITEMS} elements")
    for position, value in enumerate(values):
        if not isinstance(value, dict):
            raise Unacceptable(f"{path}.{name}[{position}] is not an object")
        yield f"{path}.{name}[{position}]", value


def codes(concept: Resource, path: str) -> list[tuple[str, str, str]]:
    """(system, code, display) of each coding of a CodeableConcept."""
    return [
        (text(coding, "system", at), text(coding, "code", at), text(coding, "display", at))
        for at, coding in children(concept, "coding", path)
    ]


def words(concept: Resource, path: str) -> str:
    """What a CodeableConcept calls itself: its text, else its first display."""
    displays = (display for _, _, display in codes(concept, path) if display)
    return text(concept, "text", path) or next(displays, "")


def resource_id(resource: Resource) -> str:
    """The resource's id. Raises Unacceptable."""
    value = resource.get("id")
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Unacceptable("it has no valid id")
    return value


def day(value: str, path: str) -> str:
    """The day of a FHIR date or dateTime as it is written, in the offset it is written in."""
    match = _TIME.fullmatch(value)
    if match is None:
        raise Unacceptable(f"{path} is not a complete date")
    cells.day(match[1], path)
    return match[1]


def dollars(parent: Resource, name: str, path: str) -> Decimal | None:
    """A Money element in US dollars, exact and not negative; None where it is absent."""
    if name not in parent:
        return None
    money = child(parent, name, path)
    if text(money, "currency", f"{path}.{name}").lower() != CURRENCY:
        raise Unacceptable(f"{path}.{name} is not in USD")
    value = money.get("value")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unacceptable(f"{path}.{name}.value is not a number")
    amount = Decimal(value)
    if amount < 0:
        raise Unacceptable(f"{path}.{name} is negative")
    if amount >= LARGEST_AMOUNT:
        raise Unacceptable(f"{path}.{name} is too large")
    return amount


def shortened(value: str, limit: int) -> str:
    """Words for people, on one line, cut where they are too long for the bill."""
    line = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
