"""Idempotency keys, as Stripe means them (docs.stripe.com/api/idempotent_requests).

The first status and body under a key are saved, errors of execution and 500s included, and given
again for 24 hours. The same key with another request is an error; a key whose first request is
still running is a conflict. A request that never began to execute leaves no trace.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from demo.stripe.errors import ApiError
from demo.stripe.store import Transaction
from demo.stripe.wire import Form, canonical

KEY_LIFE_SECONDS = 24 * 3600  # on the sandbox's clock
MAX_KEY_LENGTH = 255
# A process killed in mid-request must not hold its key for ever; real time, not the sandbox's.
LEASE_SECONDS = 60


@dataclass(frozen=True)
class Saved:
    """The first answer under a key."""

    status: int
    body: bytes
    request_id: str


def fingerprint(method: str, path: str, form: Form) -> str:
    """What a key is bound to. Hashed: a form may hold a card number, and none may rest here."""
    return hashlib.sha256(f"{method} {path} {canonical(form)}".encode()).hexdigest()


def in_use() -> ApiError:
    return ApiError(
        409,
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through). Please try "
        "again later.",
        code="idempotency_key_in_use",
    )


def begin(
    tx: Transaction, *, account: str, key: str, fingerprint: str, now: int, request_id: str
) -> Saved | None:
    """Claim a key, or return what was answered under it. Raises ApiError (400 or 409)."""
    if len(key) > MAX_KEY_LENGTH:
        raise ApiError(
            400, "invalid_request_error", "Idempotency keys can be at most 255 characters long."
        )
    tx.execute("DELETE FROM idempotency WHERE created <= ?", now - KEY_LIFE_SECONDS)
    row = tx.execute(
        "SELECT fingerprint, lease_until, status, body, request_id FROM idempotency"
        " WHERE account = ? AND key = ?",
        *(account, key),
    ).fetchone()
    if row:
        first, lease_until, status, body, first_request = row
        if first != fingerprint:
            raise ApiError(
                400,
                "idempotency_error",
                "Keys for idempotent requests can only be used with the same endpoint and the same "
                f"parameters they were first used with. Try using a key other than '{key}' if you "
                "meant to execute a different request.",
            )
        if status is not None:
            return Saved(status, body, first_request)
        if lease_until > time.time():
            raise in_use()
    tx.execute(
        "INSERT OR REPLACE INTO idempotency"
        " (account, key, fingerprint, created, lease_until, request_id) VALUES (?, ?, ?, ?, ?, ?)",
        *(account, key, fingerprint, now, time.time() + LEASE_SECONDS, request_id),
    )
    return None


def finish(tx: Transaction, *, account: str, key: str, status: int, body: bytes) -> None:
    """Keep the answer; called in the transaction that did the work."""
    tx.execute(
        "UPDATE idempotency SET status = ?, body = ? WHERE account = ? AND key = ?",
        *(status, body, account, key),
    )


def release(tx: Transaction, *, account: str, key: str) -> None:
    """Give a claimed key back: the request broke before it could be answered."""
    tx.execute("DELETE FROM idempotency WHERE account = ? AND key = ? AND status IS NULL", account, key)
