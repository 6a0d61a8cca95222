"""Money is an integer number of United States cents, everywhere.

`Decimal` appears only here and in importers, at the edge where a person's or a file's words become
cents; floats appear nowhere.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from django.utils import formats

CURRENCY = "usd"
MAX_CENTS = 99_999_999_99  # Stripe's largest charge is 8 digits of cents; sums may be larger

_TYPED = re.compile(r"^\$?\s*(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d{1,2}))?$", re.ASCII)


class BadAmount(ValueError):
    """What was typed is not an amount of dollars and cents."""


def parse_cents(text: str) -> int:
    """Cents from what a person typed: "42", "42.5", "$1,042.10".

    Signs, letters and fractions of a cent are refused, never rounded. Raises BadAmount.
    """
    match = _TYPED.match(text.strip())
    if match is None or match.group(0) in {"", "$"} or not (match.group(1) or match.group(2)):
        raise BadAmount(text[:40])
    dollars, cents = match.group(1) or "0", (match.group(2) or "").ljust(2, "0")
    if len(dollars) > 12:
        raise BadAmount(text[:40])
    return int(dollars.replace(",", "")) * 100 + int(cents)


def round_to_cents(amount: Decimal) -> int:
    """Cents from a file's decimal amount of dollars, half to even (docs/import.md, Rounding)."""
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def format_cents(cents: int) -> str:
    """Dollars in the reader's language: "$1,042.10"; a negative amount starts with a minus sign."""
    sign = "−" if cents < 0 else ""
    dollars, rest = divmod(abs(cents), 100)
    grouped = formats.number_format(dollars, use_l10n=True, force_grouping=True)
    point = formats.get_format("DECIMAL_SEPARATOR")
    return f"{sign}${grouped}{point}{rest:02d}"


def split_cents(total_cents: int, weights: Sequence[int]) -> list[int]:
    """Split `total_cents` in proportion to `weights`, to the cent.

    Each part gets its share rounded down; the odd cents go one each to the largest remainders, the
    earlier part first where remainders are equal. The parts sum to the total exactly.
    Raises ValueError for negative input or weights that sum to zero.
    """
    whole = sum(weights)
    if total_cents < 0 or whole <= 0 or min(weights) < 0:
        raise ValueError("split_cents needs a total of at least 0 and positive weights")
    parts = [total_cents * weight // whole for weight in weights]
    remainders = [total_cents * weight % whole for weight in weights]
    odd = total_cents - sum(parts)
    for index in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[:odd]:
        parts[index] += 1
    return parts
