"""A sandbox of its own for every test, reached through the real SDK."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import stripe

from demo.stripe.client import SandboxHTTPClient
from demo.stripe.core import Sandbox
from demo.stripe.server import SandboxServer

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
