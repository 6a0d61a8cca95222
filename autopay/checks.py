"""Refuse to start where autopay could harm, or would quietly do nothing."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

CEILINGS = frozenset(
    {
        "run_count",
        "run_cents",
        "draw_cents",
        "account_cents",
        "small_count",
        "small_cents",
        "small_draw_cents",
        "small_account_cents",
    }
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
    """Without a thread nothing would ever be drawn."""
    if settings.AUTOPAY_THREADS >= 1:
        return []
    return [Error("AUTOPAY_THREADS must be at least 1.", id="autopay.E002")]
