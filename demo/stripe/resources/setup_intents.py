"""Setup intents: a card or bank account is saved, authenticated now so that it need not be later."""

from __future__ import annotations

from typing import Any

from demo.stripe import render
from demo.stripe.cards import Decline
from demo.stripe.ids import client_secret, new_id
from demo.stripe.render import public
from demo.stripe.resources import debits, intents, microdeposits, payment_methods
from demo.stripe.resources.common import assign, merge_metadata
from demo.stripe.routing import Call, Keys, route
from demo.stripe.store import Object

_CONFIRM = (
    "confirmation_token mandate_data payment_method payment_method_options return_url use_stripe_sdk"
)
_CREATE = (
    f"{_CONFIRM} allowed_payment_method_types automatic_payment_methods confirm customer "
    "description excluded_payment_method_types metadata usage"
)
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


@route("POST", "/v1/setup_intents", _CREATE)
def create(call: Call) -> Object:
    params = call.params
    intents.check_confirm_only(params)
    intents.check_method_options(params.get("payment_method_options"))
    intent_id = new_id("seti")
    intent: Object = {
        "id": intent_id,
        "object": "setup_intent",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "application": None,
        "automatic_payment_methods": intents.automatic_methods(params),
        "cancellation_reason": None,
        "client_secret": client_secret(intent_id),
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merge_metadata({}, params.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            },
            **_bank_options(params),
        },
        "payment_method_types": intents.method_types(params),
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage", "off_session"),
        "_return_url": params.get("return_url"),
    }
    assign(intent, params, ("description",))
    if params.get("customer"):
        intent["customer"] = call.load("customer", params["customer"], param="customer")["id"]
    if params.get("payment_method") and not params.get("confirm"):
        method = payment_methods.resolve(call, params["payment_method"])
        payment_methods.check_usable(method, intent["customer"])
        intent["payment_method"], intent["status"] = method["id"], "requires_confirmation"
    call.emit("setup_intent.created", intent)
    call.save(intent)
    return _confirm(call, intent) if params.get("confirm") else intent


def _bank_options(params: dict[str, Any]) -> dict[str, Any]:
    given = (params.get("payment_method_options") or {}).get(payment_methods.BANK)
    return {payment_methods.BANK: given} if given else {}


@route("GET", "/v1/setup_intents/{intent}", "client_secret", keys=Keys.EITHER)
def retrieve(call: Call) -> Object:
    return intents.load_intent(call, "setup_intent")


@route("POST", "/v1/setup_intents/{intent}/confirm", _CONFIRM, keys=Keys.EITHER)
def confirm(call: Call) -> Object:
    return _confirm(call, intents.load_intent(call, "setup_intent"))


def _confirm(call: Call, intent: Object) -> Object:
    intents.check_status(intent, OPEN, "confirm")
    options = intents.check_method_options(call.params.get("payment_method_options"))
    method = intents.choose_method(call, intent)
    intents.check_return_url(intent)
    if method["type"] == payment_methods.BANK:
        return debits.confirm_setup(call, intent, method)
    requested = options.get("card", {}).get("request_three_d_secure")
    if intents.needs_authentication(
        method, off_session=False, requested=requested in ("any", "challenge")
    ):
        intents.ask_for_authentication(call, intent, method)
        call.save(intent)
        call.emit("setup_intent.requires_action", intent)
        return intent
    decline = payment_methods.test_card(method).on_setup
    if decline is None:
        return _succeed(call, intent, method)
    _fail(call, intent, method, decline)
    raise payment_methods.card_error(
        decline, setup_intent=public(intent), payment_method=public(method)
    )


def authenticated(call: Call, intent: Object, *, passed: bool) -> Object:
    """The cardholder came back from the bank. A decline is then on the intent, not an error."""
    method = call.load("payment_method", intent["payment_method"])
    if not passed:
        intents.reset_after_failure(intent, intents.authentication_failure(intent, method))
        call.save(intent)
        call.emit("setup_intent.setup_failed", intent)
        return intent
    decline = payment_methods.test_card(method).on_setup
    if decline is None:
        return _succeed(call, intent, method)
    _fail(call, intent, method, decline)
    return intent


def _succeed(call: Call, intent: Object, method: Object) -> Object:
    method["_set_up"] = True
    call.save(method)
    if intent["customer"]:
        payment_methods.attach_to_customer(call, method, intent["customer"])
    intent.update(
        status="succeeded", payment_method=method["id"], next_action=None, last_setup_error=None
    )
    call.emit("setup_intent.succeeded", intent)
    return call.save(intent)


def _fail(call: Call, intent: Object, method: Object, decline: Decline) -> None:
    intents.reset_after_failure(intent, intents.decline_fields(decline, method, None))
    call.save(intent)
    call.emit("setup_intent.setup_failed", intent)


@route(
    "POST",
    "/v1/setup_intents/{intent}/verify_microdeposits",
    "amounts descriptor_code",
    keys=Keys.EITHER,
)
def verify_microdeposits(call: Call) -> Object:
    intent = intents.load_intent(call, "setup_intent")
    return debits.save(call, intent, microdeposits.verify(call, intent))


@route("POST", "/v1/setup_intents/{intent}/cancel", "cancellation_reason")
def cancel(call: Call) -> Object:
    intent = call.load("setup_intent", call.ids[0])
    intents.check_status(intent, OPEN, "cancel")
    intents.cancel(call, intent)
    call.emit("setup_intent.canceled", intent)
    return intent


@route(
    "GET",
    "/v1/setup_intents",
    "created customer ending_before limit payment_method starting_after",
)
def list_setup_intents(call: Call) -> Object:
    names = ("customer", "payment_method")
    where = {name: call.params[name] for name in names if name in call.params}
    return render.page(call.find("setup_intent", where), call.params, call.path)
