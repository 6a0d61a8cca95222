"""Long streams in pieces, and runs in which one failure holds up no other."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items, in order; none for none."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def for_each(items: Iterable[T], act: Callable[[T], bool], *, failing: str) -> int:
    """Run `act` on every item; returns how many said True.

    One that fails keeps nobody else waiting: all failures are raised together at the end, as an
    ExceptionGroup of the message `failing`.
    """
    done, failures = 0, []
    for item in items:
        try:
            done += act(item)
        except Exception as error:  # noqa: BLE001  raised below
            failures.append(error)
    if failures:
        raise ExceptionGroup(failing, failures)
    return done
