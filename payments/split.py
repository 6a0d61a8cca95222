"""Dividing a total over bills (docs/money-flow.md, "One total, several bills")."""

import datetime as dt
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Payable(Protocol):
    """What can be paid: an invoice, or a row that stands for one."""

    @property
    def pk(self) -> int: ...
    @property
    def due_on(self) -> dt.date: ...
    @property
    def payable_cents(self) -> int: ...


B = TypeVar("B", bound=Payable)


class CannotAllocate(ValueError):
    """The total is negative, or more than the bills can take together."""


def allocate(total_cents: int, bills: Iterable[B]) -> list[tuple[B, int]]:
    """Divide a total in cents over bills, oldest due first.

    Each bill gets all that can be paid on it before the next gets a cent; of bills due on one day the
    one with the lower key, which came first, goes first. The bill at which the total ends gets the
    rest of it, odd cents included, so nothing is ever rounded. Bills that get nothing are left out.

    The parts sum to the total exactly; none is negative or above what can be paid on its bill.
    Raises CannotAllocate.
    """
    if total_cents < 0:
        raise CannotAllocate(total_cents)
    left, parts = total_cents, []
    for bill in sorted(bills, key=lambda bill: (bill.due_on, bill.pk)):
        part = min(left, bill.payable_cents)
        if part > 0:
            parts.append((bill, part))
            left -= part
    if left:
        raise CannotAllocate(total_cents)
    return parts
