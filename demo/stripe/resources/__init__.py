"""One module per resource of the API; importing this package registers all their routes."""

from demo.stripe.resources import (
    challenges,
    charges,
    confirmation_tokens,
    customers,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
)

__all__ = [
    "challenges",
    "charges",
    "confirmation_tokens",
    "customers",
    "events",
    "payment_intents",
    "payment_methods",
    "refunds",
    "setup_intents",
]
