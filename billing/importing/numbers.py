"""Numbers for people and bills that come without a short one (docs/import.md, Numbers)."""

import hashlib
import re

from common.references import ALPHABET, check_character, group

SHORT = 20  # the longest number that a person is asked to type
_SHORT = re.compile(rf"[A-Za-z0-9][A-Za-z0-9-]{{0,{SHORT - 1}}}", re.ASCII)


def short_number(purpose: str, namespace: str, value: str, *, length: int) -> str:
    """The identifier itself where it is short; else one derived from it, the same every time.

    `length` characters of 4.8 bits of a SHA-256, and a check character, in blocks of four. Ten make
    a collision among a million unlikely (1 in 600); two that do collide are reported, not merged.
    """
    if _SHORT.fullmatch(value):
        return value
    return derived_number(purpose, namespace, value, length=length)


def derived_number(purpose: str, namespace: str, value: str, *, length: int) -> str:
    """A number that says nothing and is the same for the same purpose, namespace and value."""
    digest = hashlib.sha256("\x1f".join([purpose, namespace, value]).encode()).digest()
    rest, body = int.from_bytes(digest), ""
    for _ in range(length):
        rest, index = divmod(rest, len(ALPHABET))
        body += ALPHABET[index]
    return group(body + check_character(body))
