"""The sandbox on a port of this machine, with its webhooks on their way in the background."""

from __future__ import annotations

import json
import socket
import sqlite3
import struct
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from demo.stripe import control, pages
from demo.stripe.bank_desk import Desk
from demo.stripe.core import Sandbox
from demo.stripe.errors import ApiError
from demo.stripe.exchange import Response, Wire
from demo.stripe.wire import MAX_BODY_BYTES, encode

HOST = "127.0.0.1"
PUMP_SECONDS = 0.1
_LOCAL_HOSTS = {"127.0.0.1", "localhost"}


class SandboxServer:
    """Serve a sandbox until closed. Port 0 takes any free port; `url` tells which.

    Raises OSError when the port is taken.
    """

    def __init__(self, sandbox: Sandbox, *, port: int = 0, verbose: bool = False) -> None:
        self.sandbox = sandbox
        self.stopping = threading.Event()
        self.desk = Desk(sandbox)
        handler = type("Handler", (_Handler,), {"owner": self, "verbose": verbose})
        self._http = _Http((HOST, port), handler)
        self.url = f"http://{HOST}:{self._http.server_port}"
        sandbox.origin = self.url
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.05,), name="sandbox-http"),
            threading.Thread(target=self._pump, name="sandbox-webhooks"),
        ]

    def start(self) -> SandboxServer:
        for thread in self._threads:
            thread.start()
        return self

    def close(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        for thread in self._threads:
            thread.join()
        self._http.server_close()

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _pump(self) -> None:
        while not self.stopping.wait(PUMP_SECONDS):
            try:
                self.sandbox.webhooks.deliver_due()
            except sqlite3.OperationalError:  # the store is busy: the next round has it
                traceback.print_exc(file=sys.stderr)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    """One connection. `owner` and `verbose` are set on the subclass made by the server."""

    owner: SandboxServer
    verbose: bool
    protocol_version = "HTTP/1.1"
    server_version = "demo-stripe"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._send(204, pages.cors_headers(self.headers.get("Origin")), b"")

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        path = urlsplit(self.path).path
        if path.startswith("/v1/"):
            self._api(body)
        elif path.startswith("/_sandbox/"):
            self._control(path, body)
        elif path.startswith("/bank/"):
            self._bank(body)
        else:
            self._page(path)

    def _body(self) -> bytes | None:
        """The request's body; None when it was refused."""
        length = self.headers.get("Content-Length", "0")
        if (
            not length.isdigit()
            or int(length) > MAX_BODY_BYTES
            or self.headers.get("Transfer-Encoding")
        ):
            self.close_connection = True
            error = ApiError(413, "invalid_request_error", "Request body too large or malformed.")
            self._json(413, error.body())
            return None
        return self.rfile.read(int(length))

    def _api(self, body: bytes) -> None:
        cors = pages.cors_headers(self.headers.get("Origin"))
        try:
            response = self.owner.sandbox.handle(
                self.command, self.path, dict(self.headers.items()), body
            )
        except Exception:  # noqa: BLE001 - a bug here must look like a bug of Stripe's, and be seen
            traceback.print_exc(file=sys.stderr)
            error = ApiError(500, "api_error", "The demo sandbox failed; see its log.")
            self._send(500, cors, encode(error.body()))
            return
        self._transmit(response, cors)

    def _transmit(self, response: Response, cors: dict[str, str]) -> None:
        if response.wire is Wire.OK:
            self._send(response.status, {**response.headers, **cors}, response.body)
            return
        self.close_connection = True
        if response.wire is Wire.STALL:
            self.owner.stopping.wait(response.seconds)
        if response.wire is Wire.RESET:
            half = response.body[: len(response.body) // 2]
            self._send(response.status, {**response.headers, **cors}, half, length=len(response.body))
            self.wfile.flush()
            # Linger 0 turns the close into a reset, which is what a broken network looks like.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _control(self, path: str, body: bytes) -> None:
        """Levers are for this machine's tools: no page of any origin, no rebound host name."""
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if host not in _LOCAL_HOSTS or self.headers.get("Origin") is not None:
            self._json(403, {"error": "only for tools on this machine"})
            return
        self._json(*control.handle(self.owner.sandbox, self.command, path, body))

    def _bank(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.owner.desk.answer(self.command, self.path, headers, body)
        self._send(reply.status, reply.headers, reply.body.encode())

    def _page(self, path: str) -> None:
        found = pages.page(path) if self.command == "GET" else None
        kind, body = found or ("text/plain; charset=utf-8", b"Not found\n")
        headers = {
            "Content-Type": kind,
            "Cache-Control": "no-cache",
            **pages.security_headers(),
        }
        self._send(200 if found else 404, headers, body)

    def _json(self, status: int, body: dict[str, Any]) -> None:
        payload = json.dumps(body, indent=2).encode()
        self._send(status, {"Content-Type": "application/json"}, payload)

    def _send(
        self, status: int, headers: dict[str, str], body: bytes, *, length: int | None = None
    ) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:  # the caller has gone; what was done stays done
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        if self.verbose:
            super().log_message(format, *args)
