"""Payment methods: made in the iframe from a test number, attached, listed, detached."""

from __future__ import annotations

from typing import Any

from demo.stripe import cards, render
from demo.stripe.cards import TestCard
from demo.stripe.errors import ApiError, CardError, invalid, not_simulated
from demo.stripe.ids import new_id
from demo.stripe.resources.common import merge_metadata, whole_address
from demo.stripe.routing import Call, Keys, route
from demo.stripe.store import Object


@route(
    "POST",
    "/v1/payment_methods",
    "allow_redisplay billing_details card metadata type",
    keys=Keys.EITHER,
)
def create(call: Call) -> Object:
    """From a number with the publishable key (the iframe), from `card[token]` with the secret."""
    if call.params.get("type") != "card":
        raise not_simulated("payment methods other than cards")
    given = call.params.get("card") or {}
    if "token" in given:
        card = cards.BY_TOKEN.get(given["token"].replace("tok_", "pm_card_", 1))
        if card is None:
            raise invalid(f"No such token: '{given['token']}'", code="resource_missing")
        return _from_test_card(call, card)
    for name in ("number", "exp_month", "exp_year"):
        if name not in given:
            raise invalid(
                f"Missing required param: card[{name}].",
                code="parameter_missing",
                param=f"card[{name}]",
            )
    card = cards.read_card(given, call.today)
    return _create(call, card, int(given["exp_month"]), int(given["exp_year"]), cvc="cvc" in given)


def _from_test_card(call: Call, card: TestCard) -> Object:
    return _create(call, card, 12, call.today.year + 3, cvc=True)


def _create(call: Call, card: TestCard, month: int, year: int, *, cvc: bool) -> Object:
    billing = call.params.get("billing_details") or {}
    method: Object = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": call.params.get("allow_redisplay", "unspecified"),
        "billing_details": {
            "address": whole_address(billing.get("address") or {"city": None}),
            "email": billing.get("email") or None,
            "name": billing.get("name") or None,
            "phone": billing.get("phone") or None,
            "tax_id": None,
        },
        "card": cards.card_object(call.account, card, month, year, cvc=cvc),
        "created": call.now,
        "customer": None,
        "livemode": False,
        "metadata": merge_metadata({}, call.params.get("metadata")),
        "type": "card",
        "_test_card": card.token,
        "_used": False,  # paid with once, or detached: without a customer it is spent
        "_set_up": False,  # the cardholder authenticated it for later use
    }
    return call.save(method)


def test_card(method: Object) -> TestCard:
    return cards.BY_TOKEN[method["_test_card"]]


def resolve(call: Call, method_id: str, *, param: str = "payment_method") -> Object:
    """A payment method by id, or a fresh one for Stripe's test names such as `pm_card_visa`."""
    if method_id in cards.BY_TOKEN and not call.publishable:
        return _from_test_card(call, cards.BY_TOKEN[method_id])
    return call.load("payment_method", method_id, param=param)


def check_usable(method: Object, customer: str | None) -> None:
    """Refuse another customer's payment method, and one that is spent. Raises ApiError (400)."""
    if method["customer"] and method["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {method['id']}. The payment "
            "method must be attached to the customer.",
            param="payment_method",
        )
    if method["_used"] and not method["customer"]:
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first.",
            param="payment_method",
        )


def attach_to_customer(call: Call, method: Object, customer: str) -> None:
    if method["customer"] != customer:
        method["customer"] = customer
        call.save(method)
        call.emit("payment_method.attached", method)


def detach_from_customer(call: Call, method: Object) -> None:
    method["customer"], method["_used"] = None, True
    call.save(method)
    call.emit("payment_method.detached", method)


def card_error(decline: cards.Decline, **extra: Any) -> CardError:
    return CardError(
        decline.message,
        code=decline.code,
        decline_code=decline.decline_code,
        advice_code=decline.advice,
        **extra,
    )


@route("GET", "/v1/payment_methods/{payment_method}")
def retrieve(call: Call) -> Object:
    return call.load("payment_method", call.ids[0])


@route("POST", "/v1/payment_methods/{payment_method}/attach", "customer")
def attach(call: Call) -> Object:
    if "customer" not in call.params:
        raise invalid("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.load("customer", call.params["customer"], param="customer")
    method = resolve(call, call.ids[0])
    if method["customer"] not in (None, customer["id"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    check_usable(method, customer["id"])
    decline = test_card(method).on_setup
    if decline:
        raise card_error(decline)
    attach_to_customer(call, method, customer["id"])
    return method


@route("POST", "/v1/payment_methods/{payment_method}/detach")
def detach(call: Call) -> Object:
    method = call.load("payment_method", call.ids[0])
    if not method["customer"]:
        raise ApiError(
            400,
            "invalid_request_error",
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
        )
    detach_from_customer(call, method)
    return method


@route(
    "GET",
    "/v1/payment_methods",
    "allow_redisplay customer ending_before limit starting_after type",
)
def list_payment_methods(call: Call) -> Object:
    if "customer" not in call.params:
        raise not_simulated("listing payment methods without a customer")
    return list_of_customer(call, call.params["customer"])


def list_of_customer(call: Call, customer_id: str) -> Object:
    call.load("customer", customer_id, param="customer")
    where: dict[str, Any] = {"customer": customer_id}
    where |= {name: call.params[name] for name in ("type", "allow_redisplay") if name in call.params}
    methods = call.find("payment_method", where)
    return render.page(methods, call.params, call.path)
