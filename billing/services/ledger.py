"""Posting to the books: the only way money is written down.

A posting is idempotent on (kind, source, source_id): the second call returns the first entry, and
raises where it would say something else. Entries balance and stay as they are; PostgreSQL sees to it.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from accounts.models import Region
from billing.models import BillingAccount, EntryKind, Invoice, JournalEntry, JournalLine, LedgerCode


class PostedDifferently(RuntimeError):
    """The same event was posted before with other lines: a bug, and never silently accepted."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line to be posted: a debit where positive, a credit where negative, in cents."""

    code: LedgerCode
    amount_cents: int
    account: BillingAccount | None = None
    invoice: Invoice | None = None

    @property
    def key(self) -> tuple[str, int, int | None, int | None]:
        return (
            self.code.value,
            self.amount_cents,
            self.account.pk if self.account else None,
            self.invoice.pk if self.invoice else None,
        )


def post(
    *,
    kind: EntryKind,
    source: str,
    source_id: str,
    region: Region,
    effective_on: dt.date,
    lines: Sequence[Posting],
) -> tuple[JournalEntry, bool]:
    """Post one entry; returns it and whether it is new.

    Call it in the transaction that moves what the entry is about. Raises PostedDifferently; an entry
    that does not balance fails at commit with an IntegrityError.
    """
    try:
        with transaction.atomic():  # a savepoint: the key may be taken
            entry = JournalEntry.objects.create(
                kind=kind,
                source=source,
                source_id=source_id,
                region=region,
                effective_on=effective_on,
            )
    except IntegrityError:
        existing = JournalEntry.objects.get(kind=kind, source=source, source_id=source_id)
        _check_same(existing, lines)
        return existing, False
    JournalLine.objects.bulk_create(
        JournalLine(
            entry=entry,
            ledger_account_id=line.code,
            amount_cents=line.amount_cents,
            account=line.account,
            invoice=line.invoice,
        )
        for line in lines
    )
    return entry, True


def _check_same(entry: JournalEntry, lines: Sequence[Posting]) -> None:
    posted = Counter(
        entry.lines.values_list("ledger_account_id", "amount_cents", "account_id", "invoice_id")
    )
    if posted != Counter(line.key for line in lines):
        raise PostedDifferently(f"{entry.kind} {entry.source}/{entry.source_id}")
