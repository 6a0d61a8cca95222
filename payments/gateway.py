"""Stripe, as much of it as we use: the only module that imports the SDK.

Stripe learns an amount, a currency, our opaque reference and nothing else: it has signed no agreement
about health data. Every call that moves money carries an idempotency key derived from the attempt's
row, so that sending it again is the same call. What calls end in is in payments.answers, and is also
found here: callers need this module alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from typing import Any, cast

import stripe
import structlog
from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Region
from common.db import let_go_of_connection
from common.money import CURRENCY
from payments import ratelimit
from payments.answers import BadSignature as BadSignature
from payments.answers import BankDispute as BankDispute
from payments.answers import Busy as Busy
from payments.answers import Consent as Consent
from payments.answers import Declined as Declined
from payments.answers import Event as Event
from payments.answers import GatewayError as GatewayError
from payments.answers import Intent as Intent
from payments.answers import Method as Method
from payments.answers import NotConfigured as NotConfigured
from payments.answers import OutcomeUnknown as OutcomeUnknown
from payments.answers import Refused as Refused
from payments.answers import SentRefund as SentRefund
from payments.answers import read_method as read_method
from payments.declines import RETURN_CODE
from payments.transport import NoAnswer, Transport

log = structlog.get_logger(__name__)

# Stripe learns nothing of our machines, nor how long our calls take.
stripe.enable_telemetry = False


def keys(account: str) -> Mapping[str, str]:
    """The keys of one Stripe account. Raises NotConfigured."""
    found = settings.STRIPE_ACCOUNTS.get(account) or settings.STRIPE_ACCOUNTS.get("default")
    if not found or not found.get("secret_key"):
        raise NotConfigured(account)
    return found


def has_keys(account: str) -> bool:
    """Whether this environment can talk to a Stripe account."""
    return bool(settings.STRIPE_ACCOUNTS.get(key_name(account), {}).get("secret_key"))


def regions(account: str) -> QuerySet[Region]:
    """The regions whose money moves in a Stripe account; "default" serves all without their own."""
    if account == "default":
        return Region.objects.exclude(stripe_account__in=set(settings.STRIPE_ACCOUNTS) - {"default"})
    return Region.objects.filter(stripe_account=account)


def publishable_key(region: Region) -> str:
    """The key that Stripe's script in the browser uses. Raises NotConfigured."""
    return keys(region.stripe_account)["publishable_key"]


def key_name(account: str) -> str:
    """Whose keys serve a region's account: its own, or the ones that serve every region."""
    return account if settings.STRIPE_ACCOUNTS.get(account) else "default"


@cache
def _client(account: str) -> stripe.StripeClient:
    """One client per account and process; it keeps its connections open."""
    return stripe.StripeClient(
        keys(account)["secret_key"],
        stripe_version=settings.STRIPE_API_VERSION,
        base_addresses={"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {},
        max_network_retries=settings.STRIPE_NETWORK_RETRIES,
        http_client=_Metered(http_client(), account=key_name(account)),
    )


def http_client() -> stripe.HTTPClient | Transport:
    """How requests travel; tests put the sandbox's core here."""
    return Transport(
        settings.STRIPE_API_BASE or stripe.DEFAULT_API_BASE,
        timeout_seconds=settings.STRIPE_TIMEOUT_SECONDS,
        ca_bundle=stripe.ca_bundle_path,
    )


_in_background: ContextVar[bool] = ContextVar("stripe_in_background", default=False)
_lets_go: ContextVar[bool] = ContextVar("stripe_lets_go_of_the_database", default=False)


@contextmanager
def background(*, lets_go: bool = False) -> Iterator[None]:
    """Nobody waits for these calls: they keep to our rate, and raise Busy where it has no room.

    Also a decorator. Outside of it, somebody is paying and is never kept waiting by Redis. With
    `lets_go` a call gives its thread's database connection back to the pool while it lasts, so that
    many threads wait for Stripe with few connections; not for who holds a lock of the session.
    """
    tokens = _in_background.set(True), _lets_go.set(lets_go)
    try:
        yield
    finally:
        _in_background.reset(tokens[0])
        _lets_go.reset(tokens[1])


class _Metered(stripe.HTTPClient):
    """Every request that really leaves takes a token: each repeat, each page of a list."""

    name = "metered"

    def __init__(self, inner: stripe.HTTPClient | Transport, *, account: str) -> None:
        super().__init__()
        self._inner = inner
        self._account = account

    def request_with_retries(self, *args: Any, **kwargs: Any) -> Any:
        self._thread_local.sent = False
        return super().request_with_retries(*args, **kwargs)

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        if _lets_go.get():
            let_go_of_connection()
        turn = self._turn if _in_background.get() else nullcontext
        answer: Any
        try:
            if isinstance(self._inner, Transport):
                answer = self._inner.request(method, url, headers, post_data, turn=turn)
            else:
                with turn():
                    pass
                answer = self._inner.request(method, url, headers, post_data)
        except NoAnswer as error:
            raise stripe.APIConnectionError(str(error), should_retry=error.may_repeat) from error
        except ratelimit.NoToken as error:
            if self._thread_local.sent:  # the first try of this call may have acted
                raise stripe.APIConnectionError("no token to try again") from error
            raise Busy("rate_limit") from error
        self._thread_local.sent = True
        return answer

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for it as late as can be, so that requests arrive as far apart as their turns are."""
        with ratelimit.bucket(self._account).turn():
            self._thread_local.sent = True
            yield

    def close(self) -> None:
        self._inner.close()


@contextmanager
def calling(account: str) -> Iterator[stripe.StripeClient]:
    """The client of one Stripe account, for stripe_book and vault. Raises GatewayError."""
    with _errors():
        yield _client(account)


@contextmanager
def _errors() -> Iterator[None]:
    """Translate the SDK's errors into what they mean for money."""
    try:
        yield
    except stripe.CardError as error:
        raise Declined(refusal_code(error.error)) from error
    except stripe.InvalidRequestError as error:
        missing = error.code == "resource_missing"
        raise Refused(error.code or "invalid_request", missing=missing) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        # Our key is wrong or was rotated: Stripe read nothing, and it says nothing about the money.
        log.error("stripe.key_refused", error=type(error).__name__, code=error.code)
        raise Busy("not_allowed") from error
    except stripe.RateLimitError as error:
        raise Busy("rate_limit") from error
    except stripe.StripeError as error:
        raise OutcomeUnknown(type(error).__name__) from error


def _refund(sent: stripe.Refund) -> SentRefund:
    return SentRefund(
        id=sent.id,
        status=sent.status or "",
        amount_cents=sent.amount,
        reference=str(sent.metadata.to_dict().get("refund", "")) if sent.metadata else "",
        intent_id=str(sent.payment_intent or ""),
        failure_code=str(getattr(sent, "failure_reason", None) or ""),
    )


def refusal_code(error: Any) -> str:
    """Nacha's return code of a bank debit (R01), the card's decline code, or else Stripe's error code.

    Stripe leaves out what does not apply.
    """
    network = str(getattr(error, "network_decline_code", None) or "")
    if RETURN_CODE.fullmatch(network):
        return network
    return str(getattr(error, "decline_code", None) or getattr(error, "code", None) or "declined")


def confirmation_method(*, region: Region, token: str) -> Method:
    """What the payer chose in Stripe's frame, for the review page. Raises GatewayError."""
    with _errors():
        found = _client(region.stripe_account).v1.confirmation_tokens.retrieve(token)
    method = read_method(found.payment_method_preview)
    if method is None:
        raise Refused("no_method")
    return method


def create_intent(
    *, region: Region, reference: str, amount_cents: int, customer_id: str = ""
) -> Intent:
    """Create (or, under the same key, get again) the intent of one payment; nothing is charged.

    A bank account that only micro-deposits could verify cannot pay: that takes days.
    """
    params: dict[str, Any] = {
        "amount": amount_cents,
        "currency": CURRENCY,
        "automatic_payment_methods": {"enabled": True},
        "payment_method_options": {"us_bank_account": {"verification_method": "instant"}},
        "metadata": {"payment": reference},
    }
    if customer_id:
        params["customer"] = customer_id
    with _errors():
        created = _client(region.stripe_account).v1.payment_intents.create(
            cast(Any, params), {"idempotency_key": f"{reference}:create"}
        )
    return _intent(created)


def confirm_intent(
    *,
    region: Region,
    reference: str,
    intent_id: str,
    return_url: str,
    token: str = "",
    method_id: str = "",
    keep: bool = False,
    consent: Consent | None = None,
    off_session: bool = False,
) -> Intent:
    """Ask for the money, once per payment: by a new method (`token`) or a saved one (`method_id`).

    `keep` saves a new method with the intent's customer; `consent` goes with a bank debit.
    `off_session`: the payer is not there. A bank that wants to ask them then refuses, with the code
    "authentication_required". Raises GatewayError.
    """
    params: dict[str, Any] = {"return_url": return_url, "expand": ["payment_method"]}
    params |= {"off_session": True} if off_session else {"use_stripe_sdk": True}
    params |= {"payment_method": method_id} if method_id else {"confirmation_token": token}
    if keep:
        params["setup_future_usage"] = "off_session"
    if consent is not None:
        params["mandate_data"] = mandate_data(consent)
    with _errors():
        confirmed = _client(region.stripe_account).v1.payment_intents.confirm(
            intent_id, cast(Any, params), {"idempotency_key": f"{reference}:confirm"}
        )
    return _intent(confirmed)


def mandate_data(consent: Consent) -> dict[str, Any]:
    """A mandate given in the browser, as Stripe takes it."""
    online = {"ip_address": consent.ip_address, "user_agent": consent.user_agent}
    return {"customer_acceptance": {"type": "online", "online": online}}


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


def times_asked(*, region: Region, intent_id: str) -> int:
    """How often a bank was asked for an intent's money, a hundred at most. Raises GatewayError."""
    with _errors():
        found = _client(region.stripe_account).v1.charges.list(
            {"payment_intent": intent_id, "limit": 100}
        )
    return len(found.data)


def cancel_intent(*, region: Region, intent_id: str) -> Intent:
    """Make sure that an intent can never charge. Raises Refused where it already did.

    Without a key of ours: canceling twice is canceling once, and a key would replay an old refusal.
    """
    with _errors():
        canceled = _client(region.stripe_account).v1.payment_intents.cancel(intent_id)
    return _intent(canceled)


def create_refund(*, region: Region, reference: str, intent_id: str, amount_cents: int) -> SentRefund:
    """Send a part of a payment back, once per refund. Raises GatewayError."""
    with _errors():
        sent = _client(region.stripe_account).v1.refunds.create(
            {
                "payment_intent": intent_id,
                "amount": amount_cents,
                "metadata": {"refund": reference},
            },
            {"idempotency_key": f"{reference}:refund"},
        )
    return _refund(sent)


def retrieve_refund(*, region: Region, refund_id: str) -> SentRefund:
    """Ask how a refund stands. Raises GatewayError."""
    with _errors():
        return _refund(_client(region.stripe_account).v1.refunds.retrieve(refund_id))


def find_refund(*, region: Region, reference: str, intent_id: str) -> SentRefund | None:
    """Look for a refund whose answer was lost among those of its payment. Raises GatewayError."""
    with _errors():
        found = _client(region.stripe_account).v1.refunds.list(
            {"payment_intent": intent_id, "limit": 100}
        )
        return next(
            (sent for sent in map(_refund, found.auto_paging_iter()) if sent.reference == reference),
            None,
        )


def retrieve_dispute(*, region: Region, dispute_id: str) -> BankDispute:
    """Ask how a dispute stands. Raises GatewayError."""
    with _errors():
        found = _client(region.stripe_account).v1.disputes.retrieve(dispute_id, {"expand": ["charge"]})
    details = getattr(found, "payment_method_details", None)
    charge = found.charge
    of_bank = isinstance(charge, stripe.Charge) and (
        getattr(charge.payment_method_details, "type", "") == "us_bank_account"
    )
    return BankDispute(
        id=found.id,
        status=found.status,
        amount_cents=found.amount,
        reason=found.reason,
        intent_id=str(found.payment_intent or ""),
        is_return=of_bank or getattr(details, "type", "") == "us_bank_account",
    )


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
        error_code=refusal_code(error) if error else "",
        method=read_method(expanded) if isinstance(expanded, stripe.PaymentMethod) else None,
        bank_was_asked=bool(getattr(found, "latest_charge", None)),
    )
