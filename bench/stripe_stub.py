"""The Stripe sandbox in a process of its own, as far away as Stripe: every answer takes a while.

python -m bench.stripe_stub STORE LATENCY_SECONDS      prints its address
"""

import os
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, TextIO

from demo.stripe.core import Sandbox
from demo.stripe.exchange import Response
from demo.stripe.server import SandboxServer

# Threads that work on answers keep the one that notes an arrival waiting no longer than this.
SWITCH_SECONDS = 0.0005
# The real one shares no core with us: where it may, it goes before what else runs here.
NICE = -10


class DistantSandbox(Sandbox):
    """Answers as late as a real one."""

    latency_seconds: float

    def handle(self, *args: Any, **kwargs: Any) -> Response:
        time.sleep(self.latency_seconds)
        return super().handle(*args, **kwargs)


class Doorkeeper(BaseHTTPRequestHandler):
    """Notes when each request arrived: once its first line is read, before anything is made of it."""

    arrivals: TextIO  # a moment each line

    def parse_request(self) -> bool:
        self.arrivals.write(f"{time.time()}\n")
        return super().parse_request()


def main(store: str, latency: str) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    with suppress(PermissionError):
        os.nice(NICE)
    sandbox = DistantSandbox(Path(store), deliver=lambda url, body, headers: 200)
    sandbox.latency_seconds = float(latency)
    with arrivals_of(Path(store)).open("a", buffering=1) as Doorkeeper.arrivals:
        server = SandboxServer(sandbox)
        handler = server._http.RequestHandlerClass
        server._http.RequestHandlerClass = type("Handler", (Doorkeeper, handler), {})
        with server:
            print(server.url, flush=True)
            sys.stdin.read()  # until whoever started us closes it


def arrivals_of(store: Path) -> Path:
    """Where the moments at which requests arrived are written."""
    return store.with_suffix(".arrivals")


if __name__ == "__main__":
    main(*sys.argv[1:])
