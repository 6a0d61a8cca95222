"""Something else happens while a process is at a named line (common.failpoints)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common import failpoints


@contextmanager
def meanwhile(name: str, act: Callable[[], object]) -> Iterator[None]:
    """`act` happens once, while the first that comes to this line waits there; one has to come."""
    reached = []

    def once() -> None:
        if failpoints.active.pop(name, None) is not None:
            reached.append(name)
            act()

    failpoints.active[name] = once
    try:
        yield
    finally:
        failpoints.active.pop(name, None)
    assert reached == [name], f"nobody came to {name}"
