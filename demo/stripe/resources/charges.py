"""Charges: what was asked of the bank, and what it answered. One attempt, one charge."""

from __future__ import annotations

from typing import Any

from demo.stripe import render
from demo.stripe.cards import Decline
from demo.stripe.ids import new_id
from demo.stripe.resources import payment_methods
from demo.stripe.routing import Call, route
from demo.stripe.store import Object

STATEMENT_NAME = "KPPAY DEMO"


def attempt(
    call: Call, intent: Object, method: Object, *, decline: Decline | None, authenticated: bool
) -> Object:
    """Put a charge for this intent on the books: succeeded, or failed with the bank's reason."""
    captured = decline is None and intent["capture_method"] != "manual"
    charge: Object = {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": STATEMENT_NAME,
        "captured": captured,
        "created": call.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(intent, method, authenticated),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if decline else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }
    call.save(charge)
    intent["latest_charge"] = charge["id"]
    call.emit("charge.failed" if decline else "charge.succeeded", charge)
    return charge


def _outcome(decline: Decline | None) -> dict[str, Any]:
    if decline is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "advice_code": decline.advice,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network",
        "reason": decline.decline_code or decline.code,
        "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _details(intent: Object, method: Object, authenticated: bool) -> dict[str, Any]:
    card = method["card"]
    shared = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    secure = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
    return {
        "card": {
            **{name: card[name] for name in shared},
            "amount_authorized": intent["amount"],
            "authorization_code": None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "last4": card["last4"],
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
            "regulated_status": card["regulated_status"],
            "three_d_secure": secure if authenticated else None,
            "wallet": None,
        },
        "type": "card",
    }


def bank_answer(method: Object) -> Decline | None:
    """What the bank says to money from this method; None is yes."""
    return payment_methods.test_card(method).on_charge


@route("GET", "/v1/charges/{charge}")
def retrieve(call: Call) -> Object:
    return call.load("charge", call.ids[0])


@route("GET", "/v1/charges", "created customer ending_before limit payment_intent starting_after")
def list_charges(call: Call) -> Object:
    names = ("customer", "payment_intent")
    where = {name: call.params[name] for name in names if name in call.params}
    return render.page(call.find("charge", where), call.params, call.path)
