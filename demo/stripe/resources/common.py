"""What several resources share: metadata rules, and updates of plain fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from demo.stripe.errors import invalid
from demo.stripe.store import Object

MAX_METADATA_KEYS, MAX_KEY_LENGTH, MAX_VALUE_LENGTH = 50, 40, 500


def merge_metadata(current: dict[str, str], given: Any) -> dict[str, str]:
    """Stripe's rule: keys are merged, an empty value removes its key, an empty hash removes all."""
    if given is None:
        return current
    merged = {} if given == "" else {**current, **given}
    merged = {key: value for key, value in merged.items() if value != ""}
    if len(merged) > MAX_METADATA_KEYS:
        raise invalid("You may only specify up to 50 metadata keys.", param="metadata")
    for key, value in merged.items():
        if len(key) > MAX_KEY_LENGTH:
            raise invalid(
                f"Metadata keys can be up to 40 characters long: {key[:40]}...", param="metadata"
            )
        if len(value) > MAX_VALUE_LENGTH:
            raise invalid(
                f"Metadata values can have up to 500 characters, but you passed in a value of "
                f"length {len(value)}.",
                param=f"metadata[{key}]",
            )
    return merged


def assign(obj: Object, params: dict[str, Any], names: Iterable[str]) -> None:
    """Copy given parameters onto fields of the same name; an empty text unsets."""
    for name in names:
        if name in params:
            obj[name] = None if params[name] == "" else params[name]


def whole_address(given: Any) -> dict[str, Any] | None:
    """An address with every field Stripe shows, or None."""
    if not given:
        return None
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: given.get(name) or None for name in names}
