"""Another terminal beside a running product, in which commands are typed one after the other.

Django is loaded once: each command runs in a copy of a process that has done so, and that has no
connection to anything yet.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from demo.environment import ROOT
from manage import OWNER_COMMANDS

COMMAND_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended, and what it printed."""

    code: int
    stdout: str
    stderr: str


class Terminal:
    """`manage.py`, as often as wanted, in one environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.terminal"],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def manage(self, *arguments: str) -> Answer:
        """Run one command to its end. Not one that changes the schema: it has another role."""
        assert arguments[0] not in OWNER_COMMANDS
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(["manage.py", *arguments]) + "\n")
        self._process.stdin.flush()
        return Answer(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate()


def answer(argv: list[str]) -> Answer:
    """Run a command in a copy of this process."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            os.dup2(stdout.fileno(), 1)
            os.dup2(stderr.fileno(), 2)
            become(argv)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        return Answer(code, stdout.read().decode(), stderr.read().decode())


def become(argv: list[str]) -> NoReturn:
    """Be this command from here on, to its end."""
    from django.core.management import execute_from_command_line

    signal.alarm(COMMAND_SECONDS)  # nobody waits longer
    code = 1
    try:
        execute_from_command_line(argv)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kppay.settings.demo")
    import django

    django.setup()
    for line in sys.stdin:
        given = answer(json.loads(line))
        sys.stdout.write(json.dumps([given.code, given.stdout, given.stderr]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
