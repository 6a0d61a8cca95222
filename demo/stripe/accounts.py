"""Accounts need no registration: the keys carry the name. Every key is a demo key."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from demo.stripe.errors import ApiError

_KEY = re.compile(r"^(sk|pk)_test_demo_([a-z0-9][a-z0-9_-]{0,39})$")
_LIVE = re.compile(r"\b[srp]k_live_")


@dataclass(frozen=True)
class Caller:
    """Who calls: an account, with its secret key or (a browser) with its publishable one."""

    account: str
    publishable: bool


def authenticate(headers: Mapping[str, str]) -> Caller:
    """Read `Authorization: Bearer sk_test_demo_<name>`. Raises ApiError (401)."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise ApiError(
            401,
            "invalid_request_error",
            "You did not provide an API key. Send it as 'Authorization: Bearer YOUR_SECRET_KEY'.",
        )
    match = _KEY.match(key.strip())
    if not match:
        raise ApiError(
            401,
            "invalid_request_error",
            f"Invalid API Key provided: {key[:12]}***. This is the demo sandbox; its keys look "
            "like sk_test_demo_<account>.",
            code="api_key_invalid",
        )
    return Caller(account=match[2], publishable=match[1] == "pk")


def webhook_secret(account: str) -> str:
    return f"whsec_demo_{account}"


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """The Stripe-Signature header (docs.stripe.com/webhooks/signature, scheme v1)."""
    signed = f"{timestamp}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def live_key_names(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Names of environment variables that hold a live key: the sandbox will not run beside one."""
    return sorted(name for name, value in environ.items() if _LIVE.search(value))
