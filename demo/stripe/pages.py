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
    "/endive/element": "element.html",
    "/endive/element.js": "element.js",
    "/endive/form.js": "form.js",
    "/endive/card.js": "card.js",
    "/endive/bank_account.js": "bank_account.js",
    "/endive/challenge": "challenge.html",
    "/endive/challenge.js": "challenge.js",
    "/endive/frame.css": "frame.css",
    "/endive/words.js": "words.js",
}
# The one script that pay pages load: these files, in this order, in one scope of their own.
_SCRIPT = "/endive/stripe.js"
_PARTS = ("base", "payment_element", "elements", "instance")
_WRAPPED = """// The part of Stripe.js that the portal uses, with its names and answers, for the demo.
// Card fields live in a frame of this script's origin; the page around it never sees a number.
"use strict";

(() => {
%s})();
"""
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
    if path == _SCRIPT:
        parts = ((_STATIC / "stripe_js" / f"{name}.js").read_text() for name in _PARTS)
        return _TYPES[".js"], (_WRAPPED % "\n".join(parts)).encode()
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
