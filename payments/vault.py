"""Saved methods at Stripe: customers, setups, micro-deposits. Talks through payments.gateway.

A customer is a key and nothing else: no name, no address of mail, no number of ours. Nothing here
moves money; errors mean what they mean in payments.gateway.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, cast

from accounts.models import Region
from payments import gateway
from payments.gateway import Consent, Method


@dataclass(frozen=True, slots=True)
class Setup:
    """A SetupIntent as it stands at Stripe: a method on its way to being saved."""

    id: str
    status: str
    client_secret: str
    error_code: str  # why the last attempt was refused; empty where it was not
    method: Method | None
    # Set while micro-deposits wait for an answer: what is asked for, and when they arrive.
    verify_by: str = ""
    deposits_at: dt.datetime | None = None

    @property
    def waits_for_deposits(self) -> bool:
        """Whether only the receiver of the micro-deposits can go on."""
        return self.status == "requires_action" and bool(self.verify_by)


def create_customer(*, region: Region, key: str) -> str:
    """The id of a new customer; of the same one under the same key. Raises GatewayError."""
    with gateway.calling(region.stripe_account) as client:
        return client.v1.customers.create({}, {"idempotency_key": key}).id


def create_setup(*, region: Region, key: str, customer_id: str) -> Setup:
    """Begin to save a method of a customer; what it is comes with `confirm_setup`."""
    with gateway.calling(region.stripe_account) as client:
        created = client.v1.setup_intents.create(
            {
                "customer": customer_id,
                "usage": "off_session",
                "automatic_payment_methods": {"enabled": True},
            },
            {"idempotency_key": f"{key}:create"},
        )
    return _setup(created)


def confirm_setup(
    *,
    region: Region,
    key: str,
    setup_id: str,
    token: str,
    return_url: str,
    consent: Consent | None,
) -> Setup:
    """Save the method that a token stands for; `consent` is needed for a bank account."""
    params: dict[str, Any] = {
        "confirmation_token": token,
        "return_url": return_url,
        "use_stripe_sdk": True,
        "expand": ["payment_method"],
    }
    if consent is not None:
        params["mandate_data"] = gateway.mandate_data(consent)
    with gateway.calling(region.stripe_account) as client:
        confirmed = client.v1.setup_intents.confirm(
            setup_id, cast(Any, params), {"idempotency_key": f"{key}:confirm"}
        )
    return _setup(confirmed)


def retrieve_setup(*, region: Region, setup_id: str) -> Setup:
    """Ask how a setup stands. Raises GatewayError."""
    with gateway.calling(region.stripe_account) as client:
        return _setup(client.v1.setup_intents.retrieve(setup_id, {"expand": ["payment_method"]}))


def cancel_setup(*, region: Region, setup_id: str) -> Setup:
    """Make sure that a setup can never succeed. Raises Refused where it already did."""
    with gateway.calling(region.stripe_account) as client:
        return _setup(client.v1.setup_intents.cancel(setup_id, {"expand": ["payment_method"]}))


def verify_setup(
    *, region: Region, setup_id: str, amounts: tuple[int, int] | None = None, code: str = ""
) -> Setup:
    """Answer what the micro-deposits were: two amounts in cents, or the code in their text.

    Without a key of ours: each answer is a try of its own. Raises GatewayError; a wrong answer is
    Refused with Stripe's code.
    """
    params: dict[str, Any] = {"amounts": list(amounts)} if amounts else {"descriptor_code": code}
    params["expand"] = ["payment_method"]
    with gateway.calling(region.stripe_account) as client:
        return _setup(client.v1.setup_intents.verify_microdeposits(setup_id, cast(Any, params)))


def retrieve_method(*, region: Region, method_id: str) -> Method | None:
    """What may be shown of a saved method by now: networks renew cards by themselves."""
    with gateway.calling(region.stripe_account) as client:
        return gateway.read_method(client.v1.payment_methods.retrieve(method_id))


def detach(*, region: Region, method_id: str) -> None:
    """Make Stripe forget a method; done before is done. Raises GatewayError."""
    try:
        with gateway.calling(region.stripe_account) as client:
            client.v1.payment_methods.detach(method_id)
    except gateway.Refused as refusal:
        if refusal.missing or not _is_attached(region, method_id):
            return
        raise


def _is_attached(region: Region, method_id: str) -> bool:
    with gateway.calling(region.stripe_account) as client:
        return bool(client.v1.payment_methods.retrieve(method_id).customer)


def _setup(found: Any) -> Setup:
    error = found.last_setup_error
    action = found.next_action
    deposits = getattr(action, "verify_with_microdeposits", None) if action else None
    method = found.payment_method
    return Setup(
        id=found.id,
        status=found.status,
        client_secret=found.client_secret or "",
        error_code=gateway.refusal_code(error) if error else "",
        method=gateway.read_method(method) if method and not isinstance(method, str) else None,
        verify_by=(deposits.microdeposit_type or "amounts") if deposits else "",
        deposits_at=(dt.datetime.fromtimestamp(deposits.arrival_date, dt.UTC) if deposits else None),
    )
