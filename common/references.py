"""References that people read aloud: no vowels, no look-alikes, a check character.

Twenty-eight letters and digits (no vowels, no 0, 1, L or U) carry log2(28) = 4.8 bits each.
"""

import re
import secrets

ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
_BASE = len(ALPHABET)
# One with its prefix, within a sentence: "KP-BCDF-GHJK-MNPQ".
WRITTEN = re.compile(rf"\b[A-Z]{{2}}(?:-[{ALPHABET}]{{4}})+\b")


def check_character(body: str) -> str:
    """Luhn mod N over ALPHABET: catches every single wrong character and most swapped neighbours."""
    total, factor = 0, 2
    for character in reversed(body):
        addend = factor * ALPHABET.index(character)
        factor = 3 - factor
        total += addend // _BASE + addend % _BASE
    return ALPHABET[-total % _BASE]


def generate(prefix: str, length: int) -> str:
    """A random reference: `length` characters of 4.8 bits each, then the check character, in fours."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(length))
    return f"{prefix}{group(body + check_character(body))}"


def group(characters: str) -> str:
    """In blocks of four: "BCDF-GHJK-M"."""
    return "-".join(characters[i : i + 4] for i in range(0, len(characters), 4))


def is_valid(body: str) -> bool:
    """Whether a typed reference, without prefix and hyphens, ends in its check character."""
    return len(body) > 1 and set(body) <= set(ALPHABET) and check_character(body[:-1]) == body[-1]
