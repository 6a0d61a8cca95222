"""A day's reconciliation as tests arrange and read it."""

import datetime as dt
from typing import Any

from billing.models import JournalLine
from common.clock import now
from demo.stripe.core import Sandbox
from payments.models import Difference
from payments.services import daily

Row = tuple[str, str, int | None, int | None]


def account(name: str = "ncal") -> daily.StripeAccount:
    """A Stripe account by the name of its keys."""
    return next(each for each in daily.configured_accounts() if each.name == name)


def today() -> dt.date:
    """As Stripe counts."""
    return now().astimezone(dt.UTC).date()


def reconcile(sandbox: Sandbox, day: dt.date | None = None, *, name: str = "ncal") -> daily.Report:
    """Reconcile a day, today unless given, at the sandbox's present moment; no row may fail in it."""
    report = daily.reconcile_day(account=account(name), day=day or today(), as_of=sandbox.now())
    if report.unhealed is not None:
        raise report.unhealed
    return report


def open_rows() -> list[Row]:
    """Every open difference: kind, object, ours, Stripe's."""
    rows = Difference.objects.filter(resolved_at__isnull=True).order_by("kind", "object_id")
    return list(rows.values_list("kind", "object_id", "ours_cents", "theirs_cents"))


def ledger(code: str) -> int:
    """The sum of an account of the chart, in cents: a debit is positive."""
    lines = JournalLine.objects.filter(ledger_account=code)
    return sum(lines.values_list("amount_cents", flat=True))


def held_by_stripe(sandbox: Sandbox, name: str = "ncal") -> int:
    """What the witness holds for us, in cents."""
    with sandbox.store.read() as tx:
        return sum(t["net"] for t in tx.find(name, "balance_transaction", {"_payout": ""}))


def movement_of(sandbox: Sandbox, source: str, name: str = "ncal") -> dict[str, Any]:
    """The newest balance transaction that an object of Stripe's caused."""
    with sandbox.store.read() as tx:
        return next(tx.find(name, "balance_transaction", {"source": source}))


def change_movement(sandbox: Sandbox, movement: str, name: str = "ncal", **fields: Any) -> None:
    """Stripe's book says something else of a movement from now on."""
    with sandbox.acting(name) as call:
        call.save({**call.load("balance_transaction", movement), **fields})
