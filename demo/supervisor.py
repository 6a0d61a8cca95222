"""Starts the demo's processes, keeps their logs, and never leaves one behind.

Every child is the leader of its own process group, so that Ctrl-C reaches only the supervisor, which
then ends them in order. If the supervisor itself is killed, Linux ends its children for it.
"""

import contextlib
import ctypes
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, cast

ROOT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.1
STOP_SECONDS = 10.0  # then SIGKILL
TAIL_LINES = 15
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WORTH_SHOWING = re.compile(r"\[(WARNING|ERROR|CRITICAL)\]|^(WARNING|ERROR|CRITICAL)\b", re.IGNORECASE)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Stopped(Exception):
    """Somebody asked us to stop: Ctrl-C, or SIGTERM."""


class Died(Exception):
    """A child ended that should have gone on, or a step failed."""

    def __init__(self, child: "Child") -> None:
        super().__init__(child.name)
        self.child = child

    def __str__(self) -> str:
        code = self.child.process.returncode
        how = (
            f"was killed by {signal.Signals(-code).name}"
            if code < 0
            else f"ended with exit code {code}"
        )
        return f"{self.child.name} {how}. Its last words, from {self.child.log}:\n{self.child.tail()}"


class Child:
    """One process with one log."""

    def __init__(
        self, name: str, process: "subprocess.Popen[bytes]", stdout: IO[bytes], log: Path
    ) -> None:
        self.name = name
        self.process = process
        self.stdout = stdout
        self.log = log
        self._file = log.open("wb")  # of this run alone
        self._rest = b""

    def read(self) -> list[str]:
        """What it printed since the last time, in whole lines, kept in its log. Raises EOFError."""
        data = os.read(self.stdout.fileno(), 65536)
        if not data:
            raise EOFError
        self._file.write(data)
        self._file.flush()
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def close(self) -> None:
        self._file.close()
        self.stdout.close()

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"

    def signal(self, number: int) -> None:
        """To the child and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def warning_in(line: str) -> str | None:
    """What is worth showing on the screen of a log's line; None for the usual course of things."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if record.get("level") in {"warning", "error", "critical"}:
                return f"{record['level']}: {record.get('event', '')}"
            return None
    return line if _WORTH_SHOWING.search(line) else None


class Supervisor:
    """Use as a context: whatever happens inside, all children have ended when it is left."""

    def __init__(self, *, log_folder: Path, environment: Mapping[str, str], screen: IO[str]) -> None:
        self.environment = dict(environment)
        self._folder = log_folder
        self._screen = screen
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._stop_asked = False

    def __enter__(self) -> "Supervisor":
        self._folder.mkdir(parents=True, exist_ok=True)
        self._handlers = {number: signal.signal(number, self._ask_to_stop) for number in STOPPING}
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(self, name: str, command: Sequence[str]) -> Child:
        """Start a process that is to live as long as we do."""
        child = self._spawn(name, command)
        self._children.append(child)
        return child

    def finish(self, name: str, command: Sequence[str]) -> None:
        """Run a step to its end. Raises Died when it fails, Stopped when we are asked to stop."""
        step = self._spawn(name, command)
        try:
            while step.process.poll() is None:
                self._look_after_children()
        finally:
            self._end(step)
        if step.process.returncode != 0:
            raise Died(step)

    def wait_until(self, what: str, is_so: Callable[[], bool], *, seconds: float) -> None:
        """Look after the children until something is so. Raises TimeoutError, Died or Stopped."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not answer within {seconds:.0f} seconds.")
            self._look_after_children()

    def watch(self) -> None:
        """Look after the children for good. Raises Died or Stopped."""
        while True:
            self._look_after_children()

    def stop_all(self) -> None:
        """End every child, the newest first; those that do not listen are killed."""
        for child in reversed(self._children):
            self._end(child)
        self._children.clear()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True

    def _spawn(self, name: str, command: Sequence[str]) -> Child:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # this process has one thread
        )
        stdout = cast("IO[bytes]", process.stdout)
        child = Child(name, process, stdout, self._folder / f"{name}.log")
        self._selector.register(stdout, selectors.EVENT_READ, child)
        return child

    def _look_after_children(self) -> None:
        for key, _ in self._selector.select(POLL_SECONDS):
            self._read(key.data)
        if self._stop_asked:
            raise Stopped
        for child in self._children:
            if child.process.poll() is not None:
                self._end(child)
                raise Died(child)

    def _read(self, child: Child) -> None:
        try:
            lines = child.read()
        except EOFError:
            self._selector.unregister(child.stdout)
            return
        for line in lines:
            if warning := warning_in(line):
                print(f"{child.name:<8} {warning}", file=self._screen, flush=True)

    def _end(self, child: Child) -> None:
        """Ask the child to end, insist after a while, and keep what it still has to say."""
        child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while child.process.poll() is None and time.monotonic() < deadline:
            for key, _ in self._selector.select(POLL_SECONDS):
                self._read(key.data)
        child.signal(signal.SIGKILL)
        child.process.wait()
        while any(key.data is child for key, _ in self._selector.select(POLL_SECONDS)):
            self._read(child)
        self._forget(child)

    def _forget(self, child: Child) -> None:
        if child.stdout in self._selector.get_map():
            self._selector.unregister(child.stdout)
        child.close()
        if child in self._children:
            self._children.remove(child)


def _end_with_parent() -> None:
    """In the child, before it becomes its command: SIGTERM when the parent is gone (Linux)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
