"""`python -m demo.stripe`: serve the sandbox, or report what it charged."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from demo.stripe import report
from demo.stripe.accounts import live_key_names
from demo.stripe.core import Sandbox
from demo.stripe.server import SandboxServer
from demo.stripe.store import Store

DEFAULT_PORT = 12111


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 violations found (`--report`), 2 refused to start."""
    options = _parser().parse_args(arguments)
    if options.report:
        return _report(options.store, as_json=options.json)
    live = live_key_names()
    if live:
        print(
            "The Stripe sandbox does not start beside a live key. Remove it from: " + ", ".join(live),
            file=sys.stderr,
        )
        return 2
    return _serve(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.stripe", description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="SQLite file: the sandbox's book")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument(
        "--webhook-base",
        default="http://127.0.0.1:8000",
        help="events go to WEBHOOK_BASE/webhooks/stripe/<account>/",
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")
    parser.add_argument("--report", action="store_true", help="print what was charged, and leave")
    parser.add_argument("--json", action="store_true", help="with --report: as JSON")
    return parser


def _report(path: Path, *, as_json: bool) -> int:
    if not path.exists():
        print(f"No sandbox has kept its book at {path}.", file=sys.stderr)
        return 2
    store = Store(path)
    try:
        book = report.summary(store)
    finally:
        store.close()
    print(json.dumps(book, indent=2) if as_json else report.text(book))
    return 1 if book["violations"] else 0


def _serve(options: argparse.Namespace) -> int:
    sandbox = Sandbox(options.store, webhook_base=options.webhook_base)
    try:
        server = SandboxServer(sandbox, port=options.port, verbose=options.verbose)
    except OSError as error:
        print(
            f"Port {options.port} is taken ({error.strerror}). Choose another with --port.",
            file=sys.stderr,
        )
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with server:
        print(f"Stripe sandbox (DEMO) at {server.url}, book {options.store}", flush=True)
        stop.wait()
    sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
