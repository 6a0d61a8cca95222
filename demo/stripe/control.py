"""The sandbox's levers over HTTP, for tests in other processes and for a curious person with curl.

GET    /_sandbox/health
GET    /_sandbox/report                 the witness: charges, totals, contract violations
GET    /_sandbox/faults                 what is waiting
POST   /_sandbox/faults                 {"match", "kind", "times", "seconds", ...}
DELETE /_sandbox/faults
GET    /_sandbox/webhooks               every delivery and what became of it
POST   /_sandbox/webhooks               {"mode": "normal|drop|hold|double|shuffle", "seed"}
POST   /_sandbox/webhooks/deliver       post everything that is open, now
POST   /_sandbox/webhooks/redeliver     {"event", "times", "parallel"}
POST   /_sandbox/webhooks/forge         {"account", "how", "type", "object"}
POST   /_sandbox/clock                  {"seconds"}: shift it forward
POST   /_sandbox/bank                   {"act", "account", ...}: a method of bank.Bank, by its names
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from demo.stripe.bank import Bank
from demo.stripe.core import Sandbox

Answer = tuple[int, dict[str, Any]]
Given = dict[str, Any]


def handle(sandbox: Sandbox, method: str, path: str, body: bytes) -> Answer:
    """Status and JSON for one pull of a lever; 400 with a word when it cannot be pulled so."""
    lever = _LEVERS.get((method, path))
    if lever is None:
        return 404, {"error": f"No such lever: {method} {path}"}
    try:
        given = json.loads(body or b"{}")
        if not isinstance(given, dict):
            raise ValueError("the body must be a JSON object")
        return 200, lever(sandbox, given)
    except KeyError as error:
        return 400, {"error": f"missing or unknown: {error.args[0]}"}
    except (ValueError, TypeError) as error:
        return 400, {"error": str(error)}


def _health(sandbox: Sandbox, given: Given) -> Given:
    return {"ok": True, "now": sandbox.now().isoformat()}


def _report(sandbox: Sandbox, given: Given) -> Given:
    return sandbox.report()


def _faults(sandbox: Sandbox, given: Given) -> Given:
    return {"faults": sandbox.faults.waiting()}


def _add_fault(sandbox: Sandbox, given: Given) -> Given:
    sandbox.faults.add(**given)
    return _faults(sandbox, given)


def _clear_faults(sandbox: Sandbox, given: Given) -> Given:
    sandbox.faults.clear()
    return _faults(sandbox, given)


def _deliveries(sandbox: Sandbox, given: Given) -> Given:
    return {"deliveries": sandbox.webhooks.queue()}


def _set_mode(sandbox: Sandbox, given: Given) -> Given:
    sandbox.webhooks.set_mode(given["mode"], seed=int(given.get("seed", 0)))
    return {"mode": given["mode"]}


def _deliver(sandbox: Sandbox, given: Given) -> Given:
    return {"deliveries": [asdict(d) for d in sandbox.webhooks.deliver_due(everything=True)]}


def _redeliver(sandbox: Sandbox, given: Given) -> Given:
    done = sandbox.webhooks.redeliver(
        given["event"],
        times=int(given.get("times", 1)),
        parallel=bool(given.get("parallel", False)),
    )
    return {"deliveries": [asdict(delivery) for delivery in done]}


def _forge(sandbox: Sandbox, given: Given) -> Given:
    delivery = sandbox.webhooks.forge(
        given["account"], given["how"], event_type=given["type"], obj=given["object"]
    )
    return asdict(delivery)


def _clock(sandbox: Sandbox, given: Given) -> Given:
    return {"now": sandbox.shift_clock(timedelta(seconds=float(given["seconds"]))).isoformat()}


_BANK_ACTS = frozenset(name for name in vars(Bank) if not name.startswith("_"))


def _bank(sandbox: Sandbox, given: Given) -> Given:
    act = given.pop("act")
    if act not in _BANK_ACTS:
        raise ValueError(f"the bank does not do this: {act}")
    return {"result": getattr(sandbox.bank, act)(**given)}


_LEVERS: dict[tuple[str, str], Callable[[Sandbox, Given], Given]] = {
    ("GET", "/_sandbox/health"): _health,
    ("GET", "/_sandbox/report"): _report,
    ("GET", "/_sandbox/faults"): _faults,
    ("POST", "/_sandbox/faults"): _add_fault,
    ("DELETE", "/_sandbox/faults"): _clear_faults,
    ("GET", "/_sandbox/webhooks"): _deliveries,
    ("POST", "/_sandbox/webhooks"): _set_mode,
    ("POST", "/_sandbox/webhooks/deliver"): _deliver,
    ("POST", "/_sandbox/webhooks/redeliver"): _redeliver,
    ("POST", "/_sandbox/webhooks/forge"): _forge,
    ("POST", "/_sandbox/clock"): _clock,
    ("POST", "/_sandbox/bank"): _bank,
}
