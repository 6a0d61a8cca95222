"""The whole running product, as `make run` starts it, for tests to use from outside."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from demo import postgres
from demo.environment import ROOT
from demo.stripe import report
from demo.stripe.store import Store
from tests.e2e.terminal import Terminal

READY_SECONDS = 180.0
STOP_SECONDS = 60.0
# What the test run's own settings put into the environment, and what a developer may have set.
NOT_OURS = ("DATABASE_", "REDIS_URL", "STRIPE_", "KPPAY_", "DJANGO_", "PYTEST_", "SITE_URL", "PORT")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path) -> dict[str, str]:
    """A bare environment with the demo's data in a folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    return kept | {"KPPAY_DEMO_DIR": str(folder), "PYTHONUNBUFFERED": "1"}


def head_of(mail: Path) -> EmailMessage:
    with mail.open("rb") as file:
        return BytesHeaderParser(policy=policy.default).parse(file)


class Product:
    """`python -m demo.up` in one folder at one port, with variables that a person has set.

    It can be started again after it has ended. `outputs` has what each of its starts printed.
    """

    process: "subprocess.Popen[str]"

    def __init__(self, folder: Path, *, port: int | None = None, **variables: str) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.outputs: list[Path] = []
        self._variables = variables
        self._terminal: Terminal | None = None

    def start(self) -> None:
        """Start it and wait until it says it is ready."""
        self.close_terminal()  # of an earlier start, which may have been killed
        self.folder.mkdir(parents=True, exist_ok=True)
        self.outputs.append(self.folder.parent / f"{self.folder.name}.{len(self.outputs)}.out")
        with self.outputs[-1].open("w") as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo.up", "--port", str(self.port)],
                cwd=ROOT,
                env=environment(self.folder) | self._variables,
                stdout=printed,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._wait_for_line(f"KPPay is ready at {self.url}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        return bool(self.outputs) and self.process.poll() is None

    def said(self, start: int = -1) -> str:
        """What it printed, the last time that it was started or another."""
        return self.outputs[start].read_text()

    def _wait_for_line(self, text: str) -> None:
        """Raises AssertionError with what was printed when the process ends or the time is up."""
        deadline = time.monotonic() + READY_SECONDS
        while text not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def stop(self, number: int = signal.SIGINT) -> int:
        """As Ctrl-C does; returns the exit code."""
        self.close_terminal()
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def end(self) -> None:
        """At once, where nobody asks how it ends (test_up does): its children end with it."""
        self.close_terminal()
        if not self.runs:
            return
        if sys.platform == "linux":
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            postgres.stop(self.folder / "pg")
        else:
            self.stop()

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command in a terminal of its own."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment(self.folder),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def manage(self, *arguments: str) -> str:
        """What a management command prints in another terminal; it must succeed."""
        if self._terminal is None:
            self._terminal = Terminal(environment(self.folder))
        answer = self._terminal.manage(*arguments)
        assert answer.code == 0, answer.stdout + answer.stderr
        return answer.stdout

    def python(self, words: str) -> str:
        """What some lines of Python print there: what beat wakes workers for later, for example."""
        return self.manage("shell", "--no-imports", "-c", words)

    def close_terminal(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None

    def has_mail(self, *, to: str, subject: str) -> bool:
        """Whether its mailbox has a mail to somebody with these words (a pattern) in its subject."""
        return any(
            to in mail["To"] and re.search(subject, mail["Subject"])
            for mail in map(head_of, (self.folder / "mail").glob("*.eml"))
        )

    def sandbox(self, method: str, path: str, **body: object) -> None:
        """Pull one of the sandbox's levers (demo.stripe.control)."""
        port = (self.folder / "stripe" / "port").read_text()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}",
            method=method,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status < 300

    def charges(self, account: str) -> list[dict[str, Any]]:
        """What the sandbox charged in a Stripe account, oldest first, from its own book: the witness.

        Fails on a request that Stripe would not have understood.
        """
        store = Store(self.folder / "stripe" / "stripe.sqlite")
        try:
            book = report.summary(store)
        finally:
            store.close()
        assert book["violations"] == []
        return list(book["accounts"].get(account, {"charges": []})["charges"])
