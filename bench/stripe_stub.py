"""The Stripe sandbox in a process of its own, as far away as Stripe: every answer takes a while.

python -m bench.stripe_stub STORE LATENCY_SECONDS      prints its address
"""

import os
import struct
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from io import BufferedReader
from pathlib import Path
from socket import CMSG_SPACE, SOL_SOCKET, SocketIO, socket
from typing import Any, TextIO

from demo.stripe.core import Sandbox
from demo.stripe.exchange import Response
from demo.stripe.server import SandboxServer

# Linux stamps what it receives (socket(7)): seconds and nanoseconds, by the clock of time.time().
SO_TIMESTAMPNS = 35
STAMP = struct.Struct("@ll")
# The real one shares no core with us: where it may, it goes before what else runs here.
NICE = -10


class DistantSandbox(Sandbox):
    """Answers as late as a real one."""

    latency_seconds: float

    def handle(self, *args: Any, **kwargs: Any) -> Response:
        time.sleep(self.latency_seconds)
        return super().handle(*args, **kwargs)


class Stamped(SocketIO):
    """Reads a connection, and knows when the kernel received what was read last."""

    arrived = 0.0
    _sock: socket

    def readinto(self, buffer: Any) -> int:
        size, notes, _, _ = self._sock.recvmsg_into([buffer], CMSG_SPACE(STAMP.size))
        stamps = [STAMP.unpack_from(data) for _, kind, data in notes if kind == SO_TIMESTAMPNS]
        self.arrived = stamps[0][0] + stamps[0][1] / 1e9 if stamps else time.time()
        return int(size)


class Doorkeeper(BaseHTTPRequestHandler):
    """Notes when each request arrived: not when one of two busy cores got to it."""

    arrivals: TextIO  # a moment each line

    def setup(self) -> None:
        super().setup()
        with suppress(OSError):  # a system that stamps nothing: the moment of reading is the next best
            self.connection.setsockopt(SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._stamped = Stamped(self.connection, "r")
        self.rfile = BufferedReader(self._stamped)

    def parse_request(self) -> bool:
        self.arrivals.write(f"{self._stamped.arrived:.6f}\n")
        return super().parse_request()


def main(store: str, latency: str) -> None:
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
