"""Posting a webhook over real HTTP."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10


def http_post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status the receiver answered; 0 when it could not be reached or took too long.

    Redirects are not followed: Stripe counts them as failures too.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "127.0.0.1", parts.port or 80, timeout=TIMEOUT_SECONDS
    )
    try:
        connection.request("POST", parts.path, body=body, headers=dict(headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
