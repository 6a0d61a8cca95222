from billing.models.invoices import BillingAccount, Invoice, InvoiceLine
from billing.models.ledger import (
    EntryKind,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    LedgerBlock,
    LedgerCode,
)

__all__ = [
    "BillingAccount",
    "EntryKind",
    "Invoice",
    "InvoiceLine",
    "JournalEntry",
    "JournalLine",
    "LedgerAccount",
    "LedgerBlock",
    "LedgerCode",
]
