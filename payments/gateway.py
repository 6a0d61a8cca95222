"""Stripe, as much of it as we use: the only module that imports the SDK.

Stripe learns an amount, a currency, our opaque reference and nothing else: it has signed no agreement
about health data. Every call that moves money carries an idempotency key derived from the attempt's
row, so that sending it again is the same call.

Errors say what we know. Declined: refused for good. Refused: Stripe would not take the request; no
money moved by it. Busy: turned away unread. OutcomeUnknown: anything may have happened; only asking
tells.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import stripe
from django.conf import settings

from accounts.models import Region
from common.money import CURRENCY


class GatewayError(Exception):
    """Base of what a call to Stripe can end in."""


class Declined(GatewayError):
    """The card or the bank refused. `code` is Stripe's decline code, or its error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refused(GatewayError):
    """Stripe did not take the request (wrong parameter, wrong state, no such object, wrong key)."""

    def __init__(self, code: str, *, missing: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.missing = missing  # the object does not exist


class OutcomeUnknown(GatewayError):
    """A timeout, a broken connection, a 409 or 5xx: the call may or may not have acted."""


class Busy(GatewayError):
    """429: the call was turned away before it did anything; the same call may be sent later."""


class NotConfigured(RuntimeError):
    """A region's Stripe account has no keys in this environment."""


class BadSignature(Exception):
    """A webhook that Stripe did not sign, or too old to be believed."""


@dataclass(frozen=True, slots=True)
class Method:
    """What may be shown of a payment method."""

    kind: str  # "card", "us_bank_account"
    brand: str  # "visa"; a bank's name
    last4: str


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


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook tells: a hint which object to ask about."""

    id: str
    type: str
    object_id: str
    api_version: str


def keys(account: str) -> Mapping[str, str]:
    """The keys of one Stripe account. Raises NotConfigured."""
    found = settings.STRIPE_ACCOUNTS.get(account) or settings.STRIPE_ACCOUNTS.get("default")
    if not found or not found.get("secret_key"):
        raise NotConfigured(account)
    return found


def publishable_key(region: Region) -> str:
    """The key that Stripe's script in the browser uses. Raises NotConfigured."""
    return keys(region.stripe_account)["publishable_key"]


@cache
def _client(account: str) -> stripe.StripeClient:
    """One client per account and process; it keeps its connections open."""
    return stripe.StripeClient(
        keys(account)["secret_key"],
        stripe_version=settings.STRIPE_API_VERSION,
        base_addresses={"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {},
        max_network_retries=settings.STRIPE_NETWORK_RETRIES,
        http_client=http_client(),
    )


def http_client() -> stripe.HTTPClient:
    """How requests travel; tests put the sandbox's core here."""
    return stripe.RequestsClient(timeout=settings.STRIPE_TIMEOUT_SECONDS)


@contextmanager
def _errors() -> Iterator[None]:
    """Translate the SDK's errors into what they mean for money."""
    try:
        yield
    except stripe.CardError as error:
        raise Declined(_refusal_code(error.error)) from error
    except stripe.InvalidRequestError as error:
        missing = error.code == "resource_missing"
        raise Refused(error.code or "invalid_request", missing=missing) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise Refused("not_allowed") from error
    except stripe.RateLimitError as error:
        raise Busy("rate_limit") from error
    except stripe.StripeError as error:
        raise OutcomeUnknown(type(error).__name__) from error


def _refusal_code(error: Any) -> str:
    """The bank's decline code, or else Stripe's error code; Stripe leaves out what does not apply."""
    return str(getattr(error, "decline_code", None) or getattr(error, "code", None) or "declined")


def confirmation_method(*, region: Region, token: str) -> Method:
    """What the payer chose in Stripe's frame, for the review page. Raises GatewayError."""
    with _errors():
        found = _client(region.stripe_account).v1.confirmation_tokens.retrieve(token)
    method = _method(found.payment_method_preview)
    if method is None:
        raise Refused("no_method")
    return method


def create_intent(*, region: Region, reference: str, amount_cents: int) -> Intent:
    """Create (or, under the same key, get again) the intent of one payment; nothing is charged."""
    with _errors():
        created = _client(region.stripe_account).v1.payment_intents.create(
            {
                "amount": amount_cents,
                "currency": CURRENCY,
                "automatic_payment_methods": {"enabled": True},
                "metadata": {"payment": reference},
            },
            {"idempotency_key": f"{reference}:create"},
        )
    return _intent(created)


def confirm_intent(
    *, region: Region, reference: str, intent_id: str, token: str, return_url: str
) -> Intent:
    """Ask for the money, once per payment. Raises GatewayError."""
    with _errors():
        confirmed = _client(region.stripe_account).v1.payment_intents.confirm(
            intent_id,
            {
                "confirmation_token": token,
                "return_url": return_url,
                "use_stripe_sdk": True,
                "expand": ["payment_method"],
            },
            {"idempotency_key": f"{reference}:confirm"},
        )
    return _intent(confirmed)


def retrieve_intent(*, region: Region, intent_id: str) -> Intent:
    """Ask how an intent stands. Raises GatewayError."""
    with _errors():
        found = _client(region.stripe_account).v1.payment_intents.retrieve(
            intent_id, {"expand": ["payment_method"]}
        )
    return _intent(found)


def find_intent(*, region: Region, reference: str) -> Intent | None:
    """Search by our reference, for a payment whose intent's id we never learned."""
    with _errors():
        found = _client(region.stripe_account).v1.payment_intents.search(
            {"query": f"metadata['payment']:'{reference}'", "limit": 2}
        )
    intents = [_intent(intent) for intent in found.data]
    return intents[0] if intents else None


def cancel_intent(*, region: Region, intent_id: str) -> Intent:
    """Make sure that an intent can never charge. Raises Refused where it already did.

    Without a key of ours: canceling twice is canceling once, and a key would replay an old refusal.
    """
    with _errors():
        canceled = _client(region.stripe_account).v1.payment_intents.cancel(intent_id)
    return _intent(canceled)


def read_event(*, account: str, body: bytes, signature: str) -> Event:
    """The event of a webhook that Stripe signed within the last 300 seconds.

    Raises BadSignature, also for events of the other mode (test or live) and NotConfigured where the
    account has no webhook secret.
    """
    secret = keys(account).get("webhook_secret")
    if not secret:
        raise NotConfigured(account)
    try:
        event = stripe.Webhook.construct_event(body, signature, secret)
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise BadSignature(account) from error
    if bool(event.livemode) != settings.STRIPE_LIVE_MODE:
        raise BadSignature(f"{account}: event of the other mode")
    return Event(
        id=event.id,
        type=event.type,
        object_id=str(getattr(event.data.object, "id", "")),  # a balance has none
        api_version=event.api_version or "",
    )


def _intent(found: stripe.PaymentIntent) -> Intent:
    error = found.last_payment_error
    expanded = found.payment_method
    return Intent(
        id=found.id,
        status=found.status,
        amount_cents=found.amount,
        currency=found.currency,
        reference=str(found.metadata.to_dict().get("payment", "")) if found.metadata else "",
        client_secret=found.client_secret or "",
        error_code=_refusal_code(error) if error else "",
        method=_method(expanded) if isinstance(expanded, stripe.PaymentMethod) else None,
    )


def _method(found: Any) -> Method | None:
    if found is None:
        return None
    if found.type == "card":
        return Method(kind="card", brand=found.card.brand, last4=found.card.last4)
    if found.type == "us_bank_account":
        bank = found.us_bank_account
        name, last4 = getattr(bank, "bank_name", None), getattr(bank, "last4", None)
        return Method(kind="us_bank_account", brand=name or "", last4=last4 or "")
    return Method(kind=found.type, brand="", last4="")
