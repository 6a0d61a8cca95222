"""What was owed at a moment in the books, however much has been posted since."""

from django.db.models import Sum

from billing.models import EntryKind, JournalEntry, JournalLine, LedgerCode


def owed_after(*, kind: EntryKind, source: str, source_id: str) -> dict[int, int]:
    """What was left on each bill right after an entry, in cents, by the bill's key.

    Only the bills that the entry touches. Whoever posts to a bill holds the lock of its row, so the
    keys of the entries of one bill are in the order in which they took effect.
    Raises JournalEntry.DoesNotExist.
    """
    entry = JournalEntry.objects.get(kind=kind, source=source, source_id=source_id)
    receivable = JournalLine.objects.filter(ledger_account=LedgerCode.RECEIVABLE)
    return dict(
        receivable.filter(
            invoice__in=receivable.filter(entry=entry).values("invoice"), entry__lte=entry.pk
        )
        .values_list("invoice")
        .annotate(Sum("amount_cents"))
    )
