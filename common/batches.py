"""Long streams in pieces that fit a query or a transaction."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items, in order; none for none."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
