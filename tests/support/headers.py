"""The headers of docs/security.md: what a response lacks of them."""

import re

from django.http import HttpResponse

EXACT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING = ("object-src", "base-uri", "frame-ancestors", "default-src")


def policy_of(response: HttpResponse) -> dict[str, list[str]]:
    """The Content-Security-Policy by directive."""
    header = response.headers["Content-Security-Policy"]
    rules = (rule.split() for rule in header.split(";") if rule.strip())
    return {name: sources for name, *sources in rules}


def missing_headers(response: HttpResponse) -> list[str]:
    """What a response lacks; empty for a good one."""
    headers = response.headers
    wrong = [name for name, value in EXACT.items() if headers.get(name) != value]
    if headers.get("X-Frame-Options") != "DENY":
        wrong.append("X-Frame-Options")
    permissions = headers.get("Permissions-Policy", "")
    if not {"camera=()", "geolocation=()", "payment=()"} <= set(permissions.split(", ")):
        wrong.append("Permissions-Policy")
    if "Content-Security-Policy" not in headers:
        return [*wrong, "Content-Security-Policy"]
    policy = policy_of(response)
    wrong += [name for name in NOTHING if policy.get(name) != ["'none'"]]
    wrong += [name for name, sources in policy.items() if _is_loose(sources)]
    return wrong


def _is_loose(sources: list[str]) -> bool:
    dangerous = {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:"}
    return bool(dangerous & set(sources)) or ("'none'" in sources and len(sources) > 1)


def scripts_without_nonce(response: HttpResponse) -> list[str]:
    """Script elements that the policy's nonce does not cover, and inline handlers and styles."""
    html = response.content.decode(errors="replace")
    nonces = re.findall(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    tags = re.findall(r"<script\b[^>]*>", html)
    inline = re.findall(r"<[a-z][^>]*\s(?:on[a-z]+|style)=", html)
    covered = [tag for tag in tags if any(f'nonce="{nonce}"' in tag for nonce in nonces)]
    own_files = [tag for tag in tags if 'src="/static/' in tag]
    return [*(tag for tag in tags if tag not in covered + own_files), *inline]


def faults_of(response: HttpResponse, *, signed_in: bool, ours: bool = True) -> list[str]:
    """All that is wrong with the headers of an answer, and with the scripts in it where the page is
    ours: Django's admin has a few style attributes, which the policy makes void.
    """
    wrong = missing_headers(response)
    if signed_in and "no-store" not in response.headers.get("Cache-Control", ""):
        wrong.append("Cache-Control")
    if ours and response.headers.get("Content-Type", "").startswith("text/html"):
        wrong += scripts_without_nonce(response)
    return wrong
