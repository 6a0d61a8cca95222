from billing.models.corrections import Correction
from billing.models.invoices import (
    COMPARABLE_ACCOUNT_NUMBER,
    BillingAccount,
    Invoice,
    InvoiceLine,
)
from billing.models.ledger import (
    EntryKind,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    LedgerBlock,
    LedgerCode,
)

__all__ = [
    "COMPARABLE_ACCOUNT_NUMBER",
    "BillingAccount",
    "Correction",
    "EntryKind",
    "Invoice",
    "InvoiceLine",
    "JournalEntry",
    "JournalLine",
    "LedgerAccount",
    "LedgerBlock",
    "LedgerCode",
]
