"""Stripe's side of a test: the sandbox's core behind the real SDK, and the witness it keeps."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connections
from django.test import Client

from demo.stripe.client import SandboxHTTPClient
from demo.stripe.core import Sandbox
from payments import gateway


def post_to_portal(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Deliver a webhook to the portal's own view; returns its status."""
    named = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    try:
        response = Client().post(
            urlsplit(url).path, data=body, content_type="application/json", headers=named
        )
    finally:
        if threading.current_thread() is not threading.main_thread():
            connections.close_all()
    return response.status_code


def connect(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the gateway's SDK talk to this sandbox."""
    monkeypatch.setattr(gateway, "http_client", lambda: SandboxHTTPClient(sandbox))
    gateway._client.cache_clear()


@contextmanager
def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A Stripe of its own. Afterwards: every request we made was one Stripe would take."""
    made = Sandbox(folder / "stripe.sqlite", deliver=post_to_portal)
    connect(made, monkeypatch)
    yield made
    violations = made.violations()
    made.close()
    gateway._client.cache_clear()
    assert violations == [], violations


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """This test's own Stripe."""
    with serving(tmp_path, monkeypatch) as made:
        yield made


def charged(sandbox: Sandbox) -> dict[str, int]:
    """What the witness says was taken, in cents, by our reference."""
    taken: dict[str, int] = {}
    for line in sandbox.charges():
        if line.charged_cents:
            name = str(line.payment)
            taken[name] = taken.get(name, 0) + line.charged_cents
    return taken
