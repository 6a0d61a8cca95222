"""From a request to a handler and its typed parameters, or to the refusal Stripe would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo.stripe import API_VERSION, contract
from demo.stripe.errors import ApiError, invalid, not_simulated
from demo.stripe.exchange import Request
from demo.stripe.routing import HANDLERS, Handler, Keys, browser_route
from demo.stripe.wire import Form


@dataclass(frozen=True)
class Understood:
    """A request that fits the contract."""

    template: str
    handler: Handler
    params: dict[str, Any]
    client_secret: str | None  # a browser's proof that it may see an intent


def read(request: Request) -> Understood:
    """Match a request with the SDK's typed parameters. Raises ApiError."""
    form, publishable = dict(request.form), request.caller.publishable
    given = form.get("client_secret")
    secret = given if isinstance(given, str) else None
    found = browser_route(request.method, request.path)
    if found and publishable:
        template, handler = found
        handler.check_understood(form)
        return Understood(template, handler, form, secret)
    route = contract.find_route(request.method, request.path)
    if route is None:
        raise ApiError(
            404,
            "invalid_request_error",
            f"Unrecognized request URL ({request.method}: {request.path}).",
        )
    if publishable:
        form.pop("client_secret", None)
    else:
        _refuse_raw_numbers(form)
    params = contract.parse(route, form)
    known = HANDLERS.get((route.method, route.template))
    if known is None:
        raise not_simulated(f"{route.method} {route.template}")
    if publishable and known.keys is Keys.SECRET:
        raise ApiError(
            403,
            "invalid_request_error",
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    known.check_understood(params)
    return Understood(route.template, known, params, secret)


def _refuse_raw_numbers(form: Form) -> None:
    """Card and account numbers belong into the iframe: a server that sends one has seen one.

    Stripe itself would take account numbers from a server; the portal has no business with them.
    """
    data = form.get("payment_method_data")
    for outer in (form, data if isinstance(data, dict) else {}):
        for kind, name in (("card", "number"), ("us_bank_account", "account_number")):
            given = outer.get(kind)
            if isinstance(given, dict) and name in given:
                raise ApiError(
                    402,
                    "invalid_request_error",
                    "Sending credit card numbers or account numbers directly to the Stripe API is "
                    "generally unsafe. Use a test payment method such as pm_card_visa, or the "
                    "Payment Element.",
                    param=f"{kind}[{name}]",
                )


def check_version(request: Request) -> None:
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise invalid(f"Invalid Stripe API version: {version}. This sandbox: {API_VERSION}.")
