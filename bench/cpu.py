"""CPU time of processes, theirs and their children's, as Linux counts it (in ticks of 10 ms); and what
work costs on any machine, which is how many functions Python calls.
"""

import cProfile
import os
from collections.abc import Callable
from pathlib import Path

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def process_seconds(pid: int) -> float:
    """CPU seconds of a process, its living children, and those that have ended."""
    own = _ticks(pid, ended_children=True)
    return TICK_SECONDS * (own + sum(_ticks(child, ended_children=True) for child in _children(pid)))


def _ticks(pid: int, *, ended_children: bool) -> int:
    fields = _stat(pid)
    if fields is None:
        return 0
    return sum(int(field) for field in fields[11 : 15 if ended_children else 13])


def _children(pid: int) -> list[int]:
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            fields = _stat(int(folder.name))
            if fields and int(fields[1]) == pid:
                found.append(int(folder.name))
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields after the command's name, which may contain anything; None once it has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def function_calls(work: Callable[[], object]) -> int:
    """How many functions Python calls, its own and built-in ones."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(int(entry.callcount) for entry in profile.getstats())
