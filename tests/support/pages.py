"""Comparing pages that should be the same."""

import html
import re
from collections.abc import Iterable

_CSRF_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
_NONCE = re.compile(r'nonce="[^"]+"')


def neutral(page: str, typed: Iterable[str] = ()) -> str:
    """A page without what differs at every request, and without what was typed into it."""
    page = _NONCE.sub("", _CSRF_TOKEN.sub("", page))
    for value in sorted(typed, key=len, reverse=True):
        page = page.replace(f'value="{html.escape(value)}"', 'value="typed"')
    return page
