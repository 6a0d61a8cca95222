"""The sandbox as a process: over a real socket, sharing its store, killed, and as a witness."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError

import pytest
import stripe

from demo.stripe.core import Sandbox
from demo.stripe.server import SandboxServer
from tests.sandbox.steps import RETURN_URL, create, debit, pay

ROOT = Path(__file__).resolve().parents[2]


def _lever(server: SandboxServer, method: str, path: str, **given: Any) -> dict[str, Any]:
    request = urllib.request.Request(
        server.url + path, method=method, data=json.dumps(given).encode() if given else None
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def test_the_sdk_pays_over_a_socket(over_socket: stripe.StripeClient, sandbox: Sandbox) -> None:
    assert pay(over_socket).status == "succeeded"
    with pytest.raises(stripe.CardError):
        pay(over_socket, "pm_card_visa_chargeDeclined")
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210, 0]


@pytest.mark.parametrize("kind", ["act_then_stall", "reset_mid_body"])
def test_a_broken_wire_after_charging_is_a_connection_error(
    over_socket: stripe.StripeClient, server: SandboxServer, sandbox: Sandbox, kind: str
) -> None:
    intent = create(over_socket)
    _lever(
        server,
        "POST",
        "/_sandbox/faults",
        match="POST /v1/payment_intents/*/confirm",
        kind=kind,
        seconds=30,
    )
    with pytest.raises(stripe.APIConnectionError):
        over_socket.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
        )
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]


def test_a_wire_dropped_before_acting_charges_nothing(
    over_socket: stripe.StripeClient, server: SandboxServer, sandbox: Sandbox
) -> None:
    _lever(server, "POST", "/_sandbox/faults", match="POST /v1/*", kind="drop_before")
    with pytest.raises(stripe.APIConnectionError):
        pay(over_socket)
    assert sandbox.charges() == []
    assert pay(over_socket).status == "succeeded"


def test_the_levers_work_over_http(
    over_socket: stripe.StripeClient, server: SandboxServer, sandbox: Sandbox
) -> None:
    assert _lever(server, "GET", "/_sandbox/health")["ok"] is True
    _lever(server, "POST", "/_sandbox/webhooks", mode="hold")
    pay(over_socket)
    states = [d["state"] for d in _lever(server, "GET", "/_sandbox/webhooks")["deliveries"]]
    assert states == ["held"] * 3
    report = _lever(server, "GET", "/_sandbox/report")
    assert report["totals"]["charged_cents"] == 4210
    assert report["violations"] == []
    before = sandbox.now()
    _lever(server, "POST", "/_sandbox/clock", seconds=86400)
    assert (sandbox.now() - before).days == 1
    for path, given in (
        ("/_sandbox/faults", {"match": "POST /v1/*", "kind": "fire"}),
        ("/_sandbox/webhooks", {"mode": "lost"}),
        ("/_sandbox/webhooks/redeliver", {"event": "evt_none"}),
        ("/_sandbox/clock", {"seconds": -1}),
    ):
        with pytest.raises(HTTPError) as refused:
            _lever(server, "POST", path, **given)
        with refused.value as answer:
            assert answer.code == 400


def test_the_bank_acts_over_http(
    over_socket: stripe.StripeClient, server: SandboxServer, sandbox: Sandbox
) -> None:
    sent = debit(over_socket)
    bank = {"account": "ncal", "intent": sent.id}
    settled = _lever(server, "POST", "/_sandbox/bank", act="settle", **bank)["result"]
    assert settled["status"] == "succeeded"
    _lever(server, "POST", "/_sandbox/bank", act="return_payment", code="R02", **bank)
    assert [line.returned_cents for line in sandbox.charges()] == [4210]
    for wrong in ({"act": "rob", **bank}, {"act": "settle"}, {"act": "__init__"}, bank):
        with pytest.raises(HTTPError) as refused:
            _lever(server, "POST", "/_sandbox/bank", **wrong)
        with refused.value as answer:
            assert answer.code == 400


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://127.0.0.1:8000"}, {"Host": "rebound.example:80"}]
)
def test_no_web_page_can_pull_the_levers(server: SandboxServer, headers: dict[str, str]) -> None:
    request = urllib.request.Request(server.url + "/_sandbox/faults", method="DELETE", headers=headers)
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        assert answer.code == 403


def test_pages_carry_their_own_strict_policy(server: SandboxServer) -> None:
    for page in ("/endive/stripe.js", "/endive/element", "/endive/challenge", "/endive/frame.css"):
        with urllib.request.urlopen(server.url + page, timeout=30) as response:
            policy = response.headers["Content-Security-Policy"]
            body = response.read().decode()
        assert "default-src 'none'" in policy
        assert "frame-ancestors http://127.0.0.1:* http://localhost:*" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "style=" not in body.replace("--style=", "")
    with pytest.raises(HTTPError) as unknown:
        urllib.request.urlopen(server.url + "/endive/../core.py", timeout=30)
    with unknown.value as answer:
        assert answer.code == 404


@contextmanager
def _receiver() -> Iterator[tuple[str, list[tuple[str, bytes, str]]]]:
    """A web server that fails the first delivery and takes the rest."""
    got: list[tuple[str, bytes, str]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, body, self.headers["Stripe-Signature"]))
            self.send_response(500 if len(got) == 1 else 200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    web = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=web.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}", got
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def _until(done: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_webhooks_are_really_posted_and_retried(tmp_path: Path) -> None:
    with _receiver() as (base, got):
        sandbox = Sandbox(tmp_path / "stripe.db", webhook_base=base)
        with SandboxServer(sandbox) as server:
            client = stripe.StripeClient("sk_test_demo_ncal", base_addresses={"api": server.url})
            create(client)
            _until(lambda: len(got) == 2)
        sandbox.close()
    (path, body, _), (_, again, signature) = got
    assert path == "/webhooks/stripe/ncal/"
    assert json.loads(again)["id"] == json.loads(body)["id"]
    assert stripe.Webhook.construct_event(again, signature, "whsec_demo_ncal").type == (
        "payment_intent.created"
    )


@contextmanager
def _process(store: Path, *more: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.stripe", "--port", str(port), "--store", str(store), *more],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def _ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_the_command_serves_ends_and_reports(tmp_path: Path) -> None:
    store = tmp_path / "book" / "stripe.db"
    with _process(store, "--webhook-base", "http://127.0.0.1:9") as (process, url):
        assert "DEMO" in _ready(process)
        client = stripe.StripeClient("sk_test_demo_ncal", base_addresses={"api": url})
        paid = pay(client)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    report = [sys.executable, "-m", "demo.stripe", "--report", "--store", str(store)]
    as_json = subprocess.run([*report, "--json"], cwd=ROOT, capture_output=True, check=True)
    (charge,) = json.loads(as_json.stdout)["accounts"]["ncal"]["charges"]
    assert (charge["payment_intent"], charge["payment"], charge["charged_cents"]) == (
        paid.id,
        "p_1",
        4210,
    )
    in_words = subprocess.run(report, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert f"{paid.id}  payment p_1  $42.10  succeeded" in in_words
    assert "contract violations: 0" in in_words


def test_violations_make_the_report_fail(tmp_path: Path) -> None:
    store = tmp_path / "stripe.db"
    sandbox = Sandbox(store)
    sandbox.handle("POST", "/v1/refunds?x=1", {"Authorization": "Bearer sk_test_demo_ncal"}, "x=1")
    sandbox.close()
    report = [sys.executable, "-m", "demo.stripe", "--report", "--store", str(store)]
    assert subprocess.run(report, cwd=ROOT, capture_output=True, check=False).returncode == 1


def test_killed_after_charging_the_book_still_knows(tmp_path: Path) -> None:
    store = tmp_path / "stripe.db"
    with _process(store) as (process, url):
        _ready(process)
        client = stripe.StripeClient("sk_test_demo_ncal", base_addresses={"api": url})
        paid = pay(client)
        process.kill()
        process.wait(60)
    witness = Sandbox(store)
    assert [(c.payment_intent, c.charged_cents) for c in witness.charges()] == [(paid.id, 4210)]
    witness.close()


def test_two_processes_on_one_store_charge_an_intent_once(tmp_path: Path) -> None:
    store = tmp_path / "stripe.db"
    with _process(store) as (one, first), _process(store) as (two, second):
        _ready(one), _ready(two)
        clients = [
            stripe.StripeClient("sk_test_demo_ncal", base_addresses={"api": url})
            for url in (first, second)
        ]
        intents = [create(clients[0]) for _ in range(10)]
        results: list[str] = []

        def confirm_all(client: stripe.StripeClient) -> None:
            for intent in intents:
                try:
                    given = {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
                    results.append(client.v1.payment_intents.confirm(intent.id, given).status)  # type: ignore[arg-type]
                except stripe.InvalidRequestError as error:
                    results.append(str(error.code))

        threads = [Thread(target=confirm_all, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == ["payment_intent_unexpected_state"] * 10 + ["succeeded"] * 10
    witness = Sandbox(store)
    assert witness.report()["totals"]["charged_cents"] == 10 * 4210
    witness.close()


def test_it_does_not_start_beside_a_live_key(tmp_path: Path) -> None:
    key = "sk_" + "live_51abc"
    with _process(tmp_path / "s.db", STRIPE_SECRET_KEY=key) as (process, _):
        _, complaint = process.communicate(timeout=120)
        assert process.returncode == 2
    assert "STRIPE_SECRET_KEY" in complaint
    assert key not in complaint


def test_a_taken_port_is_a_clear_message(tmp_path: Path, server: SandboxServer) -> None:
    port = server.url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "demo.stripe", "--port", port, "--store", str(tmp_path / "s.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert (
        done.stderr == f"Port {port} is taken (Address already in use). Choose another with --port.\n"
    )
