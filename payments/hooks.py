"""What other apps tell payments without payments knowing them.

An app that pays with saved methods by itself registers here, in its AppConfig.ready, how it says so.
"""

from collections.abc import Callable, Collection

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


# Which of these bills will be paid by themselves, by key; a bill whose draw failed for good will not.
Draws = Callable[[Collection[int]], set[int]]
# Whether anything of this billing account, by key, is paid by itself.
Enrolled = Callable[[int], bool]

_draws: list[Draws] = []
_enrolled: list[Enrolled] = []


def register_draws(*, draws: Draws, enrolled: Enrolled) -> None:
    """Ask these before somebody is reminded of a bill, or told about automatic payments."""
    if draws not in _draws:
        _draws.append(draws)
        _enrolled.append(enrolled)


def drawn_by_themselves(invoice_ids: Collection[int]) -> set[int]:
    """Those of the bills that nobody needs to be reminded of."""
    return {key for draws in _draws for key in draws(invoice_ids)}


def is_enrolled(account_id: int) -> bool:
    """Whether a part of the account's bills is paid by itself."""
    return any(enrolled(account_id) for enrolled in _enrolled)
