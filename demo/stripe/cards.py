"""The published test cards (docs.stripe.com/testing), and what each of them does.

No other number is accepted anywhere, and none is kept: a stored card remembers the name of its
test card only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from demo.stripe.errors import CardError
from demo.stripe.store import Object


class Authentication(StrEnum):
    """When the cardholder's bank asks for 3-D Secure."""

    NEVER = "never"
    ALWAYS = "always"
    UNLESS_SET_UP = "unless_set_up"  # on-session always; off-session until the card was set up


class Refund(StrEnum):
    """What becomes of money sent back to the card."""

    AT_ONCE = "at_once"
    LATER = "later"  # pending first, then it arrives
    BOUNCES = "bounces"  # it looks done, and comes back


@dataclass(frozen=True)
class Decline:
    code: str
    message: str
    decline_code: str | None = None
    advice: str | None = None  # Stripe's advice_code: how to go on


GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline", "try_again_later")
NO_FUNDS = Decline(
    "card_declined", "Your card has insufficient funds.", "insufficient_funds", "try_again_later"
)
STOLEN = Decline("card_declined", "Your card was declined.", "stolen_card", "do_not_try_again")
EXPIRED = Decline("expired_card", "Your card has expired.")
WRONG_CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    advice="try_again_later",
)
NEEDS_AUTHENTICATION = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)


@dataclass(frozen=True)
class TestCard:
    """`on_charge` is the bank's answer to money, `on_setup` its answer to being saved."""

    token: str  # Stripe's name for it in test code: pm_card_visa
    number: str
    brand: str = "visa"
    funding: str = "credit"
    authentication: Authentication = Authentication.NEVER
    on_charge: Decline | None = None
    on_setup: Decline | None = None
    dispute_reason: str | None = None  # the cardholder disputes every payment, soon
    refund: Refund = Refund.AT_ONCE

    __test__ = False  # a name that pytest would otherwise collect

    @property
    def last4(self) -> str:
        return self.number[-4:]


def _declined(token: str, number: str, decline: Decline) -> TestCard:
    return TestCard(token, number, on_charge=decline, on_setup=decline)


_CARDS = (
    TestCard("pm_card_visa", "4242424242424242"),
    TestCard("pm_card_visa_debit", "4000056655665556", funding="debit"),
    TestCard("pm_card_mastercard", "5555555555554444", brand="mastercard"),
    TestCard("pm_card_mastercard_debit", "5200828282828210", "mastercard", "debit"),
    TestCard("pm_card_amex", "378282246310005", brand="amex"),
    _declined("pm_card_visa_chargeDeclined", "4000000000000002", GENERIC),
    _declined("pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995", NO_FUNDS),
    _declined("pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", STOLEN),
    _declined("pm_card_chargeDeclinedExpiredCard", "4000000000000069", EXPIRED),
    _declined("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", WRONG_CVC),
    _declined("pm_card_chargeDeclinedProcessingError", "4000000000000119", PROCESSING),
    TestCard("pm_card_createDispute", "4000000000000259", dispute_reason="fraudulent"),
    TestCard(
        "pm_card_createDisputeProductNotReceived",
        "4000000000002685",
        dispute_reason="product_not_received",
    ),
    TestCard("pm_card_pendingRefund", "4000000000007726", refund=Refund.LATER),
    TestCard("pm_card_refundFail", "4000000000005126", refund=Refund.BOUNCES),
    TestCard("pm_card_chargeCustomerFail", "4000000000000341", on_charge=GENERIC),
    TestCard(
        "pm_card_authenticationRequiredOnSetup",
        "4000002500003155",
        authentication=Authentication.UNLESS_SET_UP,
    ),
    TestCard(
        "pm_card_authenticationRequired",
        "4000002760003184",
        authentication=Authentication.ALWAYS,
    ),
    TestCard("pm_card_threeDSecure2Required", "4000000000003220", authentication=Authentication.ALWAYS),
    TestCard(
        "pm_card_threeDSecureRequiredChargeDeclined",
        "4000008400001629",
        authentication=Authentication.ALWAYS,
        on_charge=GENERIC,
        on_setup=GENERIC,
    ),
)
BY_TOKEN = {card.token: card for card in _CARDS}
BY_NUMBER = {card.number: card for card in _CARDS}


def read_card(fields: dict[str, Any], today: date) -> TestCard:
    """The test card with this number, date and code. Raises CardError (402) otherwise."""
    number = "".join(str(fields.get("number", "")).split())
    card = BY_NUMBER.get(number)
    if card is None:
        raise CardError(
            "This is a demo: only published test numbers work here, such as 4242 4242 4242 4242. "
            "Never type a real card number.",
            code="incorrect_number",
            param="number",
        )
    month, year = int(fields["exp_month"]), int(fields["exp_year"])
    year += 2000 if year < 100 else 0
    if not 1 <= month <= 12:
        raise CardError(
            "Your card's expiration month is invalid.",
            code="invalid_expiry_month",
            param="exp_month",
        )
    if not (today.year, today.month) <= (year, month) <= (today.year + 50, 12):
        raise CardError(
            "Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year"
        )
    cvc = fields.get("cvc")
    wanted = 4 if card.brand == "amex" else 3
    if cvc is not None and not (cvc.isdigit() and len(cvc) == wanted):
        raise CardError("Your card's security code is invalid.", code="invalid_cvc", param="cvc")
    return card


def is_past(card: Object, today: date) -> bool:
    """A card is good until the last day of its month."""
    return bool((card["exp_year"], card["exp_month"]) < (today.year, today.month))


def card_object(account: str, card: TestCard, month: int, year: int, *, cvc: bool) -> Object:
    """The `card` hash of a PaymentMethod. `cvc`: whether a security code was given."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": "pass",
            "cvc_check": ("fail" if card.on_charge is WRONG_CVC else "pass") if cvc else None,
        },
        "country": "US",
        "display_brand": "american_express" if card.brand == "amex" else card.brand,
        "exp_month": month,
        "exp_year": year + (2000 if year < 100 else 0),
        "fingerprint": hashlib.sha256(f"{account}:{card.number}".encode()).hexdigest()[:16],
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.brand != "amex"},
        "wallet": None,
    }
