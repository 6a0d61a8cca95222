"""The sandbox's own pages for browsers: the script, the card form and the bank's question."""

from __future__ import annotations

import re
from pathlib import Path

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
_FILES = {
    "/endive/stripe.js": "stripe.js",
    "/endive/element": "element.html",
    "/endive/element.js": "element.js",
    "/endive/challenge": "challenge.html",
    "/endive/challenge.js": "challenge.js",
    "/endive/frame.css": "frame.css",
    "/endive/words.js": "words.js",
}
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors http://127.0.0.1:* http://localhost:*"
)
LOCAL_ORIGIN = re.compile(r"^http://(127\.0\.0\.1|localhost)(:\d{1,5})?$")


def security_headers() -> dict[str, str]:
    return {
        "Content-Security-Policy": CSP,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def page(path: str) -> tuple[str, bytes] | None:
    """Content type and body of one of the sandbox's pages, or None."""
    name = _FILES.get(path)
    if name is None:
        return None
    file = _STATIC / name
    return _TYPES[file.suffix], file.read_bytes()


def cors_headers(origin: str | None) -> dict[str, str]:
    """Let pages of this machine call the API with a publishable key; nobody else."""
    if origin is None or not LOCAL_ORIGIN.match(origin):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Stripe-Version",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
