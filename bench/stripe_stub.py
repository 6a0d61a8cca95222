"""The Stripe sandbox in a process of its own, as far away as Stripe: every answer takes a while.

python -m bench.stripe_stub STORE LATENCY_SECONDS      prints its address
"""

import sys
import time
from pathlib import Path
from typing import Any, TextIO

from demo.stripe.core import Sandbox
from demo.stripe.exchange import Response
from demo.stripe.server import SandboxServer


class DistantSandbox(Sandbox):
    """Answers as late as a real one."""

    latency_seconds: float
    arrivals: TextIO  # the moment of each request, a line each

    def handle(self, *args: Any, **kwargs: Any) -> Response:
        print(time.time(), file=self.arrivals, flush=True)
        time.sleep(self.latency_seconds)
        return super().handle(*args, **kwargs)


def main(store: str, latency: str) -> None:
    sandbox = DistantSandbox(Path(store), deliver=lambda url, body, headers: 200)
    sandbox.latency_seconds = float(latency)
    with arrivals_of(Path(store)).open("a") as sandbox.arrivals, SandboxServer(sandbox) as server:
        print(server.url, flush=True)
        sys.stdin.read()  # until whoever started us closes it


def arrivals_of(store: Path) -> Path:
    """Where the moments at which requests arrived are written."""
    return store.with_suffix(".arrivals")


if __name__ == "__main__":
    main(*sys.argv[1:])
