"""Posting to the books: the only way money is written down.

A posting is idempotent on (kind, source, source_id): the second call returns the first entry, and
raises where it would say something else. Entries balance and stay as they are; PostgreSQL sees to it.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from accounts.models import Region
from billing.models import BillingAccount, EntryKind, Invoice, JournalEntry, LedgerCode
from common.clock import now

# An entry and all of its lines in one statement: nothing, where its key is taken.
_POST = """
    WITH entry AS (
        INSERT INTO billing_journalentry
            (region_id, kind, source, source_id, effective_on, posted_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (kind, source, source_id) DO NOTHING
        RETURNING id, xact_id
    ), lines AS (
        INSERT INTO billing_journalline
            (entry_id, ledger_account_id, amount_cents, account_id, invoice_id)
        SELECT entry.id, line.*
        FROM entry, unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) AS line
    )
    SELECT id, xact_id::text FROM entry
"""


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
    entry = JournalEntry(
        kind=kind,
        source=source,
        source_id=source_id,
        region=region,
        effective_on=effective_on,
        posted_at=now(),
    )
    columns = [list(column) for column in zip(*(line.key for line in lines), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            _POST,
            [
                *(region.pk, kind, source, source_id, effective_on, entry.posted_at),
                *(columns or [[], [], [], []]),
            ],
        )
        posted = cursor.fetchone()
    if posted is None:
        existing = JournalEntry.objects.get(kind=kind, source=source, source_id=source_id)
        _check_same(existing, lines)
        return existing, False
    entry.pk, entry.xact_id = posted[0], int(posted[1])
    entry._state.adding = False
    return entry, True


def _check_same(entry: JournalEntry, lines: Sequence[Posting]) -> None:
    posted = Counter(
        entry.lines.values_list("ledger_account_id", "amount_cents", "account_id", "invoice_id")
    )
    if posted != Counter(line.key for line in lines):
        raise PostedDifferently(f"{entry.kind} {entry.source}/{entry.source_id}")
