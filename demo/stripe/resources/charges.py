"""Charges: what was asked of the bank, and what it answered. One attempt, one charge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from demo.stripe import agenda, cards, render
from demo.stripe.ach import Return, business_days_later
from demo.stripe.cards import Decline
from demo.stripe.ids import new_id
from demo.stripe.resources import balance, payment_methods
from demo.stripe.routing import Call, route
from demo.stripe.store import Object

STATEMENT_NAME = "KPPAY DEMO"


def attempt(
    call: Call, intent: Object, method: Object, *, decline: Decline | None, authenticated: bool
) -> Object:
    """Put a charge for this intent on the books: succeeded, or failed with the bank's reason."""
    captured = decline is None and intent["capture_method"] != "manual"
    charge = _charge(call, intent, method, "ch", "failed" if decline else "succeeded")
    charge.update(
        captured=captured,
        amount_captured=intent["amount"] if captured else 0,
        failure_code=decline.code if decline else None,
        failure_message=decline.message if decline else None,
        outcome=_outcome(decline),
        payment_method_details=_card_details(intent, method, authenticated),
    )
    if captured:
        balance.book_charge(call, charge, charge["amount_captured"])
        _dispute_later(call, charge, method)
    call.save(charge)
    call.emit("charge.failed" if decline else "charge.succeeded", charge)
    return charge


def _dispute_later(call: Call, charge: Object, method: Object) -> None:
    if payment_methods.test_card(method).dispute_reason:
        days = agenda.pace(call.tx, "dispute_days")
        agenda.schedule(call, "dispute", charge["id"], business_days_later(call.now, days))


def begin_debit(call: Call, intent: Object, method: Object, mandate: Object) -> Object:
    """Put a bank debit on the books: pending, until the bank has answered."""
    charge = _charge(call, intent, method, "py", "pending")
    account = method[payment_methods.BANK]
    names = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4")
    debit_day = datetime.fromtimestamp(business_days_later(call.now, 1), UTC).date()
    charge.update(
        captured=True,
        outcome=_outcome(None),
        payment_method_details={
            payment_methods.BANK: {
                **{name: account[name] for name in names},
                "expected_debit_date": debit_day.isoformat(),
                "mandate": mandate["id"],
                "payment_reference": None,
                "routing_number": account["routing_number"],
            },
            "type": payment_methods.BANK,
        },
    )
    balance.book_debit(call, charge)
    call.save(charge)
    call.emit("charge.pending", charge)
    return charge


def settle_debit(call: Call, charge: Object) -> None:
    charge.update(status="succeeded", paid=True, amount_captured=charge["amount"])
    balance.settle_debit(call, charge)
    call.save(charge)
    call.emit("charge.succeeded", charge)


def fail_debit(call: Call, charge: Object, why: Return) -> None:
    charge.update(
        status="failed",
        failure_code=why.failure_code,
        failure_message=why.message,
        outcome={
            **charge["outcome"],
            "network_decline_code": why.code,
            "network_status": "declined_by_network" if why.code else "not_sent_to_network",
            "reason": why.decline_code,
            "seller_message": why.message,
            "type": "issuer_declined" if why.code else "blocked",
        },
    )
    balance.take_back_debit(call, charge)
    call.save(charge)
    call.emit("charge.failed", charge)


def _charge(call: Call, intent: Object, method: Object, prefix: str, status: str) -> Object:
    """A charge with everything that does not depend on the kind of method; not yet saved."""
    charge: Object = {
        "id": new_id(prefix),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": STATEMENT_NAME,
        "captured": False,
        "created": call.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": None,
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": None,
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
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }
    intent["latest_charge"] = charge["id"]
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


def _card_details(intent: Object, method: Object, authenticated: bool) -> dict[str, Any]:
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


def bank_answer(call: Call, method: Object) -> Decline | None:
    """What the bank says to money from this card; None is yes."""
    if cards.is_past(method["card"], call.today):
        return cards.EXPIRED
    return payment_methods.test_card(method).on_charge


@route("GET", "/v1/charges/{charge}")
def retrieve(call: Call) -> Object:
    return call.load("charge", call.ids[0])


@route("GET", "/v1/charges", "created customer ending_before limit payment_intent starting_after")
def list_charges(call: Call) -> Object:
    names = ("customer", "payment_intent")
    where = {name: call.params[name] for name in names if name in call.params}
    return render.page(call.find("charge", where), call.params, call.path)
