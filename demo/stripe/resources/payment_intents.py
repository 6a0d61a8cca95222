"""Payment intents: created, confirmed, authenticated, captured, canceled, searched."""

from __future__ import annotations

from typing import Any

from demo.stripe import render
from demo.stripe.cards import NEEDS_AUTHENTICATION, Decline
from demo.stripe.errors import invalid, not_simulated
from demo.stripe.ids import client_secret, new_id
from demo.stripe.render import public
from demo.stripe.resources import balance, charges, debits, intents, microdeposits, payment_methods
from demo.stripe.resources.common import assign, merge_metadata
from demo.stripe.resources.search import matches
from demo.stripe.routing import Call, Keys, route
from demo.stripe.store import Object

MIN_CENTS, MAX_CENTS = 50, 99_999_999  # docs.stripe.com/currencies: minimum and maximum, usd

_TEXTS = ("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix")
_UPDATE = (
    "amount currency customer description metadata payment_method payment_method_options "
    "receipt_email setup_future_usage statement_descriptor statement_descriptor_suffix"
)
_CONFIRM = (
    "confirmation_token error_on_requires_action mandate mandate_data off_session payment_method "
    "payment_method_options return_url setup_future_usage use_stripe_sdk"
)
_CREATE = (
    f"{_UPDATE} {_CONFIRM} allowed_payment_method_types automatic_payment_methods capture_method "
    "confirm excluded_payment_method_types"
)
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


@route("POST", "/v1/payment_intents", _CREATE)
def create(call: Call) -> Object:
    params = call.params
    intents.check_confirm_only(params)
    _check_money(params)
    intent_id = new_id("pi")
    intent: Object = {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": intents.automatic_methods(params),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": client_secret(intent_id),
        "confirmation_method": "automatic",
        "created": call.now,
        "currency": params["currency"],
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": intents.method_types(params),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_return_url": params.get("return_url"),
        "_off_session": False,
    }
    _apply(call, intent)
    call.emit("payment_intent.created", intent)
    call.save(intent)
    return _confirm(call, intent) if params.get("confirm") else intent


def _check_money(params: dict[str, Any]) -> None:
    if params.get("currency", "usd").lower() != "usd":
        raise not_simulated("currencies other than usd")
    amount = params.get("amount")
    if amount is None:
        return
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount < MIN_CENTS:
        raise invalid("Amount must be at least $0.50 usd", code="amount_too_small", param="amount")
    if amount > MAX_CENTS:
        raise invalid(
            "Amount must be no more than $999,999.99", code="amount_too_large", param="amount"
        )


def _apply(call: Call, intent: Object) -> None:
    """Write the parameters that creation and update share onto the intent."""
    params = call.params
    assign(intent, params, (*_TEXTS, "setup_future_usage"))
    intent["metadata"] = merge_metadata(intent["metadata"], params.get("metadata"))
    intent["amount"] = params.get("amount", intent["amount"])
    options = intents.check_method_options(params.get("payment_method_options"))
    intent["payment_method_options"] = {**intent["payment_method_options"], **options}
    if params.get("customer"):
        intent["customer"] = call.load("customer", params["customer"], param="customer")["id"]
    if params.get("payment_method") and not params.get("confirm"):
        method = payment_methods.resolve(call, params["payment_method"])
        payment_methods.check_usable(method, intent["customer"])
        intent["payment_method"], intent["status"] = method["id"], "requires_confirmation"


@route("POST", "/v1/payment_intents/{intent}", _UPDATE)
def update(call: Call) -> Object:
    intent = call.load("payment_intent", call.ids[0])
    if set(call.params) - {"metadata", "description"}:
        intents.check_status(intent, OPEN, "update")
    _check_money(call.params)
    _apply(call, intent)
    return call.save(intent)


@route("GET", "/v1/payment_intents/{intent}", "client_secret", keys=Keys.EITHER)
def retrieve(call: Call) -> Object:
    return intents.load_intent(call, "payment_intent")


@route("POST", "/v1/payment_intents/{intent}/confirm", _CONFIRM, keys=Keys.EITHER)
def confirm(call: Call) -> Object:
    return _confirm(call, intents.load_intent(call, "payment_intent"))


def _confirm(call: Call, intent: Object) -> Object:
    params = call.params
    intents.check_status(intent, OPEN, "confirm")
    if params.get("setup_future_usage"):
        intent["setup_future_usage"] = params["setup_future_usage"]
    options = intents.check_method_options(params.get("payment_method_options"))
    intent["payment_method_options"] = {**intent["payment_method_options"], **options}
    method = intents.choose_method(call, intent)
    intents.check_return_url(intent)
    intent["_off_session"] = bool(params.get("off_session"))
    if method["type"] == payment_methods.BANK:
        return debits.confirm_payment(call, intent, method)
    requested = intent["payment_method_options"].get("card", {}).get("request_three_d_secure")
    wants_authentication = intents.needs_authentication(
        method,
        off_session=intent["_off_session"],
        requested=requested in ("any", "challenge"),
    )
    if not wants_authentication:
        return _charge(call, intent, method, authenticated=False)
    if intent["_off_session"] or params.get("error_on_requires_action"):
        _decline(call, intent, method, NEEDS_AUTHENTICATION, authenticated=False)
    intents.ask_for_authentication(call, intent, method)
    call.save(intent)
    call.emit("payment_intent.requires_action", intent)
    return intent


def authenticated(call: Call, intent: Object, *, passed: bool) -> Object:
    """The cardholder came back from the bank. A decline is then on the intent, not an error."""
    method = call.load("payment_method", intent["payment_method"])
    if not passed:
        intents.reset_after_failure(intent, intents.authentication_failure(intent, method))
        call.save(intent)
        call.emit("payment_intent.payment_failed", intent)
        return intent
    decline = charges.bank_answer(call, method)
    if decline:
        _record_decline(call, intent, method, decline, authenticated=True)
        return intent
    return _charge(call, intent, method, authenticated=True)


def _charge(call: Call, intent: Object, method: Object, *, authenticated: bool) -> Object:
    """Ask the bank. Raises CardError (402) when it says no."""
    decline = charges.bank_answer(call, method)
    if decline:
        _decline(call, intent, method, decline, authenticated=authenticated)
    charges.attempt(call, intent, method, decline=None, authenticated=authenticated)
    intent.update(payment_method=method["id"], next_action=None, last_payment_error=None)
    payment_methods.keep(call, method, intent)
    if intent["capture_method"] == "manual":
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        call.emit("payment_intent.amount_capturable_updated", intent)
    else:
        intent.update(status="succeeded", amount_received=intent["amount"])
        call.emit("payment_intent.succeeded", intent)
    return call.save(intent)


def _record_decline(
    call: Call, intent: Object, method: Object, decline: Decline, *, authenticated: bool
) -> Object:
    charge = charges.attempt(call, intent, method, decline=decline, authenticated=authenticated)
    intents.reset_after_failure(intent, intents.decline_fields(decline, method, charge["id"]))
    call.save(intent)
    call.emit("payment_intent.payment_failed", intent)
    return charge


def _decline(
    call: Call, intent: Object, method: Object, decline: Decline, *, authenticated: bool
) -> None:
    charge = _record_decline(call, intent, method, decline, authenticated=authenticated)
    raise payment_methods.card_error(
        decline,
        charge=charge["id"],
        payment_intent=public(intent),
        payment_method=public(method),
    )


@route("POST", "/v1/payment_intents/{intent}/cancel", "cancellation_reason")
def cancel(call: Call) -> Object:
    intent = call.load("payment_intent", call.ids[0])
    intents.check_status(intent, (*OPEN, "requires_capture"), "cancel")
    if intent["status"] == "requires_capture":  # the hold on the card is given back
        charge = call.load("charge", intent["latest_charge"])
        charge.update(refunded=True, amount_refunded=charge["amount"])
        call.save(charge)
        call.emit("charge.refunded", charge)
        intent["amount_capturable"] = 0
    intents.cancel(call, intent)
    call.emit("payment_intent.canceled", intent)
    return intent


@route("POST", "/v1/payment_intents/{intent}/capture", "amount_to_capture metadata")
def capture(call: Call) -> Object:
    intent = call.load("payment_intent", call.ids[0])
    intents.check_status(intent, ("requires_capture",), "capture")
    held: int = intent["amount_capturable"]
    amount: int = call.params.get("amount_to_capture", held)
    if not 1 <= amount <= held:
        raise invalid(
            f"The remaining amount available to capture for this PaymentIntent is "
            f"{held}, but you attempted to capture {amount}.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    intent["metadata"] = merge_metadata(intent["metadata"], call.params.get("metadata"))
    charge = call.load("charge", intent["latest_charge"])
    charge.update(captured=True, amount_captured=amount)
    balance.book_charge(call, charge, amount)
    call.save(charge)
    call.emit("charge.captured", charge)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    call.emit("payment_intent.succeeded", intent)
    return call.save(intent)


@route(
    "POST",
    "/v1/payment_intents/{intent}/verify_microdeposits",
    "amounts descriptor_code",
    keys=Keys.EITHER,
)
def verify_microdeposits(call: Call) -> Object:
    intent = intents.load_intent(call, "payment_intent")
    return debits.send(call, intent, microdeposits.verify(call, intent))


@route("GET", "/v1/payment_intents", "created customer ending_before limit starting_after")
def list_payment_intents(call: Call) -> Object:
    where = {"customer": call.params["customer"]} if "customer" in call.params else None
    return render.page(call.find("payment_intent", where), call.params, call.path)


@route("GET", "/v1/payment_intents/search", "limit page query")
def search(call: Call) -> Object:
    found = matches(call.find("payment_intent"), call.params["query"])
    limit = call.params.get("limit", render.DEFAULT_PAGE)
    start = int(call.params.get("page", "0")) if call.params.get("page", "0").isdigit() else 0
    window = found[start : start + limit]
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "url": call.path,
        "has_more": more,
        "next_page": str(start + limit) if more else None,
        "data": [public(intent) for intent in window],
    }
