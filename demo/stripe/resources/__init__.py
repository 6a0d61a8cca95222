"""One module per resource of the API; importing this package registers all their routes and acts."""

from demo.stripe.resources import (
    balance,
    challenges,
    charges,
    confirmation_tokens,
    customers,
    debits,
    disputes,
    events,
    mandates,
    microdeposits,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    setup_intents,
)

__all__ = [
    "balance",
    "challenges",
    "charges",
    "confirmation_tokens",
    "customers",
    "debits",
    "disputes",
    "events",
    "mandates",
    "microdeposits",
    "payment_intents",
    "payment_methods",
    "payouts",
    "refunds",
    "setup_intents",
]
