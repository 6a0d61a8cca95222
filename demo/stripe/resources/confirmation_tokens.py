"""Confirmation tokens: what the payer chose in the browser, for our server to confirm with."""

from __future__ import annotations

from demo.stripe.errors import invalid
from demo.stripe.ids import new_id
from demo.stripe.render import public
from demo.stripe.resources.payment_methods import resolve
from demo.stripe.routing import Call, Keys, route
from demo.stripe.store import Object

LIFE_SECONDS = 12 * 3600  # docs.stripe.com/api/confirmation_tokens: expires after 12 hours


def issue(call: Call) -> Object:
    """Make a token from `payment_method`, a payment method that the iframe has just created."""
    method_id = call.params.get("payment_method")
    if not isinstance(method_id, str):
        raise invalid(
            "Missing required param: payment_method.",
            code="parameter_missing",
            param="payment_method",
        )
    method = resolve(call, method_id)
    seen = public(method)
    token: Object = {
        "id": new_id("ctoken"),
        "object": "confirmation_token",
        "created": call.now,
        "expires_at": call.now + LIFE_SECONDS,
        "livemode": False,
        "mandate_data": None,
        "payment_intent": None,
        "payment_method_options": {"card": {"cvc_token": None}},
        "payment_method_preview": {
            "allow_redisplay": seen["allow_redisplay"],
            "billing_details": seen["billing_details"],
            seen["type"]: seen[seen["type"]],
            "customer": seen["customer"],
            "type": seen["type"],
        },
        "return_url": call.params.get("return_url"),
        "setup_future_usage": call.params.get("setup_future_usage"),
        "setup_intent": None,
        "shipping": None,
        "use_stripe_sdk": True,
        "_payment_method": method["id"],
    }
    return call.save(token)


@route(
    "POST",
    "/v1/confirmation_tokens",
    "payment_method return_url setup_future_usage",
    keys=Keys.BROWSER,
)
def create_in_browser(call: Call) -> Object:
    return issue(call)


@route(
    "POST",
    "/v1/test_helpers/confirmation_tokens",
    "payment_method return_url setup_future_usage",
)
def create_in_test(call: Call) -> Object:
    return issue(call)


@route("GET", "/v1/confirmation_tokens/{confirmation_token}")
def retrieve(call: Call) -> Object:
    return call.load("confirmation_token", call.ids[0])


def redeem(call: Call, token_id: str, intent: Object) -> Object:
    """Use a token up for this intent. Raises ApiError (400) when it was used or has expired."""
    token = call.load("confirmation_token", token_id, param="confirmation_token")
    if token["payment_intent"] or token["setup_intent"]:
        raise invalid(
            f"The ConfirmationToken {token_id} has already been used and may not be used again.",
            param="confirmation_token",
        )
    if token["expires_at"] <= call.now:
        raise invalid(f"The ConfirmationToken {token_id} has expired.", param="confirmation_token")
    if intent["object"] == "payment_intent":
        wanted, chosen = intent["setup_future_usage"], token["setup_future_usage"]
        if wanted and chosen and wanted != chosen:
            raise invalid(
                "The setup_future_usage of the ConfirmationToken does not match that of the "
                "PaymentIntent.",
                param="confirmation_token",
            )
    token[intent["object"]] = intent["id"]
    token["expires_at"] = None
    return call.save(token)
