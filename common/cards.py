"""Card numbers have no place in a free text: forms refuse them, records never hold one (PCI DSS 3)."""

import re

from django.core.exceptions import ValidationError

# Digits with whatever people put between them.
_RUN = re.compile(r"\d(?:[\s.\-–—_/·,:]{0,3}\d){12,}")
SHORTEST, LONGEST = 13, 19  # ISO/IEC 7812-1, and what networks give out
HIDDEN = "[card number removed]"


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for index, character in enumerate(reversed(digits)):
        digit = int(character) * (1 + index % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def _is_card(digits: str) -> bool:
    # No network gives out numbers that begin with 0, and 13 zeros would pass Luhn.
    return not digits.startswith("0") and luhn(digits)


def _numbers(text: str) -> list[tuple[int, int]]:
    """Where card numbers begin and end: whole groups of digits, such as a number before its date."""
    found: list[tuple[int, int]] = []
    for run in _RUN.finditer(text):
        places = [run.start() + i for i, character in enumerate(run.group()) if character.isdecimal()]
        first = 0
        while first <= len(places) - SHORTEST:
            length = _card_at(text, places[first:])
            if length:
                found.append((places[first], places[first + length - 1] + 1))
            first += length or 1
    return found


def _card_at(text: str, places: list[int]) -> int:
    """How many digits from the first of `places` on are a card number; 0 for none."""
    if places[0] and text[places[0] - 1].isdecimal():
        return 0
    for length in range(min(LONGEST, len(places)), SHORTEST - 1, -1):
        end = places[length - 1] + 1
        digits = "".join(str(int(text[place])) for place in places[:length])
        if not text[end : end + 1].isdecimal() and _is_card(digits):
            return length
    return 0


def has_card_number(text: str) -> bool:
    """Whether somebody typed a card number into `text`, with or without separators."""
    return bool(_numbers(text))


def hide_card_numbers(text: str) -> str:
    """The text with each card number replaced by HIDDEN."""
    for start, end in reversed(_numbers(text)):
        text = text[:start] + HIDDEN + text[end:]
    return text


def refuse_card_number(text: str) -> None:
    """A validator for form fields of staff, whose pages stay English."""
    if has_card_number(text):
        raise ValidationError(
            "This looks like a card number. Card numbers are never typed here; leave it out.",
            code="card_number",
        )
