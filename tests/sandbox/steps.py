"""The portal's steps at Stripe, as short words for the stories in this folder."""

from typing import Any

import stripe

RETURN_URL = "https://portal.example/pay/return"
ACCEPTED: Any = {
    "customer_acceptance": {
        "type": "online",
        "online": {"ip_address": "192.0.2.7", "user_agent": "Browser/1.0"},
    }
}


def create(client: stripe.StripeClient, cents: int = 4210, **given: Any) -> stripe.PaymentIntent:
    """A payment intent as the portal makes it: deferred, and named by our payment."""
    return client.v1.payment_intents.create(
        {
            "amount": cents,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"payment": "p_1"},
            **given,
        }
    )


def confirm(
    client: stripe.StripeClient, intent: stripe.PaymentIntent, **given: Any
) -> stripe.PaymentIntent:
    return client.v1.payment_intents.confirm(
        intent.id, {"return_url": RETURN_URL, "use_stripe_sdk": True, **given}
    )


def pay(
    client: stripe.StripeClient, card: str = "pm_card_visa", cents: int = 4210, **given: Any
) -> stripe.PaymentIntent:
    """Create and confirm at once."""
    chosen = {"payment_method": card, "return_url": RETURN_URL, **given}
    return create(client, cents, confirm=True, **chosen)


def debit(
    client: stripe.StripeClient, account: str = "success", cents: int = 4210, **given: Any
) -> stripe.PaymentIntent:
    """Create and confirm a payment by bank account, with the payer's mandate."""
    return pay(client, f"pm_usBankAccount_{account}", cents, **{"mandate_data": ACCEPTED, **given})
