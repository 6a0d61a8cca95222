"""Objects as a caller sees them: private keys removed, references expanded, lists in pages."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from itertools import islice
from typing import Any

from demo.stripe.errors import ContractError, invalid, missing
from demo.stripe.store import Object, Transaction

MAX_EXPAND_DEPTH = 4
DEFAULT_PAGE, MAX_PAGE = 10, 100


def public(obj: Object) -> Object:
    """A copy without the sandbox's own keys."""
    return copy.deepcopy({key: value for key, value in obj.items() if not key.startswith("_")})


# What a browser may see of an intent through its client secret: nothing about the payer's account.
_BROWSER_FIELDS = frozenset(
    [
        "id",
        "object",
        "amount",
        "automatic_payment_methods",
        "canceled_at",
        "cancellation_reason",
        "capture_method",
        "client_secret",
        "confirmation_method",
        "created",
        "currency",
        "description",
        "last_payment_error",
        "last_setup_error",
        "livemode",
        "next_action",
        "payment_method",
        "payment_method_types",
        "processing",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "source",
        "status",
        "usage",
    ]
)


def for_browser(intent: Object) -> Object:
    return {key: value for key, value in public(intent).items() if key in _BROWSER_FIELDS}


def expand(tx: Transaction, account: str, obj: Object, paths: Iterable[str]) -> Object:
    """Replace ids by objects, for paths like `latest_charge` or `data.customer`."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > MAX_EXPAND_DEPTH:
            raise ContractError("You cannot expand more than 4 levels of a property.", param="expand")
        _expand(tx, account, obj, parts, path)
    return obj


def _expand(tx: Transaction, account: str, obj: Object, parts: list[str], path: str) -> None:
    name, rest = parts[0], parts[1:]
    value = obj.get(name)
    if isinstance(value, list) and rest:
        for item in value:
            _expand(tx, account, item, rest, path)
        return
    if isinstance(value, str):
        found = tx.get(account, value)
        value = obj[name] = public(found) if found else None
        known = found is not None
    else:  # already expanded by another path, or a reference that is empty
        known = name in obj and (value is None or (isinstance(value, dict) and "id" in value))
    if not known:
        raise ContractError(f"This property cannot be expanded ({path}).", param="expand")
    if rest and value is not None:
        _expand(tx, account, value, rest, path)


def page(objects: Iterable[Object], params: dict[str, Any], url: str) -> Object:
    """A list object from objects in order (newest first), with Stripe's cursors and date filter."""
    limit = params.get("limit", DEFAULT_PAGE)
    if not 1 <= limit <= MAX_PAGE:
        raise invalid(
            f"Invalid integer: {limit}. 'limit' must be between 1 and 100.",
            code="parameter_invalid_integer",
            param="limit",
        )
    dates = params.get("created")
    rows: Iterable[Object] = (obj for obj in objects if within(obj["created"], dates))
    if "ending_before" in params:
        before = _until(rows, params["ending_before"], "ending_before")
        chosen, has_more = before[-limit:], len(before) > limit
    else:
        if "starting_after" in params:
            rows = _after(rows, params["starting_after"])
        window = list(islice(rows, limit + 1))
        chosen, has_more = window[:limit], len(window) > limit
    return {
        "object": "list",
        "url": url,
        "has_more": has_more,
        "data": [public(obj) for obj in chosen],
    }


def _until(rows: Iterable[Object], cursor: str, param: str) -> list[Object]:
    passed: list[Object] = []
    for obj in rows:
        if obj["id"] == cursor:
            return passed
        passed.append(obj)
    raise missing("object", cursor, param=param, status=400)


def _after(rows: Iterable[Object], cursor: str) -> Iterable[Object]:
    iterator = iter(rows)
    _until(iterator, cursor, "starting_after")
    return iterator


def within(moment: int, wanted: Any) -> bool:
    """Stripe's filter for dates: none, an exact one, or limits by gt, gte, lt, lte."""
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return moment == wanted
    tests = {
        "gt": moment.__gt__,
        "gte": moment.__ge__,
        "lt": moment.__lt__,
        "lte": moment.__le__,
    }
    return all(tests[name](limit) for name, limit in wanted.items())
