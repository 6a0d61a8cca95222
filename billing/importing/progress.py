"""How far a long job is: a bar on a terminal, a line a step elsewhere."""

import sys
from typing import Any, Protocol

from django.core.management.base import OutputWrapper
from tqdm import tqdm


def printable(line: str) -> str:
    """File names and resource ids come from outside: nothing in them steers the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


class Progress(Protocol):
    """What a job tells while it works."""

    def step(self, name: str, total: int, unit: str) -> None:
        """A new step begins, of `total` units ("bytes" is shown in thousands and millions)."""

    def advance(self, units: float) -> None:
        """So much more is done."""

    def say(self, line: str, stream: OutputWrapper) -> None:
        """A line for the person, above the bar where there is one."""

    def end(self) -> None:
        """The last step is over."""


class Lines:
    """Plain lines, for logs and pipes: the name of each step, or only what is said."""

    def __init__(self, stream: OutputWrapper | None) -> None:
        self._stream = stream

    def step(self, name: str, total: int, unit: str) -> None:
        if self._stream is not None:
            self.say(f"{printable(name)} ({total:,} {unit})", self._stream)

    def advance(self, units: float) -> None:
        pass

    def say(self, line: str, stream: OutputWrapper) -> None:
        stream.write(line)

    def end(self) -> None:
        pass


class Bar:
    """A bar on standard error."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def step(self, name: str, total: int, unit: str) -> None:
        self.end()
        self._bar = tqdm(
            desc=printable(name),
            total=total,
            unit="B" if unit == "bytes" else f" {unit}",
            unit_scale=unit == "bytes",
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
        )

    def advance(self, units: float) -> None:
        if self._bar is not None:
            self._bar.update(units)

    def say(self, line: str, stream: OutputWrapper) -> None:
        with tqdm.external_write_mode(file=sys.stderr):
            stream.write(line)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def choose(stream: OutputWrapper, *, wanted: bool | None) -> Progress:
    """A bar where it is wanted, or where nobody said and the stream is a terminal.

    Not wanted: neither bar nor steps. Nobody said and no terminal: a line a step.
    """
    if wanted or (wanted is None and stream.isatty()):
        return Bar()
    return Lines(stream if wanted is None else None)
