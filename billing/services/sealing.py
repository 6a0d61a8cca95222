"""Sealing the books (common.sealing): one digest per entry, over every column of it and its lines."""

from collections.abc import Iterator

from billing.models import LedgerBlock
from common import sealing

LEDGER = sealing.Chain(
    event="ledger.sealed",
    blocks=LedgerBlock,
    lock=0x6B707061795F6C64,  # "kppay_ld"
    digests="""
        SELECT e.id, encode(sha256(convert_to(concat_ws('|',
            e.id, e.region_id, e.kind, e.source, e.source_id, e.effective_on,
            extract(epoch FROM e.posted_at), e.xact_id,
            (SELECT string_agg(concat_ws(':', l.id, l.ledger_account_id, l.amount_cents,
                               coalesce(l.account_id, 0), coalesce(l.invoice_id, 0)), ';' ORDER BY l.id)
             FROM billing_journalline l WHERE l.entry_id = e.id)
        ), 'UTF8')), 'hex') AS digest
        FROM billing_journalentry e
        WHERE e.xact_id >= %(from)s::text::xid8 AND e.xact_id < %(to)s::text::xid8
    """,
)


def seal_ledger() -> LedgerBlock | None:
    """Seal all complete entries since the last block; None where there are none."""
    block: LedgerBlock | None = sealing.seal(LEDGER)
    return block


def broken_blocks() -> Iterator[str]:
    """Recompute every block; yields a sentence for each that does not hold."""
    return sealing.broken_blocks(LEDGER)
