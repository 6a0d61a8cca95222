"""The balance: what each movement added to it or took from it, what of it Stripe kept, and when.

Types, categories and signs: docs.stripe.com/reports/balance-transaction-types. A bank debit stands here
as `payment` from the day it is sent, pending until it settles; `payment_failure_refund` takes it back.
"""

from __future__ import annotations

from typing import Any

from demo.stripe import agenda, render
from demo.stripe.ach import business_days_later
from demo.stripe.errors import missing
from demo.stripe.ids import new_id
from demo.stripe.routing import Call, route
from demo.stripe.store import Object

DISPUTE_FEE_CENTS = 1500  # not given back, whoever wins
_CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payment_failure_refund": "charge_failure",
    "stripe_fee": "fee",
    "payout": "payout",
    "payout_failure": "payout_reversal",
}


def card_fee(cents: int) -> int:
    """2.9 % + 30 cents, half a cent rounded up (stripe.com/pricing)."""
    return (cents * 29 + 500) // 1000 + 30


def debit_fee(cents: int) -> int:
    """0.8 %, at most 5 dollars (stripe.com/pricing, ACH Direct Debit)."""
    return min((cents * 8 + 500) // 1000, 500)


def book(
    call: Call,
    kind: str,
    source: Object,
    cents: int,
    *,
    fee_cents: int = 0,
    available_on: int | None = None,
    category: str = "",
    held: bool = False,
) -> Object:
    """Put a movement of `cents` (negative: taken away) on the balance.

    `available_on` is when it can be paid out, at once unless given; a `held` one waits for `release`.
    """
    ready = call.now if available_on is None else available_on
    movement: Object = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": cents,
        "available_on": ready,
        "balance_type": "payments",
        "created": call.now,
        "currency": "usd",
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee_cents,
        "fee_details": fee_details(fee_cents, "Stripe processing fees"),
        "net": cents - fee_cents,
        "reporting_category": category or _CATEGORIES[kind],
        "source": source["id"],
        "status": "pending",
        "type": kind,
        "_payout": "",  # the payout that took it along
        "_held": held,
    }
    call.save(movement)
    if not held:
        release(call, movement, ready)
    return movement


def fee_details(cents: int, why: str) -> list[dict[str, Any]]:
    if not cents:
        return []
    return [
        {
            "amount": cents,
            "application": None,
            "currency": "usd",
            "description": why,
            "type": "stripe_fee",
        }
    ]


def release(call: Call, movement: Object, available_on: int) -> None:
    """Let a movement become available at that time, or now where the time has passed."""
    movement.update(available_on=available_on, _held=False)
    if available_on <= call.now:
        movement["status"] = "available"
    call.save(movement)
    agenda.schedule(call, "funds", call.account, max(available_on, _tomorrow(call.now)))


def _tomorrow(moment: int) -> int:
    """The next midnight, UTC: when automatic payouts are made."""
    return moment - moment % 86400 + 86400


def book_charge(call: Call, charge: Object, cents: int) -> None:
    """A card payment that was captured."""
    ready = business_days_later(call.now, agenda.pace(call.tx, "available_days"))
    movement = book(call, "charge", charge, cents, fee_cents=card_fee(cents), available_on=ready)
    charge["balance_transaction"] = movement["id"]


def book_debit(call: Call, charge: Object) -> None:
    """A bank debit on its way: counted, and held until the bank has answered."""
    cents = charge["amount"]
    ready = business_days_later(call.now, agenda.pace(call.tx, "settle_days"))
    fee = debit_fee(cents)
    movement = book(call, "payment", charge, cents, fee_cents=fee, available_on=ready, held=True)
    charge["balance_transaction"] = movement["id"]


def settle_debit(call: Call, charge: Object) -> None:
    """The bank paid: the money can be paid out."""
    release(call, call.load("balance_transaction", charge["balance_transaction"]), call.now)


def take_back_debit(call: Call, charge: Object) -> None:
    """The bank did not pay: the movement and its fee are undone by a second one."""
    first = call.load("balance_transaction", charge["balance_transaction"])
    release(call, first, call.now)
    undone = book(call, "payment_failure_refund", charge, -first["amount"], fee_cents=-first["fee"])
    charge["failure_balance_transaction"] = undone["id"]


def make_available(call: Call) -> None:
    """Everything whose time has come can be paid out from now on."""
    changed = False
    for movement in list(call.find("balance_transaction", {"status": "pending"})):
        if movement["available_on"] <= call.now and not movement["_held"]:
            call.save({**movement, "status": "available"})
            changed = True
    if changed:
        call.emit("balance.available", _balance(call))


def unpaid(call: Call) -> list[Object]:
    """Movements that can be paid out and have not been, oldest first."""
    found = call.find("balance_transaction", {"_payout": "", "status": "available"})
    return list(reversed(list(found)))


@route("GET", "/v1/balance")
def retrieve_balance(call: Call) -> Object:
    return _balance(call)


def _balance(call: Call) -> Object:
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for movement in call.find("balance_transaction", {"_payout": ""}):
        bank = movement["type"].startswith("payment")
        kinds = sums[movement["status"]]
        kind = "bank_account" if bank else "card"
        kinds[kind] = kinds.get(kind, 0) + movement["net"]
    return {
        "object": "balance",
        **{
            state: [{"amount": sum(kinds.values()), "currency": "usd", "source_types": kinds}]
            for state, kinds in sums.items()
        },
        "livemode": False,
    }


@route("GET", "/v1/balance_transactions/{id}")
def retrieve(call: Call) -> Object:
    return call.load("balance_transaction", call.ids[0])


@route(
    "GET",
    "/v1/balance_transactions",
    "created currency ending_before limit payout source starting_after type",
)
def list_balance_transactions(call: Call) -> Object:
    """Newest first. With `payout`, what that payout consists of, itself included, as Stripe has it."""
    names = ("currency", "source", "type")
    where: dict[str, Any] = {name: call.params[name] for name in names if name in call.params}
    if "payout" in call.params:
        payout = call.tx.get(call.account, call.params["payout"], "payout")
        if payout is None:
            raise missing("payout", call.params["payout"], param="payout", status=400)
        where["_payout"] = payout["id"]
    return render.page(call.find("balance_transaction", where), call.params, call.path)
