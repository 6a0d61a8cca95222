"""The independent witness: what this sandbox charged, refunded and was asked, from its own book."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from demo.stripe.errors import ApiError
from demo.stripe.store import Store, Transaction

PAYMENT_KEY = "payment"  # the metadata key under which the portal names its payment


@dataclass(frozen=True)
class RefundLine:
    refund: str
    amount_cents: int
    status: str


@dataclass(frozen=True)
class ChargeLine:
    """One charge. `charged_cents` is what was taken: 0 unless it succeeded and was captured."""

    account: str
    charge: str
    payment_intent: str
    payment: str | None
    amount_cents: int
    charged_cents: int
    refunded_cents: int
    status: str  # succeeded, pending or failed
    captured: bool
    failure_code: str | None
    created: int
    refunds: tuple[RefundLine, ...]


def charges(store: Store, account: str | None = None) -> list[ChargeLine]:
    with store.read() as tx:
        names = [account] if account else _accounts(tx)
        return [
            _line(tx, name, charge)
            for name in names
            for charge in reversed(list(tx.find(name, "charge")))
        ]


def _accounts(tx: Transaction) -> list[str]:
    return [name for (name,) in tx.execute("SELECT DISTINCT account FROM objects ORDER BY 1")]


def _line(tx: Transaction, account: str, charge: dict[str, Any]) -> ChargeLine:
    refunds = reversed(list(tx.find(account, "refund", {"charge": charge["id"]})))
    taken = charge["status"] == "succeeded" and charge["captured"]
    return ChargeLine(
        account=account,
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        payment=charge["metadata"].get(PAYMENT_KEY),
        amount_cents=charge["amount"],
        charged_cents=charge["amount_captured"] if taken else 0,
        refunded_cents=charge["amount_refunded"] if taken else 0,
        status=charge["status"],
        captured=charge["captured"],
        failure_code=charge["failure_code"],
        created=charge["created"],
        refunds=tuple(RefundLine(r["id"], r["amount"], r["status"]) for r in refunds),
    )


def summary(store: Store) -> dict[str, Any]:
    """Per account its charges and sums; over all, the totals and the contract violations."""
    with store.read() as tx:
        names = _accounts(tx)
    accounts: dict[str, Any] = {}
    for name in names:
        lines = charges(store, name)
        accounts[name] = {"charges": [asdict(line) for line in lines], **_sums(lines)}
    return {
        "accounts": accounts,
        "totals": _sums(charges(store)),
        "violations": violations(store),
    }


def _sums(lines: list[ChargeLine]) -> dict[str, int]:
    charged = sum(line.charged_cents for line in lines)
    refunded = sum(line.refunded_cents for line in lines)
    return {
        "succeeded": sum(line.status == "succeeded" for line in lines),
        "failed": sum(line.status == "failed" for line in lines),
        "charged_cents": charged,
        "refunded_cents": refunded,
        "net_cents": charged - refunded,
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
            lines.extend(
                f"    refund {refund['refund']}  {_dollars(refund['amount_cents'])}  {refund['status']}"
                for refund in charge["refunds"]
            )
        lines.append(f"  {_total(account)}")
    lines.append(f"all accounts: {_total(book['totals'])}")
    lines.append(f"contract violations: {len(book['violations'])}")
    lines.extend(
        f"  {violation['method']} {violation['path']}: {violation['message']}"
        for violation in book["violations"]
    )
    return "\n".join(lines)


def _total(sums: dict[str, int]) -> str:
    return (
        f"{sums['succeeded']} succeeded, {sums['failed']} failed, "
        f"charged {_dollars(sums['charged_cents'])}, refunded {_dollars(sums['refunded_cents'])}, "
        f"net {_dollars(sums['net_cents'])}"
    )


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
