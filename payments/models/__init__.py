from payments.models.checkout import Checkout, CheckoutItem
from payments.models.payment import (
    IN_FLIGHT,
    MOVES,
    RESERVING,
    Allocation,
    Payment,
    PaymentEvent,
    State,
)
from payments.models.receipt import Receipt
from payments.models.webhook import WebhookEvent

__all__ = [
    "IN_FLIGHT",
    "MOVES",
    "RESERVING",
    "Allocation",
    "Checkout",
    "CheckoutItem",
    "Payment",
    "PaymentEvent",
    "Receipt",
    "State",
    "WebhookEvent",
]
