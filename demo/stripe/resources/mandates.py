"""Mandates: the payer's word that a bank account may be debited."""

from __future__ import annotations

from typing import Any

from demo.stripe.errors import ContractError, invalid
from demo.stripe.ids import new_id
from demo.stripe.routing import Call, route
from demo.stripe.store import Object


def accept(call: Call, method: Object, *, intent: Object, reusable: bool) -> Object:
    """The mandate for this confirmation: a new one, the one named, or the one given when saving.

    Raises ApiError (400) where the payer has agreed to nothing. A browser agrees by confirming.
    """
    given = call.params.get("mandate_data")
    if given or call.publishable:
        return _create(call, method, given or {}, intent=intent, reusable=reusable)
    mandate_id = call.params.get("mandate") or method.get("_mandate")
    if not mandate_id:
        raise ContractError(
            "Confirming with a us_bank_account PaymentMethod needs the customer's mandate: pass "
            "`mandate_data`, or the ID of a `mandate` that they have given.",
            code="parameter_missing",
            param="mandate_data",
        )
    mandate = call.load("mandate", mandate_id, param="mandate")
    if mandate["payment_method"] != method["id"] or mandate["status"] == "inactive":
        raise invalid(
            f"The mandate {mandate_id} is not active for this PaymentMethod. Collect a new mandate "
            "from your customer.",
            code=f"{intent['object']}_mandate_invalid",
            param="mandate",
        )
    return mandate


def _create(
    call: Call, method: Object, given: dict[str, Any], *, intent: Object, reusable: bool
) -> Object:
    acceptance = given.get("customer_acceptance") or {"type": "online"}
    online = acceptance.get("online") or {}
    if acceptance["type"] == "online" and not call.publishable:
        _insist_on_origin(online)
    mandate: Object = {
        "id": new_id("mandate"),
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": acceptance.get("accepted_at", call.now),
            "offline": {} if acceptance["type"] == "offline" else None,
            "online": (
                {"ip_address": online.get("ip_address"), "user_agent": online.get("user_agent")}
                if acceptance["type"] == "online"
                else None
            ),
            "type": acceptance["type"],
        },
        "livemode": False,
        "multi_use": {} if reusable else None,
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": {"type": "us_bank_account", "us_bank_account": {}},
        "single_use": (
            None if reusable else {"amount": intent["amount"], "currency": intent["currency"]}
        ),
        "status": "active" if method["_verified"] else "pending",
        "type": "multi_use" if reusable else "single_use",
    }
    return call.save(mandate)


def _insist_on_origin(online: dict[str, Any]) -> None:
    for name in ("ip_address", "user_agent"):
        if not online.get(name):
            param = f"mandate_data[customer_acceptance][online][{name}]"
            raise ContractError(
                f"Missing required param: {param}.", code="parameter_missing", param=param
            )


def set_status(call: Call, mandate_id: str | None, status: str) -> None:
    """`active` once the account is verified; `inactive` when used up or taken back."""
    mandate = call.tx.get(call.account, mandate_id or "", "mandate")
    if mandate is None or mandate["status"] == status:
        return
    mandate["status"] = status
    call.save(mandate)
    call.emit("mandate.updated", mandate)


def end_all_of(call: Call, method_id: str) -> None:
    """The payer's bank says that the debit was not authorized: no mandate of theirs holds."""
    for mandate in list(call.find("mandate", {"payment_method": method_id})):
        set_status(call, mandate["id"], "inactive")


@route("GET", "/v1/mandates/{mandate}")
def retrieve(call: Call) -> Object:
    return call.load("mandate", call.ids[0])
