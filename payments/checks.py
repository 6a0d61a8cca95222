"""Refuse to start where money could move by mistake."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

LIVE_PREFIXES = ("sk_live_", "rk_live_", "pk_live_")


@register()
def stripe_keys(**_: Any) -> list[CheckMessage]:
    """Live keys only in production, test keys never there; a sandbox never beside a live key."""
    messages: list[CheckMessage] = []
    for name, keys in settings.STRIPE_ACCOUNTS.items():
        is_live = any(key.startswith(LIVE_PREFIXES) for key in keys.values())
        if is_live and (not settings.STRIPE_LIVE_MODE or settings.STRIPE_API_BASE):
            messages.append(
                Error(
                    f"A live Stripe key (account {name!r}) in an environment that is not production.",
                    id="payments.E001",
                )
            )
        if settings.STRIPE_LIVE_MODE and keys.get("secret_key") and not is_live:
            messages.append(
                Error(f"A test Stripe key (account {name!r}) in production.", id="payments.E002")
            )
    return messages


@register()
def stripe_rate(**_: Any) -> list[CheckMessage]:
    """A burst above the rate would leave nothing to fill the bucket with."""
    burst = settings.STRIPE_RATE_BURST
    return [
        Error(
            f"The Stripe rate of account {name!r} ({rate:g} a second) is below the burst of {burst}.",
            id="payments.E003",
        )
        for name, rate in settings.STRIPE_RATES.items()
        if not 1 <= burst <= rate
    ]
