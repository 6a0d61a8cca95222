"""What a call to Stripe can end in: an answer in our words, or an error that says what we know.

Declined: refused for good. Refused: Stripe would not take the request; no money moved by it. Busy:
turned away unread. OutcomeUnknown: anything may have happened; only asking tells. Amounts are in cents.
"""

from dataclasses import dataclass, field
from typing import Any


class GatewayError(Exception):
    """Base of what a call to Stripe can end in."""


class Declined(GatewayError):
    """The card or the bank refused. `code` is Stripe's decline code, or its error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refused(GatewayError):
    """Stripe did not take the request (wrong parameter, wrong state, no such object)."""

    def __init__(self, code: str, *, missing: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.missing = missing  # the object does not exist


class OutcomeUnknown(GatewayError):
    """A timeout, a broken connection, a 409 or 5xx: the call may or may not have acted."""


class Busy(GatewayError):
    """Turned away before it did anything; the same call, under the same key, is safe later.

    By Stripe (429, or 401 and 403 for a key of ours that is wrong or was rotated) or by our own rate.
    """


class NotConfigured(RuntimeError):
    """A region's Stripe account has no keys in this environment."""


class BadSignature(Exception):
    """A webhook that Stripe did not sign, or too old to be believed."""


@dataclass(frozen=True, slots=True)
class Method:
    """What may be shown of a payment method, and by what it is recognised."""

    kind: str  # "card", "us_bank_account"
    brand: str  # "visa"; a bank's name
    last4: str
    id: str = ""  # Stripe's key; empty while the method is only a token
    funding: str = ""  # "credit", "debit", "prepaid"
    exp_month: int | None = None
    exp_year: int | None = None
    blocked_code: str = ""  # why Stripe takes no debits of this bank account any more
    # The same for the same card number or bank account; left out where an answer is printed.
    fingerprint: str = field(default="", repr=False)


def read_method(found: Any) -> Method | None:
    """What we use of a PaymentMethod, or of the preview that a token carries."""
    if found is None:
        return None
    key = str(getattr(found, "id", None) or "")
    if found.type == "card":
        card = found.card
        return Method(
            kind="card",
            brand=card.brand,
            last4=card.last4,
            id=key,
            funding=card.funding or "",
            exp_month=card.exp_month,
            exp_year=card.exp_year,
            fingerprint=str(getattr(card, "fingerprint", None) or ""),
        )
    if found.type == "us_bank_account":
        bank = found.us_bank_account
        name, last4 = getattr(bank, "bank_name", None), getattr(bank, "last4", None)
        blocked = getattr(getattr(bank, "status_details", None), "blocked", None)
        why = blocked and (blocked.network_code or blocked.reason)
        return Method(
            kind="us_bank_account",
            brand=name or "",
            last4=last4 or "",
            id=key,
            blocked_code=why or "",
            fingerprint=str(getattr(bank, "fingerprint", None) or ""),
        )
    return Method(kind=found.type, brand="", last4="", id=key)


@dataclass(frozen=True, slots=True)
class Consent:
    """From where somebody agreed that a bank account is debited: what Stripe keeps of a mandate."""

    ip_address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A PaymentIntent as it stands at Stripe; the amount in cents."""

    id: str
    status: str
    amount_cents: int
    currency: str
    reference: str  # our payment's, from its metadata
    client_secret: str
    error_code: str  # why the last attempt was refused; empty where it was not
    method: Method | None
    not_taken: str = ""  # why Stripe did not even ask the bank; such an intent is canceled
    bank_was_asked: bool = False  # whatever the bank said; more often than once, maybe


@dataclass(frozen=True, slots=True)
class SentRefund:
    """A Refund as it stands at Stripe; the amount in cents."""

    id: str
    status: str  # pending, succeeded, failed, canceled, requires_action
    amount_cents: int
    reference: str  # our refund's, from its metadata
    intent_id: str
    failure_code: str


@dataclass(frozen=True, slots=True)
class BankDispute:
    """A Dispute as it stands at Stripe: a bank took a charge back, for now or for good."""

    id: str
    status: str  # needs_response, under_review, won, lost, warning_…
    amount_cents: int
    reason: str
    intent_id: str
    is_return: bool  # of a bank debit: cannot be challenged


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook tells: a hint which object to ask about."""

    id: str
    type: str
    object_id: str
    api_version: str
