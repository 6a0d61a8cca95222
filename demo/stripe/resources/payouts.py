"""Payouts: every midnight (UTC) what is available goes to our bank account, when it is above zero."""

from __future__ import annotations

from demo.stripe import agenda, render
from demo.stripe.ach import business_days_later
from demo.stripe.ids import new_id
from demo.stripe.resources import balance
from demo.stripe.routing import Call, route
from demo.stripe.store import Object


@agenda.act("funds")
def pay_out_what_is_available(call: Call, account: str) -> None:
    balance.make_available(call)
    create(call)


def create(call: Call) -> Object | None:
    """Pay out everything that is available; None where that is nothing, or less."""
    parts = balance.unpaid(call)
    cents = sum(part["net"] for part in parts)
    if cents <= 0:
        return None
    payout: Object = {
        "id": new_id("po"),
        "object": "payout",
        "amount": cents,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": business_days_later(call.now, agenda.pace(call.tx, "arrival_days")),
        "automatic": True,
        "balance_transaction": None,
        "created": call.now,
        "currency": "usd",
        "description": "STRIPE PAYOUT",
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": None,
        "type": "bank_account",
    }
    for part in parts:
        call.save({**part, "_payout": payout["id"]})
    movement = balance.book(call, "payout", payout, -cents)
    call.save({**movement, "_payout": payout["id"]})
    payout["balance_transaction"] = movement["id"]
    call.emit("payout.created", payout)
    call.emit("payout.reconciliation_completed", payout)
    agenda.schedule(call, "payout_arrives", payout["id"], payout["arrival_date"])
    return call.save(payout)


@agenda.act("payout_arrives")
def arrive(call: Call, payout_id: str) -> None:
    payout = call.load("payout", payout_id)
    if payout["status"] == "pending":
        payout["status"] = "paid"
        call.save(payout)
        call.emit("payout.paid", payout)


def fail(call: Call, payout: Object) -> Object:
    """Our bank sent it back: the money is on the balance again, and goes with the next payout."""
    movement = balance.book(call, "payout_failure", payout, payout["amount"])
    payout.update(
        status="failed",
        failure_code="could_not_process",
        failure_message="The bank could not process this payout.",
        failure_balance_transaction=movement["id"],
    )
    call.emit("payout.failed", payout)
    return call.save(payout)


@route("GET", "/v1/payouts/{payout}")
def retrieve(call: Call) -> Object:
    return call.load("payout", call.ids[0])


@route("GET", "/v1/payouts", "arrival_date created ending_before limit starting_after status")
def list_payouts(call: Call) -> Object:
    where = {"status": call.params["status"]} if "status" in call.params else None
    wanted = call.params.get("arrival_date")
    found = (
        payout for payout in call.find("payout", where) if render.within(payout["arrival_date"], wanted)
    )
    return render.page(found, call.params, call.path)
