"""What payment pages read."""

from django.db.models import F

from billing.models import BillingAccount, Invoice
from billing.models.invoices import InvoiceQuerySet

SHOWN_BILLS = 50  # the most pressing ones; every other bill is paid from its own page


def payable_bills(account: BillingAccount) -> InvoiceQuerySet:
    """Bills of an account of which something can be paid now, the most pressing first."""
    return (
        Invoice.objects.filter(account=account, open_cents__gt=F("reserved_cents"))
        .exclude(allocations__in_flight=True)
        .select_related("patient")
        .order_by("due_on", "pk")
    )
