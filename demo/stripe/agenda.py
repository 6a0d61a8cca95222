"""What happens by itself, later: debits settle, refunds arrive, payouts are made.

An act is written down with its time and carried out when the sandbox's clock has passed it, at that
time and in that order, by whichever process looks first. An act looks at the state of its object and
does nothing where a person was faster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo.stripe.routing import Call
from demo.stripe.store import Transaction

Act = Callable[[Call, str], None]  # with the id of the object that it is about

_ACTS: dict[str, Act] = {}

# How long things take, in business days unless they say otherwise; `Bank.set_pace` changes them.
PACE = {
    "settle_days": 4,  # an ACH debit (docs.stripe.com/payments/ach-direct-debit, timing)
    "microdeposit_days": 1,
    "dispute_days": 1,  # for test methods that are disputed: after the payment succeeded
    "refund_days": 3,  # a refund that is pending at first
    "available_days": 2,  # a card payment, until its money can be paid out
    "arrival_days": 1,  # a payout, until it is in our bank account
}


@dataclass(frozen=True)
class Due:
    """One act whose time has come; `at` in seconds since 1970."""

    account: str
    act: str
    object_id: str
    at: int

    def carry_out(self, call: Call) -> None:
        _ACTS[self.act](call, self.object_id)


def act(name: str) -> Callable[[Act], Act]:
    """Register what an act does."""

    def register(run: Act) -> Act:
        _ACTS[name] = run
        return run

    return register


def pace(tx: Transaction, name: str) -> int:
    """How many days a thing of PACE takes at present."""
    return int(tx.setting(name, str(PACE[name])))


def schedule(call: Call, name: str, object_id: str, at: int) -> None:
    """Let `name` happen to an object at `at`; the same act at the same time is written once."""
    call.tx.execute(
        "INSERT OR IGNORE INTO agenda (account, due, act, object) VALUES (?, ?, ?, ?)",
        *(call.account, at, name, object_id),
    )


def anything_due(tx: Transaction, now: float) -> bool:
    return tx.execute("SELECT 1 FROM agenda WHERE due <= ? LIMIT 1", now).fetchone() is not None


def take(tx: Transaction, now: float) -> Due | None:
    """The earliest act whose time has come, taken off the agenda; None when there is none left."""
    row = tx.execute(
        "SELECT seq, account, act, object, due FROM agenda WHERE due <= ? ORDER BY due, seq LIMIT 1",
        now,
    ).fetchone()
    if row is None:
        return None
    tx.execute("DELETE FROM agenda WHERE seq = ?", row[0])
    return Due(*row[1:])
