"""The whole running product, as `make run` starts it, for tests to use from outside."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import postgres

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 180.0
STOP_SECONDS = 60.0
# Its sample identities, as a prepared product left them.
PEOPLE = "people.json"
# What the test run's own settings put into the environment, and what a developer may have set.
NOT_OURS = ("DATABASE_", "REDIS_URL", "STRIPE_", "KPPAY_", "DJANGO_", "PYTEST_", "SITE_URL", "PORT")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepare(folder: Path) -> None:
    """Start a product for the first time and stop it: what is left is what Product.start_copy takes."""
    product = Product.start(folder)
    assert "sample people" in product.output.read_text()
    (folder / PEOPLE).write_text(product.manage("demo_logins", "--json"))
    assert product.stop() == 0
    # What belongs to that one start: jobs it had not done, and a port that two copies cannot share.
    for name in ("redis", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "stripe" / "port").unlink()


def environment(folder: Path) -> dict[str, str]:
    """A bare environment with the demo's data in a folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    return kept | {"KPPAY_DEMO_DIR": str(folder), "PYTHONUNBUFFERED": "1"}


@dataclass
class Product:
    """One run of `python -m demo.up`."""

    folder: Path
    port: int
    process: "subprocess.Popen[str]"
    output: Path

    @classmethod
    def start(cls, folder: Path, *, port: int | None = None, **variables: str) -> "Product":
        """Start it, with variables that a person has set, and wait until it says it is ready."""
        folder.mkdir(parents=True, exist_ok=True)
        port = port or free_port()
        output = folder.parent / f"{folder.name}.out"
        with output.open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "demo.up", "--port", str(port)],
                cwd=ROOT,
                env=environment(folder) | variables,
                stdout=printed,
                stderr=subprocess.STDOUT,
                text=True,
            )
        product = cls(folder, port, process, output)
        product.wait_for_line(f"KPPay is ready at {product.url}")
        return product

    @classmethod
    def start_copy(cls, prepared: Path, folder: Path) -> "Product":
        """Start one that has been started before: with its people and bills, and nothing under way."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        # With its owners: PostgreSQL's files belong to another user where root runs this.
        subprocess.run(["cp", "-a", str(prepared), str(folder)], check=True)
        return cls.start(folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for_line(self, text: str) -> None:
        """Raises AssertionError with what was printed when the process ends or the time is up."""
        deadline = time.monotonic() + READY_SECONDS
        while text not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)

    def stop(self, number: int = signal.SIGINT) -> int:
        """As Ctrl-C does; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def end(self) -> None:
        """At once, where nobody asks how it ends (test_up does): its children end with it."""
        if sys.platform == "linux":
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            postgres.stop(self.folder / "pg")
        else:
            self.stop()

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command in another terminal."""
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
        """What a management command prints; it must succeed."""
        result = self.run("manage.py", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def identities(self) -> list[dict[str, Any]]:
        return list(json.loads((self.folder / PEOPLE).read_text()))

    def sandbox(self, method: str, path: str, **body: object) -> None:
        """Pull one of the sandbox's levers (demo.stripe.control)."""
        port = (self.folder / "stripe" / "port").read_text()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}",
            method=method,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            assert response.status < 300

    def charges(self, account: str) -> list[dict[str, Any]]:
        """What the sandbox charged in a Stripe account, from its own book: the witness.

        The report fails on a request that Stripe would not have understood.
        """
        store = self.folder / "stripe" / "stripe.sqlite"
        result = self.run("-m", "demo.stripe", "--report", "--json", "--store", str(store))
        assert result.returncode == 0, result.stdout + result.stderr
        accounts = json.loads(result.stdout)["accounts"]
        return list(accounts.get(account, {"charges": []})["charges"])
