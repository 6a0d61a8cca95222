"""Refunds: never more than was captured, however often and from wherever they are asked for."""

from __future__ import annotations

from typing import Any

from demo.stripe import agenda, cards, render
from demo.stripe.ach import business_days_later
from demo.stripe.errors import invalid
from demo.stripe.ids import new_id
from demo.stripe.resources import balance, disputes, payment_methods
from demo.stripe.resources.common import merge_metadata
from demo.stripe.routing import Call, route
from demo.stripe.store import Object

BOUNCED = "expired_or_canceled_card"


@route("POST", "/v1/refunds", "amount charge metadata payment_intent reason")
def create(call: Call) -> Object:
    charge = _charge(call)
    amount = _amount(call, charge)
    way = _way(call, charge)
    refund: Object = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "destination_details": _destination(charge),
        "metadata": merge_metadata({}, call.params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if way is cards.Refund.LATER else "succeeded",
        "transfer_reversal": None,
        "_bounces": way is cards.Refund.BOUNCES,
    }
    if refund["status"] == "pending":
        refund["pending_reason"] = "processing"
    _take_from_balance(call, refund, charge)
    if way is not cards.Refund.AT_ONCE:
        at = business_days_later(call.now, agenda.pace(call.tx, "refund_days"))
        agenda.schedule(call, "refund", refund["id"], at)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    call.save(charge)
    call.emit("refund.created", refund)
    call.emit("charge.refunded", charge)
    return call.save(refund)


def _charge(call: Call) -> Object:
    if "charge" in call.params:
        return call.load("charge", call.params["charge"], param="charge")
    if "payment_intent" not in call.params:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
        )
    intent = call.load("payment_intent", call.params["payment_intent"], param="payment_intent")
    if not intent["latest_charge"] or intent["status"] != "succeeded":
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return call.load("charge", intent["latest_charge"], param="payment_intent")


def _amount(call: Call, charge: Object) -> int:
    """The cents to give back. Raises ApiError (400) for more than is left, and while disputed."""
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    amount: int = call.params.get("amount", left)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(f"Charge {charge['id']} has no captured payment to refund.", param="charge")
    if charge["disputed"] and not _won_back(call, charge):
        raise invalid(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left == 0:
        raise invalid(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if amount < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise invalid(
            f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge "
            f"(${left / 100:.2f})",
            param="amount",
        )
    return amount


def _won_back(call: Call, charge: Object) -> bool:
    dispute = disputes.of_charge(call, charge["id"])
    return dispute is not None and dispute["status"] == "won"


def _is_bank(charge: Object) -> bool:
    return bool(charge["payment_method_details"]["type"] == payment_methods.BANK)


def _way(call: Call, charge: Object) -> cards.Refund:
    if _is_bank(charge):
        return cards.Refund.LATER
    return payment_methods.test_card(call.load("payment_method", charge["payment_method"])).refund


def _destination(charge: Object) -> dict[str, Any]:
    if _is_bank(charge):
        return {"type": "us_bank_transfer", "us_bank_transfer": {"reference_status": "pending"}}
    card = {
        "reference_status": "pending",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    return {"card": card, "type": "card"}


def _take_from_balance(call: Call, refund: Object, charge: Object) -> None:
    kind = "payment_refund" if _is_bank(charge) else "refund"
    movement = balance.book(call, kind, refund, -refund["amount"])
    refund["balance_transaction"] = movement["id"]


@agenda.act("refund")
def finish(call: Call, refund_id: str) -> None:
    """A refund that was under way arrives, or comes back."""
    refund = call.load("refund", refund_id)
    if refund["_bounces"] and refund["status"] == "succeeded":
        fail(call, refund, BOUNCED)
    elif refund["status"] == "pending":
        succeed(call, refund)


def succeed(call: Call, refund: Object) -> Object:
    """It arrived. Raises ValueError for a refund that is not under way."""
    if refund["status"] != "pending":
        raise ValueError(f"this refund is not under way: {refund['status']}")
    refund["status"] = "succeeded"
    refund.pop("pending_reason", None)
    call.emit("refund.updated", refund)
    return call.save(refund)


def fail(call: Call, refund: Object, reason: str) -> Object:
    """The payer's bank did not take it: the money is ours again, and can be refunded another way.

    Raises ValueError for a refund that failed before.
    """
    if refund["status"] not in ("pending", "succeeded"):
        raise ValueError(f"this refund cannot fail any more: {refund['status']}")
    movement = balance.book(call, "refund_failure", refund, refund["amount"])
    refund.pop("pending_reason", None)
    refund.update(status="failed", failure_reason=reason, failure_balance_transaction=movement["id"])
    call.save(refund)
    charge = call.load("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    call.save(charge)
    call.emit("refund.updated", refund)
    call.emit("refund.failed", refund)
    return refund


@route("GET", "/v1/refunds/{refund}")
def retrieve(call: Call) -> Object:
    return call.load("refund", call.ids[0])


@route("GET", "/v1/refunds", "charge created ending_before limit payment_intent starting_after")
def list_refunds(call: Call) -> Object:
    names = ("charge", "payment_intent")
    where = {name: call.params[name] for name in names if name in call.params}
    return render.page(call.find("refund", where), call.params, call.path)
