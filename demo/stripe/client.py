"""The sandbox as an HTTP client of the SDK: the same answers without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from demo.stripe.core import Sandbox
from demo.stripe.exchange import Response, Wire


class SandboxHTTPClient(stripe.HTTPClient):
    """Give it to `StripeClient(..., http_client=...)`.

    What a broken network does is raised as the SDK's real client would raise it, at once: a stall
    is a read timeout without the wait.
    """

    name = "sandbox"

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self._sandbox = sandbox

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        response = self._sandbox.handle(method, path, headers or {}, post_data)
        if response.wire is not Wire.OK:
            raise _broken(response)
        # The SDK looks for "stripe-should-retry" in lower case, as its own clients provide it.
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return response.body.decode(), response.status, {**response.headers, **lowered}

    def close(self) -> None:
        """Nothing to close: the sandbox belongs to whoever made it."""


def _broken(response: Response) -> stripe.APIConnectionError:
    reason = {
        Wire.STALL: "Read timed out.",
        Wire.DROP: "Connection aborted: remote end closed connection without response.",
        Wire.RESET: "Connection broken: connection reset by peer.",
    }[response.wire]
    return stripe.APIConnectionError(
        f"Unexpected error communicating with Stripe.\n\n(Network error: {reason})",
        should_retry=response.wire is not Wire.RESET,
    )
