"""What payment intents and setup intents share: methods, authentication, states, secrets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from demo.stripe import cards
from demo.stripe.cards import Authentication
from demo.stripe.errors import ApiError, ContractError, IntentFailed, invalid, missing, not_simulated
from demo.stripe.ids import new_id
from demo.stripe.render import public
from demo.stripe.resources import confirmation_tokens, payment_methods
from demo.stripe.routing import Call
from demo.stripe.store import Object

SUPPORTED_TYPES = ("card", payment_methods.BANK)

# docs.stripe.com/api/payment_intents/create: parameters that mean something only with confirm=true.
CONFIRM_ONLY = frozenset(
    {
        "error_on_requires_action",
        "mandate",
        "mandate_data",
        "off_session",
        "return_url",
        "use_stripe_sdk",
    }
)


def load_intent(call: Call, kind: str) -> Object:
    """The intent in the path; with a publishable key only against its own client secret."""
    intent = call.load(kind, call.ids[0])
    if call.publishable and call.client_secret != intent["client_secret"]:
        raise missing(kind, call.ids[0], param="intent")
    return intent


def check_confirm_only(params: dict[str, Any]) -> None:
    if not params.get("confirm"):
        for name in sorted(CONFIRM_ONLY & params.keys()):
            raise ContractError(
                f"You may only specify {name} when also specifying confirm=true.", param=name
            )


def method_types(params: dict[str, Any]) -> list[str]:
    """The types this intent may be paid with, most preferred first. Raises ApiError (400)."""
    allowed = params.get("allowed_payment_method_types") or SUPPORTED_TYPES
    excluded = params.get("excluded_payment_method_types") or ()
    types = [name for name in SUPPORTED_TYPES if name in allowed and name not in excluded]
    if params.get("capture_method") == "manual" and payment_methods.BANK in types:
        types.remove(payment_methods.BANK)  # a debit cannot be held
    if not types:
        raise invalid(
            "No valid payment method types for this intent. The demo sandbox simulates: "
            + ", ".join(SUPPORTED_TYPES)
            + ".",
            param="allowed_payment_method_types",
        )
    return types


def automatic_methods(params: dict[str, Any]) -> dict[str, Any] | None:
    given = params.get("automatic_payment_methods") or {"enabled": True}
    if not given.get("enabled"):
        return None
    return {"allow_redirects": given.get("allow_redirects", "always"), "enabled": True}


_METHOD_OPTIONS = {
    "card": frozenset({"request_three_d_secure"}),
    payment_methods.BANK: frozenset({"verification_method"}),
}


def check_method_options(options: Any) -> dict[str, Any]:
    """Of `payment_method_options`, the request for 3-D Secure and the way to verify are simulated."""
    for kind, given in (options or {}).items():
        if set(given or ()) - _METHOD_OPTIONS.get(kind, frozenset()):
            raise not_simulated(f"these payment_method_options for '{kind}'")
    return options or {}


def choose_method(call: Call, intent: Object) -> Object:
    """The payment method to confirm with: given, from a confirmation token, or already there."""
    token_id = call.params.get("confirmation_token")
    if token_id:
        token = confirmation_tokens.redeem(call, token_id, intent)
        chosen = call.params.get("payment_method") or token["_payment_method"]
        if token["setup_future_usage"] and "setup_future_usage" in intent:
            intent["setup_future_usage"] = token["setup_future_usage"]
        intent["_return_url"] = call.params.get("return_url") or token["return_url"]
    else:
        chosen = call.params.get("payment_method") or intent["payment_method"]
        intent["_return_url"] = call.params.get("return_url") or intent.get("_return_url")
    if not chosen:
        raise unexpected_state(
            intent,
            f"You cannot confirm this {_name(intent)} because it's missing a payment method. You "
            f"can either update the {_name(intent)} with a payment method and then confirm it "
            "again, or confirm it again directly with a payment method or ConfirmationToken.",
        )
    method = payment_methods.resolve(call, chosen)
    payment_methods.check_usable(method, intent["customer"])
    if method["type"] not in intent["payment_method_types"]:
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this {_name(intent)}.",
            param="payment_method",
        )
    return method


def check_return_url(intent: Object) -> None:
    """Methods that redirect are on unless refused, and then Stripe insists on a way back."""
    automatic = intent["automatic_payment_methods"]
    redirects = automatic and automatic["allow_redirects"] == "always"
    if redirects and not intent["allowed_payment_method_types"] and not intent["_return_url"]:
        raise ContractError(
            f"This {_name(intent)} is configured to accept payment methods enabled in your "
            "Dashboard. Because some of these payment methods might redirect your customer off of "
            "your page, you must provide a `return_url`. If you don't want to accept redirect-based "
            "payment methods, set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never`.",
            param="return_url",
        )


def needs_authentication(method: Object, *, off_session: bool, requested: bool) -> bool:
    """Whether the bank wants to ask the cardholder."""
    authentication = payment_methods.test_card(method).authentication
    if off_session and authentication is Authentication.UNLESS_SET_UP:
        return not method["_set_up"]
    return authentication is not Authentication.NEVER or (requested and not off_session)


def ask_for_authentication(call: Call, intent: Object, method: Object) -> None:
    """Put the intent into requires_action, with the way to the bank's page."""
    intent["status"] = "requires_action"
    intent["payment_method"] = method["id"]
    page = f"{call.origin}/endive/challenge?" + urlencode(
        {
            "intent": intent["id"],
            "client_secret": intent["client_secret"],
            "key": f"pk_test_demo_{call.account}",
        }
    )
    if call.params.get("use_stripe_sdk") or call.publishable:
        intent["next_action"] = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "type": "three_d_secure_redirect",
                "stripe_js": page,
                "source": new_id("src"),
            },
        }
        return
    return_url = intent["_return_url"]
    if not return_url:
        raise invalid(
            "A return_url must be specified because this payment method requires redirecting the "
            "customer.",
            code="parameter_missing",
            param="return_url",
        )
    intent["next_action"] = {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "return_url": return_url,
            "url": f"{page}&{urlencode({'return_url': return_url})}",
        },
    }


def unexpected_state(intent: Object, message: str) -> ApiError:
    kind: str = intent["object"]
    whole: dict[str, Any] = {kind: public(intent)}
    return invalid(message, code=f"{kind}_unexpected_state", **whole)


def check_status(intent: Object, allowed: tuple[str, ...], verb: str) -> None:
    """Refuse to act on an intent in another state. Raises ApiError (400), as Stripe words it."""
    status = intent["status"]
    if status in allowed:
        return
    if verb == "confirm" and status == "succeeded":
        raise unexpected_state(
            intent,
            f"You cannot confirm this {_name(intent)} because it has already succeeded after being "
            "previously confirmed.",
        )
    raise unexpected_state(
        intent,
        f"You cannot {verb} this {_name(intent)} because it has a status of {status}. Only a "
        f"{_name(intent)} with one of the following statuses may be {_PAST[verb]}: "
        f"{', '.join(allowed)}.",
    )


_PAST = {
    "confirm": "confirmed",
    "cancel": "canceled",
    "capture": "captured",
    "update": "updated",
}


def _name(intent: Object) -> str:
    return "PaymentIntent" if intent["object"] == "payment_intent" else "SetupIntent"


def decline_fields(decline: cards.Decline, method: Object, charge: str | None) -> dict[str, Any]:
    """`last_payment_error` or `last_setup_error` for a decline."""
    error = payment_methods.card_error(decline, charge=charge).error
    return {**error, "payment_method": public(method)}


def authentication_failure(intent: Object, method: Object) -> dict[str, Any]:
    word = "payment" if intent["object"] == "payment_intent" else "setup"
    error = IntentFailed(
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data "
        f"or a new PaymentMethod to attempt to fulfill this {_name(intent)} again.",
        code=f"{word}_intent_authentication_failure",
    ).error
    return {**error, "payment_method": public(method)}


def reset_after_failure(intent: Object, error: dict[str, Any]) -> None:
    field = "last_payment_error" if intent["object"] == "payment_intent" else "last_setup_error"
    intent.update(
        status="requires_payment_method", payment_method=None, next_action=None, **{field: error}
    )


def cancel(call: Call, intent: Object) -> None:
    intent["status"] = "canceled"
    intent["next_action"] = None
    intent["cancellation_reason"] = call.params.get("cancellation_reason")
    if "canceled_at" in intent:
        intent["canceled_at"] = call.now
    call.save(intent)
