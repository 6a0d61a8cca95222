"""What changed the amount owed on a bill, from the books, in words for who owes it.

Staff read the kinds of entries by their own names (EntryKind).
"""

import datetime as dt
from dataclasses import dataclass

from django.db.models import OuterRef, Q, Subquery
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from billing.models import EntryKind, Invoice, JournalLine, LedgerCode

RECEIVED = pgettext_lazy("posting", "Payment received")
CANCELED = pgettext_lazy("posting", "Bill canceled")
TO_BALANCE = pgettext_lazy("posting", "What was paid went to your account balance")

# What an entry means for a bill: where it lowers what is owed, and where it raises it.
LOWERED: dict[str, Promise | str] = {
    EntryKind.PAYMENT_SETTLED: RECEIVED,
    EntryKind.PAYMENT_MOVED: pgettext_lazy("posting", "Payment moved here from another bill"),
    EntryKind.BILL_ADJUSTED: pgettext_lazy("posting", "Adjusted"),
    EntryKind.BILL_WRITTEN_OFF: pgettext_lazy("posting", "Written off: you need not pay it"),
    EntryKind.INVOICE_VOIDED: CANCELED,
}
RAISED: dict[str, Promise | str] = {
    EntryKind.PAYMENT_MOVED: pgettext_lazy("posting", "Payment moved to another bill"),
    EntryKind.REFUND_PROMISED: pgettext_lazy("posting", "Refunded"),
    EntryKind.DISPUTE_LOST: pgettext_lazy("posting", "Taken back by your bank"),
}
# What was refunded, by where it went; the rest to where it had come from.
REFUNDED: dict[str, Promise | str] = {
    LedgerCode.ACCOUNT_BALANCE: pgettext_lazy("posting", "Refunded to your account balance"),
    LedgerCode.BANK: pgettext_lazy("posting", "Taken back: the payment was recorded in error"),
}


@dataclass(frozen=True, slots=True)
class Posted:
    """A change of what is owed, as the books have it."""

    on: dt.date  # on the region's calendar
    label: Promise | str
    amount_cents: int  # positive where it lowers what is owed

    @property
    def change_cents(self) -> int:
        """What it did to the amount owed."""
        return -self.amount_cents


def postings(invoice: Invoice) -> list[Posted]:
    """What changed the amount owed since the bill was issued, oldest first, in one query."""
    refunded_to = JournalLine.objects.filter(entry=OuterRef("entry"), amount_cents__lt=0)
    rows = (
        JournalLine.objects.filter(
            Q(ledger_account=LedgerCode.RECEIVABLE)
            | Q(ledger_account=LedgerCode.ACCOUNT_BALANCE, entry__kind=EntryKind.INVOICE_VOIDED),
            invoice=invoice,
        )
        .exclude(entry__kind=EntryKind.INVOICE_ISSUED)
        .annotate(refunded_to=Subquery(refunded_to.values("ledger_account")[:1]))
        .order_by("entry__effective_on", "entry_id")
        .values_list(
            "entry__effective_on", "entry__kind", "amount_cents", "ledger_account", "refunded_to"
        )
    )
    found, canceled = [], []
    for on, kind, cents, ledger_account, refunded_to in rows:
        if kind == EntryKind.INVOICE_VOIDED:
            canceled.append((on, ledger_account, -cents))
        else:
            found.append(Posted(on, _label(kind, cents, refunded_to), -cents))
    return found + _canceled(canceled)


def _label(kind: str, cents: int, refunded_to: str) -> Promise | str:
    if kind == EntryKind.REFUND_PROMISED:
        return REFUNDED.get(refunded_to, RAISED[kind])
    return (RAISED if cents > 0 else LOWERED)[kind]


def _canceled(lines: list[tuple[dt.date, str, int]]) -> list[Posted]:
    """The end of a bill: all that was asked for is taken off, and what was paid went elsewhere."""
    if not lines:
        return []
    on = lines[0][0]
    paid_cents = sum(cents for _on, code, cents in lines if code == LedgerCode.ACCOUNT_BALANCE)
    ended = [Posted(on, CANCELED, sum(cents for _on, _code, cents in lines))]
    return [*ended, Posted(on, TO_BALANCE, -paid_cents)] if paid_cents else ended
