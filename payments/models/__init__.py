from payments.models.allocation import Allocation, PaymentMove
from payments.models.checkout import Checkout, CheckoutItem
from payments.models.method import Authorization, PaymentMethod, StripeCustomer
from payments.models.payment import (
    CAME_TO_NOTHING,
    IN_FLIGHT,
    MOVES,
    RESERVING,
    SETTLED,
    Payment,
    PaymentEvent,
    State,
)
from payments.models.receipt import Receipt, ReceiptLink
from payments.models.reconciliation import (
    Difference,
    ReconciledDay,
    StripePayout,
    StripeTransaction,
)
from payments.models.refund import (
    DISPUTE_MOVES,
    REFUND_MOVES,
    Dispute,
    DisputeState,
    Refund,
    RefundPart,
    RefundState,
)
from payments.models.webhook import WebhookEvent

__all__ = [
    "CAME_TO_NOTHING",
    "DISPUTE_MOVES",
    "IN_FLIGHT",
    "MOVES",
    "REFUND_MOVES",
    "RESERVING",
    "SETTLED",
    "Allocation",
    "Authorization",
    "Checkout",
    "CheckoutItem",
    "Difference",
    "Dispute",
    "DisputeState",
    "Payment",
    "PaymentEvent",
    "PaymentMethod",
    "PaymentMove",
    "Receipt",
    "ReceiptLink",
    "ReconciledDay",
    "Refund",
    "RefundPart",
    "RefundState",
    "State",
    "StripeCustomer",
    "StripePayout",
    "StripeTransaction",
    "WebhookEvent",
]
