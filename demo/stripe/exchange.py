"""Requests and answers, and what a fault does to them on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from demo.stripe import API_VERSION, idempotency
from demo.stripe.accounts import Caller
from demo.stripe.errors import ApiError
from demo.stripe.faults import ACTS_FIRST, Fault, Kind
from demo.stripe.ids import new_id
from demo.stripe.wire import Form, encode


class Wire(Enum):
    """What happens to an answer on its way: the transport (server or client) acts it out."""

    OK = "ok"
    STALL = "stall"  # nothing is sent for `seconds`, then the connection closes
    DROP = "drop"  # the connection closes before anything was done
    RESET = "reset"  # half of the body is sent


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes
    wire: Wire = Wire.OK
    seconds: float = 0


@dataclass
class Request:
    """A request on its way through `Sandbox.handle`."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Form
    id: str = field(default_factory=lambda: new_id("req", 14))
    caller: Caller = field(default_factory=lambda: Caller("", publishable=False))

    @property
    def key(self) -> str | None:
        """The idempotency key; Stripe looks at it for POST only."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None


def respond(request: Request, status: int, body: bytes, *, original: str | None = None) -> Response:
    headers = {
        "Content-Type": "application/json",
        "Request-Id": request.id,
        "Stripe-Version": API_VERSION,
        "Cache-Control": "no-store",
    }
    if request.key:
        headers["Idempotency-Key"] = re.sub(r"[^\x20-\x7e]", "?", request.key)
    if original:
        headers["Idempotent-Replayed"] = "true"
        headers["Original-Request"] = original
    if status >= 500:
        headers["Stripe-Should-Retry"] = "false" if request.key else "true"
    return Response(status, headers, body)


def before_acting(fault: Fault | None, request: Request) -> Response | None:
    """The answer to a request that is stopped before anything is done, or None."""
    if fault is None or fault.kind in ACTS_FIRST:
        return None
    if fault.kind is Kind.DROP_BEFORE:
        return Response(0, {}, b"", wire=Wire.DROP)
    error = {
        Kind.CONFLICT_409: idempotency.in_use(),
        Kind.RATE_429: ApiError(
            429,
            "invalid_request_error",
            "Request rate limit exceeded. Learn more about rate limits.",
            code="rate_limit",
        ),
        Kind.DOWN_503: ApiError(503, "api_error", "Stripe is not available at the moment."),
    }[fault.kind]
    response = respond(request, error.status, encode(error.body()))
    response.headers.pop("Stripe-Should-Retry", None)
    return response


def after_acting(fault: Fault | None, response: Response) -> Response:
    if fault and fault.kind is Kind.ACT_THEN_STALL:
        return Response(0, {}, b"", wire=Wire.STALL, seconds=fault.seconds)
    if fault and fault.kind is Kind.RESET_MID_BODY:
        return Response(response.status, response.headers, response.body, wire=Wire.RESET)
    return response
