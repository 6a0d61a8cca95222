"""What other apps tell payments without payments knowing them.

An app that pays with saved methods by itself registers here, in its AppConfig.ready, how it says so.
"""

from collections.abc import Callable

from payments.models import PaymentMethod

# What uses a method, in words for its owner ("Autopay of your premiums"); none where nothing does.
Uses = Callable[[PaymentMethod], list[str]]

_uses: list[Uses] = []


def register_uses(uses: Uses) -> None:
    """Ask this before a method is removed."""
    if uses not in _uses:
        _uses.append(uses)


def in_use_by(method: PaymentMethod) -> list[str]:
    """Everything that would stop working without the method, for its owner to confirm."""
    return [use for uses in _uses for use in uses(method)]
