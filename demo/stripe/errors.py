"""Stripe's error shape: `{"error": {"type", "code", "message", "param", ...}}` and its statuses.

Source of shapes and codes: docs.stripe.com/api/errors and docs.stripe.com/error-codes.
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer of Stripe that is not a success.

    `status` is the HTTP status; `extra` goes into the error body (a whole `payment_intent`, a
    `decline_code`, ...). `keeps_writes` says that what the request wrote stays: a declined card
    leaves a failed charge behind, a refused parameter leaves nothing.
    """

    keeps_writes = False

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code:
            self.error["code"] = code
            self.error["doc_url"] = "https://stripe.com/docs/error-codes/" + code.replace("_", "-")
        if param:
            self.error["param"] = param
        self.error.update({key: value for key, value in extra.items() if value is not None})

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


class CardError(ApiError):
    """402: the bank said no. The attempt is on the books."""

    keeps_writes = True

    def __init__(self, message: str, *, code: str, **extra: Any) -> None:
        super().__init__(402, "card_error", message, code=code, **extra)


class IntentFailed(ApiError):
    """400 after acting: authentication failed, and the intent has moved."""

    keeps_writes = True

    def __init__(self, message: str, *, code: str, **extra: Any) -> None:
        super().__init__(400, "invalid_request_error", message, code=code, **extra)


class ContractError(ApiError):
    """A request Stripe would not accept as written, whatever the state of things: a bug of the
    caller's. These are written down (report.violations), so that a session can be judged."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(400, "invalid_request_error", message, code=code, param=param)


def invalid(
    message: str, *, code: str | None = None, param: str | None = None, **extra: Any
) -> ApiError:
    return ApiError(400, "invalid_request_error", message, code=code, param=param, **extra)


def missing(kind: str, object_id: str, *, param: str = "id", status: int = 404) -> ApiError:
    """No such object in this account (404 for the object itself, 400 for one referred to)."""
    return ApiError(
        status,
        "invalid_request_error",
        f"No such {kind}: '{object_id}'",
        code="resource_missing",
        param=param,
    )


def not_simulated(what: str) -> ContractError:
    """Stripe would accept this; the sandbox does not know how, and says so instead of guessing."""
    return ContractError(f"The demo sandbox does not simulate {what}.", code="not_simulated")
