"""Refuse to start where autopay could harm, or would quietly do nothing."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

CEILINGS = frozenset(
    {"run_count", "run_cents", "draw_cents", "account_cents", "small_count", "small_cents"}
)


@register()
def ceilings(**_: Any) -> list[CheckMessage]:
    """Each ceiling of the circuit breaker is there and above zero."""
    given = settings.AUTOPAY_CEILINGS
    if set(given) == CEILINGS and all(value > 0 for value in given.values()):
        return []
    return [
        Error(
            f"AUTOPAY_CEILINGS needs {', '.join(sorted(CEILINGS))}, each above zero.",
            id="autopay.E001",
        )
    ]


@register()
def threads(**_: Any) -> list[CheckMessage]:
    """Each thread holds a connection while it draws; the pool must have one more for the run."""
    options = settings.DATABASES["default"].get("OPTIONS", {})
    pool = options.get("pool")
    most = pool["max_size"] - 1 if isinstance(pool, dict) else settings.AUTOPAY_THREADS
    if 1 <= settings.AUTOPAY_THREADS <= most:
        return []
    return [Error(f"AUTOPAY_THREADS must be between 1 and {most}.", id="autopay.E002")]
