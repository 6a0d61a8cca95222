"""Payment methods: made in the iframe from a test number, attached, listed, detached."""

from __future__ import annotations

from typing import Any

from demo.stripe import ach, cards, render
from demo.stripe.ach import TestAccount
from demo.stripe.cards import TestCard
from demo.stripe.errors import ApiError, CardError, invalid, not_simulated
from demo.stripe.ids import new_id
from demo.stripe.resources.common import assign, merge_metadata, whole_address
from demo.stripe.routing import Call, Keys, route
from demo.stripe.store import Object

BANK = "us_bank_account"


@route(
    "POST",
    "/v1/payment_methods",
    "allow_redisplay billing_details card metadata type us_bank_account",
    keys=Keys.EITHER,
)
def create(call: Call) -> Object:
    """From a number with the publishable key (the iframe), from `card[token]` with the secret."""
    kind = call.params.get("type")
    if kind == BANK:
        return _create_bank_account(call)
    if kind != "card":
        raise not_simulated("payment methods other than cards and bank accounts")
    given = call.params.get("card") or {}
    if "token" in given:
        card = cards.BY_TOKEN.get(given["token"].replace("tok_", "pm_card_", 1))
        if card is None:
            raise invalid(f"No such token: '{given['token']}'", code="resource_missing")
        return _from_test_card(call, card)
    _insist(given, "card", "number", "exp_month", "exp_year")
    card = cards.read_card(given, call.today)
    return _create_card(call, card, int(given["exp_month"]), int(given["exp_year"]), cvc="cvc" in given)


def _insist(given: dict[str, Any], where: str, *names: str) -> None:
    for name in names:
        if not given.get(name):
            raise invalid(
                f"Missing required param: {where}[{name}].",
                code="parameter_missing",
                param=f"{where}[{name}]",
            )


def _from_test_card(call: Call, card: TestCard) -> Object:
    return _create_card(call, card, 12, call.today.year + 3, cvc=True)


def _create_card(call: Call, card: TestCard, month: int, year: int, *, cvc: bool) -> Object:
    details = cards.card_object(call.account, card, month, year, cvc=cvc)
    return _create(call, "card", details, _test_card=card.token)


def _create_bank_account(call: Call) -> Object:
    """With `financial_connections_account`, the payer's bank has confirmed the account already."""
    given = call.params.get(BANK) or {}
    _insist(call.params.get("billing_details") or {}, "billing_details", "name")
    _insist(given, BANK, "account_number", "routing_number", "account_holder_type")
    account = ach.read_account(given)
    connected = new_id("fca") if given.get("financial_connections_account") else None
    return _from_test_account(call, account, given, connected=connected)


def _from_test_account(
    call: Call, account: TestAccount, given: dict[str, Any], *, connected: str | None
) -> Object:
    details = ach.bank_account_object(call.account, account, given, connected=connected)
    return _create(
        call, BANK, details, _test_account=account.token, _verified=bool(connected), _mandate=None
    )


def _from_test_bank_token(call: Call, account: TestAccount) -> Object:
    """Stripe's own test names want micro-deposits first. Here they stand for an account that its bank
    has confirmed, as the portal's payers leave it, unless the intent asks for micro-deposits."""
    method = _from_test_account(call, account, {}, connected=new_id("fca"))
    method["billing_details"]["name"] = method["billing_details"]["name"] or "Jenny Rosen"
    return call.save(method)


def _create(call: Call, kind: str, details: Object, **private: Any) -> Object:
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
        kind: details,
        "created": call.now,
        "customer": None,
        "livemode": False,
        "metadata": merge_metadata({}, call.params.get("metadata")),
        "type": kind,
        **private,
        "_used": False,  # paid with once, or detached: without a customer it is spent
        "_set_up": False,  # the payer authenticated it for later use
    }
    return call.save(method)


def test_card(method: Object) -> TestCard:
    return cards.BY_TOKEN[method["_test_card"]]


def test_account(method: Object) -> TestAccount:
    return ach.BY_TOKEN[method["_test_account"]]


def resolve(call: Call, method_id: str, *, param: str = "payment_method") -> Object:
    """A payment method by id, or a fresh one for Stripe's test names such as `pm_card_visa`."""
    if not call.publishable:
        if method_id in cards.BY_TOKEN:
            return _from_test_card(call, cards.BY_TOKEN[method_id])
        if method_id in ach.BY_TOKEN:
            return _from_test_bank_token(call, ach.BY_TOKEN[method_id])
    return call.load("payment_method", method_id, param=param)


def check_usable(method: Object, customer: str | None) -> None:
    """Refuse another customer's method, a spent one and a blocked one. Raises ApiError (400)."""
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
    if method["type"] == BANK and method[BANK]["status_details"]:
        raise invalid(
            "This bank account has failed in the past and can not be used.",
            code="payment_method_bank_account_blocked",
            param="payment_method",
        )


def block(call: Call, method: Object, *, code: str | None, reason: str) -> None:
    """The bank account is of no use any more, for this reason and Nacha code.

    Stripe blocks every method with these numbers. Here it is this method alone: the test numbers are
    shared by everybody.
    """
    method[BANK]["status_details"] = {"blocked": {"network_code": code, "reason": reason}}
    call.save(method)
    call.emit("payment_method.updated", method)


def keep(call: Call, method: Object, intent: Object) -> None:
    """A method that was paid with belongs to its customer from now on, or is spent."""
    method["_used"] = True
    if intent["setup_future_usage"]:
        method["_set_up"] = True
        if intent["customer"]:
            attach_to_customer(call, method, intent["customer"])
    call.save(method)


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


@route("POST", "/v1/payment_methods/{payment_method}", "allow_redisplay billing_details card metadata")
def update(call: Call) -> Object:
    """Of the card its date; Stripe takes changes to methods of a customer only."""
    method = call.load("payment_method", call.ids[0])
    if not method["customer"]:
        raise invalid(
            "You must save this PaymentMethod to a customer before you can update it.",
            param="payment_method",
        )
    assign(method, call.params, ("allow_redisplay",))
    method["metadata"] = merge_metadata(method["metadata"], call.params.get("metadata"))
    billing = call.params.get("billing_details") or {}
    assign(method["billing_details"], billing, ("email", "name", "phone"))
    if billing.get("address"):
        method["billing_details"]["address"] = whole_address(billing["address"])
    if "card" in call.params:
        _change_date(call, method)
    call.emit("payment_method.updated", method)
    return call.save(method)


def _change_date(call: Call, method: Object) -> None:
    given = call.params["card"]
    if method["type"] != "card" or set(given) - {"exp_month", "exp_year"}:
        raise not_simulated("these changes to a payment method")
    dated = {**method["card"], **given}
    if not 1 <= dated["exp_month"] <= 12 or cards.is_past(dated, call.today):
        raise invalid(
            "Your card's expiration date is in the past or invalid.",
            code="invalid_expiry_year",
            param="card[exp_year]",
        )
    method["card"] = dated


@route("POST", "/v1/payment_methods/{payment_method}/attach", "customer")
def attach(call: Call) -> Object:
    if "customer" not in call.params:
        raise invalid("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.load("customer", call.params["customer"], param="customer")
    method = resolve(call, call.ids[0])
    if method["customer"] not in (None, customer["id"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    check_usable(method, customer["id"])
    if method["type"] == "card" and (decline := test_card(method).on_setup):
        raise card_error(decline)
    if method["type"] == BANK and not method["_verified"]:
        raise invalid(
            "The bank account must be verified before it can be attached; use a SetupIntent.",
            code="bank_account_unverified",
        )
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
