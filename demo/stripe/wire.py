"""Stripe's form encoding: `metadata[payment]=p1&expand[0]=latest_charge` to nested values.

Leaves stay strings; the contract (contract.py) turns them into the types that Stripe documents.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from demo.stripe.errors import invalid

MAX_BODY_BYTES = 1_000_000
MAX_DEPTH = 12
_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")

Form = dict[str, Any]  # values are str or, nested, Form; lists are Forms with keys "0", "1", ...


def decode(encoded: str | bytes) -> Form:
    """Parse a query string or a form body. Raises ApiError (400) on keys that are not Stripe's."""
    form: Form = {}
    try:
        text = encoded.decode() if isinstance(encoded, bytes) else encoded
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise invalid("Invalid request body: it is not a well-formed form.") from error
    for key, value in pairs:
        _put(form, key, value)
    return form


def _put(form: Form, key: str, value: str) -> None:
    match = _KEY.match(key)
    if not match:
        raise invalid(f"Invalid parameter name: {key[:80]}", param=key[:80])
    parts = [match[1], *_PART.findall(match[2])]
    if len(parts) > MAX_DEPTH:
        raise invalid(f"Parameter nested too deeply: {key[:80]}", param=parts[0])
    level = form
    for part in parts[:-1]:
        inner = level.setdefault(part or str(len(level)), {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid object: {parts[0]}", param=parts[0])
        level = inner
    level[parts[-1] or str(len(level))] = value


def canonical(form: Form) -> str:
    """One text for equal parameters, whatever their order: what an idempotency key is bound to."""
    return json.dumps(form, sort_keys=True, separators=(",", ":"))


def encode(body: Any) -> bytes:
    return json.dumps(body, indent=2, ensure_ascii=False).encode()
