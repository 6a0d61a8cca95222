"""What Stripe's types of movements mean for our books.

docs.stripe.com/reports/balance-transaction-types. A type that is not named here is explained by a
dispute of ours, or is shown to staff: a new type is never silently taken for something we know.
"""

from django.db.models import Q

from payments.models import StripeTransaction

# Explained by a Payment, through its PaymentIntent. A bank debit is a `payment` from the day it is
# sent; where the bank refuses it, a failure of the same amount follows.
CHARGES = frozenset({"charge", "payment", "payment_failure_refund", "payment_reversal"})
# Explained by a Refund, through its id.
REFUND_FAILURE = "refund_failure"  # the amount is back: the payer's bank did not take it
REFUNDS = frozenset({"refund", "payment_refund", REFUND_FAILURE})
# Stripe's own invoices to us: their amount is a fee.
FEES = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})
# Between our balance at Stripe and our bank.
PAYOUT = "payout"
PAYOUTS = frozenset({PAYOUT, "payout_failure", "payout_cancel"})

IS_CHARGE = Q(type__in=CHARGES) & ~Q(intent_id="")
IS_REFUND = Q(type__in=REFUNDS)
IS_FEE = ~Q(fee_cents=0) | Q(type__in=FEES)
IS_PAYOUT = Q(type__in=PAYOUTS)
IS_OTHER = ~IS_CHARGE & ~IS_REFUND & ~Q(type__in=FEES) & ~IS_PAYOUT

# The sources of our journal entries for them; a payout's own entry has the payout's id.
TRANSACTION = "stripe_transaction"


def fee_effect(copy: StripeTransaction) -> int:
    """What a fee does to our balance at Stripe: negative, or positive where it comes back."""
    return (copy.amount_cents if copy.type in FEES else 0) - copy.fee_cents


def payout_source(copy: StripeTransaction) -> tuple[str, str]:
    """Source and key of a payout movement's entry; one that comes back is an entry of its own."""
    if copy.type == PAYOUT:
        return PAYOUT, copy.source_id
    return TRANSACTION, copy.transaction_id
