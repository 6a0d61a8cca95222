"""A sandbox of its own for every test, reached through the real SDK."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import stripe
from playwright.sync_api import Browser, Page, Request

from demo.stripe.client import SandboxHTTPClient
from demo.stripe.core import Sandbox
from demo.stripe.server import SandboxServer
from tests.sandbox.host_page import Host

Connect = Callable[..., stripe.StripeClient]


@dataclass(frozen=True)
class Letter:
    """A webhook as it arrived."""

    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Inbox:
    """The portal's end of a webhook: keeps what arrives, and answers as told."""

    answer: int = 200
    letters: list[Letter] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.letters.append(Letter(url, body, headers))
        return self.answer

    def types(self) -> list[str]:
        return [letter.event["type"] for letter in self.letters]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def sandbox(tmp_path: Path, inbox: Inbox) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path / "stripe.db", deliver=inbox)
    yield made
    made.close()


@pytest.fixture
def connect(sandbox: Sandbox) -> Connect:
    """A client of the SDK: `connect("ncal")`, or with a key of its own, or with retries."""

    def make(account: str = "ncal", *, key: str = "", retries: int = 0) -> stripe.StripeClient:
        return stripe.StripeClient(
            key or f"sk_test_demo_{account}",
            http_client=SandboxHTTPClient(sandbox),
            max_network_retries=retries,
        )

    return make


@pytest.fixture
def ncal(connect: Connect) -> stripe.StripeClient:
    return connect("ncal")


@pytest.fixture
def browser(connect: Connect) -> stripe.StripeClient:
    """What a browser may do: the same account, with its publishable key."""
    return connect(key="pk_test_demo_ncal")


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[SandboxServer]:
    with SandboxServer(sandbox) as running:
        yield running


@pytest.fixture
def over_socket(server: SandboxServer) -> Iterator[stripe.StripeClient]:
    """The SDK's own client, over a real connection, patient for two seconds."""
    client = stripe.RequestsClient(timeout=2)
    yield stripe.StripeClient(
        "sk_test_demo_ncal", base_addresses={"api": server.url}, http_client=client
    )
    client.close()


# A browser


@pytest.fixture
def host(server: SandboxServer) -> Iterator[str]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Host, server.url))
    web.daemon_threads = True
    thread = Thread(target=web.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.fixture
def trouble() -> list[str]:
    """Errors of the browser: a blocked style, a failed script, an exception."""
    return []


@pytest.fixture
def sent() -> list[Request]:
    return []


@pytest.fixture
def page(chromium: Browser, host: str, trouble: list[str], sent: list[Request]) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 320, "height": 800})
    page = context.new_page()
    page.set_default_timeout(10_000)
    # A declined card answers 402, which the browser notes in its console as a failed resource.
    page.on("console", lambda m: _note(trouble, m.type, m.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: sent.append(request))
    page.goto(host)
    yield page
    context.close()


def _note(trouble: list[str], kind: str, text: str) -> None:
    if kind == "error" and "status of 402" not in text:
        trouble.append(text)
