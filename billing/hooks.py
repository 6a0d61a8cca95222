"""What other apps tell the billing pages without billing knowing them.

An app that pays bills by itself registers here, in its AppConfig.ready, when it will do so; the app
that knows payments, what banks hold of them.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass

from billing.models import BillingAccount


@dataclass(frozen=True, slots=True)
class Draw:
    """A bill that will be paid by itself: when, on the region's calendar, how much, from what."""

    on: dt.date
    amount_cents: int
    method: str  # in the reader's words


# The draws to come of these bills, by the invoice's key; a bill that nobody draws is not among them.
Draws = Callable[[Collection[int]], dict[int, Draw]]
# The next draw of a billing account, by its key; one query.
Next = Callable[[int], Draw | None]

_draws: list[Draws] = []
_next: list[Next] = []


def register_draws(*, draws: Draws, next_of: Next) -> None:
    """Ask these wherever a page says what is owed, and by when."""
    if draws not in _draws:
        _draws.append(draws)
        _next.append(next_of)


def draws_of(invoice_ids: Collection[int]) -> dict[int, Draw]:
    """Which of these bills will be paid by themselves."""
    return {key: draw for draws in _draws for key, draw in draws(invoice_ids).items()}


def next_draw(account_id: int) -> Draw | None:
    """What will be paid by itself next."""
    found = [draw for next_of in _next if (draw := next_of(account_id))]
    return min(found, key=lambda draw: draw.on, default=None)


# What banks hold, undecided, of what an account paid on bills in a calendar year, in cents; one query.
Held = Callable[[BillingAccount, int], int]

_held: list[Held] = []


def register_held(held: Held) -> None:
    """Ask this wherever a document says what counts as paid."""
    if held not in _held:
        _held.append(held)


def held_by_banks(account: BillingAccount, year: int) -> int:
    """How much of what was paid in a year a bank may still take back, in cents."""
    return sum(held(account, year) for held in _held)
