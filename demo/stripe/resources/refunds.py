"""Refunds: never more than was captured, however often and from wherever they are asked for."""

from __future__ import annotations

from demo.stripe import render
from demo.stripe.errors import invalid
from demo.stripe.ids import new_id
from demo.stripe.resources.common import merge_metadata
from demo.stripe.routing import Call, route
from demo.stripe.store import Object


@route("POST", "/v1/refunds", "amount charge metadata payment_intent reason")
def create(call: Call) -> Object:
    charge = _charge(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = call.params.get("amount", left)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(f"Charge {charge['id']} has no captured payment to refund.", param="charge")
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
    refund: Object = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": merge_metadata({}, call.params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
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


@route("GET", "/v1/refunds/{refund}")
def retrieve(call: Call) -> Object:
    return call.load("refund", call.ids[0])


@route("GET", "/v1/refunds", "charge created ending_before limit payment_intent starting_after")
def list_refunds(call: Call) -> Object:
    names = ("charge", "payment_intent")
    where = {name: call.params[name] for name in names if name in call.params}
    return render.page(call.find("refund", where), call.params, call.path)
