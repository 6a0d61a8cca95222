"""The independent witness: what this sandbox charged, refunded and was asked, from its own book."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from demo.stripe.errors import ApiError
from demo.stripe.store import Object, Store, Transaction

PAYMENT_KEY = "payment"  # the metadata key under which the portal names its payment


@dataclass(frozen=True)
class RefundLine:
    refund: str
    amount_cents: int
    status: str


@dataclass(frozen=True)
class DisputeLine:
    dispute: str
    amount_cents: int
    status: str
    reason: str


@dataclass(frozen=True)
class ChargeLine:
    """One charge. `charged_cents` is what was taken: 0 unless it succeeded and was captured.

    `net_cents`, what is ours of it: charged, less what was refunded (on its way or arrived),
    disputed (by a cardholder: undecided or lost) and returned (a bank debit after it settled).
    `fee_cents` is what Stripe kept for the charge and its disputes, over and above that.
    """

    account: str
    charge: str
    payment_intent: str
    payment: str | None
    method: str  # card or us_bank_account
    amount_cents: int
    pending_cents: int  # a bank debit on its way
    charged_cents: int
    refunded_cents: int
    disputed_cents: int
    returned_cents: int
    net_cents: int
    fee_cents: int
    status: str  # succeeded, pending or failed
    captured: bool
    failure_code: str | None
    created: int
    refunds: tuple[RefundLine, ...]
    disputes: tuple[DisputeLine, ...]


def charges(store: Store, account: str | None = None) -> list[ChargeLine]:
    with store.read() as tx:
        names = [account] if account else account_names(tx)
        return [
            _line(tx, name, charge)
            for name in names
            for charge in reversed(list(tx.find(name, "charge")))
        ]


def account_names(tx: Transaction) -> list[str]:
    return [name for (name,) in tx.execute("SELECT DISTINCT account FROM objects ORDER BY 1")]


def _line(tx: Transaction, account: str, charge: Object) -> ChargeLine:
    refunds = reversed(list(tx.find(account, "refund", {"charge": charge["id"]})))
    disputes = list(reversed(list(tx.find(account, "dispute", {"charge": charge["id"]}))))
    taken = charge["status"] == "succeeded" and charge["captured"]
    charged = charge["amount_captured"] if taken else 0
    refunded = charge["amount_refunded"] if taken else 0
    by_card = charge["payment_method_details"]["type"] == "card"
    gone = sum(dispute["amount"] for dispute in disputes if dispute["status"] != "won")
    return ChargeLine(
        account=account,
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        payment=charge["metadata"].get(PAYMENT_KEY),
        method=charge["payment_method_details"]["type"],
        amount_cents=charge["amount"],
        pending_cents=charge["amount"] if charge["status"] == "pending" else 0,
        charged_cents=charged,
        refunded_cents=refunded,
        disputed_cents=gone if by_card else 0,
        returned_cents=0 if by_card else gone,
        net_cents=charged - refunded - gone,
        fee_cents=_fees(tx, account, [charge, *disputes]),
        status=charge["status"],
        captured=charge["captured"],
        failure_code=charge["failure_code"],
        created=charge["created"],
        refunds=tuple(RefundLine(r["id"], r["amount"], r["status"]) for r in refunds),
        disputes=tuple(DisputeLine(d["id"], d["amount"], d["status"], d["reason"]) for d in disputes),
    )


def _fees(tx: Transaction, account: str, sources: list[Object]) -> int:
    return sum(
        movement["fee"]
        for source in sources
        for movement in tx.find(account, "balance_transaction", {"source": source["id"]})
    )


def summary(store: Store) -> dict[str, Any]:
    """Per account its charges and sums; over all, the totals and the contract violations."""
    with store.read() as tx:
        names = account_names(tx)
    accounts: dict[str, Any] = {}
    for name in names:
        lines = charges(store, name)
        accounts[name] = {"charges": [asdict(line) for line in lines], **_sums(lines)}
    return {
        "accounts": accounts,
        "totals": _sums(charges(store)),
        "violations": violations(store),
    }


_SUMS = ("pending", "charged", "refunded", "disputed", "returned", "net", "fee")


def _sums(lines: list[ChargeLine]) -> dict[str, int]:
    sums = {f"{name}_cents": sum(getattr(line, f"{name}_cents") for line in lines) for name in _SUMS}
    return {
        "succeeded": sum(line.status == "succeeded" for line in lines),
        "pending": sum(line.status == "pending" for line in lines),
        "failed": sum(line.status == "failed" for line in lines),
        **sums,
    }


def text(book: dict[str, Any]) -> str:
    """The report for people: one line a charge, amounts in dollars."""
    lines: list[str] = []
    for name, account in book["accounts"].items():
        lines.append(f"account {name}")
        for charge in account["charges"]:
            reason = f" ({charge['failure_code']})" if charge["failure_code"] else ""
            lines.append(
                f"  {charge['payment_intent']}  payment {charge['payment'] or '-'}"
                f"  {_dollars(charge['amount_cents'])}  {charge['status']}{reason}"
                + ("" if charge["captured"] or reason else "  not captured")
            )
            lines.extend(_part("refund", refund) for refund in charge["refunds"])
            lines.extend(_part("dispute", dispute) for dispute in charge["disputes"])
        lines.append(f"  {_total(account)}")
    lines.append(f"all accounts: {_total(book['totals'])}")
    lines.append(f"contract violations: {len(book['violations'])}")
    lines.extend(
        f"  {violation['method']} {violation['path']}: {violation['message']}"
        for violation in book["violations"]
    )
    return "\n".join(lines)


def _part(kind: str, part: dict[str, Any]) -> str:
    reason = f" ({part['reason']})" if "reason" in part else ""
    return f"    {kind} {part[kind]}  {_dollars(part['amount_cents'])}  {part['status']}{reason}"


def _total(sums: dict[str, int]) -> str:
    counts = ", ".join(f"{sums[name]} {name}" for name in ("succeeded", "pending", "failed"))
    amounts = ", ".join(f"{name} {_dollars(sums[f'{name}_cents'])}" for name in _SUMS)
    return f"{counts}; {amounts}"


def _dollars(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def record_violation(
    tx: Transaction, *, account: str, at: int, method: str, path: str, error: ApiError
) -> None:
    tx.execute(
        "INSERT INTO violations (account, at, method, path, message, param) VALUES (?, ?, ?, ?, ?, ?)",
        *(account, at, method, path, error.error["message"], error.error.get("param")),
    )


def violations(store: Store) -> list[dict[str, Any]]:
    names = ("account", "at", "method", "path", "message", "param")
    with store.read() as tx:
        rows = tx.execute(
            "SELECT account, at, method, path, message, param FROM violations ORDER BY seq"
        )
        return [dict(zip(names, row, strict=True)) for row in rows]


def log_request(
    tx: Transaction,
    *,
    account: str,
    at: int,
    method: str,
    path: str,
    key: str | None,
    status: int,
    replayed: bool,
) -> None:
    tx.execute(
        "INSERT INTO requests (account, at, method, path, idempotency_key, status, replayed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(account, at, method, path, key, status, replayed),
    )


def requests(store: Store, account: str | None = None) -> list[dict[str, Any]]:
    names = ("account", "at", "method", "path", "idempotency_key", "status", "replayed")
    with store.read() as tx:
        rows = tx.execute(
            "SELECT account, at, method, path, idempotency_key, status, replayed FROM requests"
            " WHERE account LIKE ? ORDER BY seq",
            account or "%",
        )
        return [{**dict(zip(names, row, strict=True)), "replayed": bool(row[6])} for row in rows]
