"""Identifiers in Stripe's form: a prefix that names the kind, and 24 random characters."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def client_secret(object_id: str) -> str:
    return new_id(f"{object_id}_secret")
