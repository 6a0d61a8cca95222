"""Sealing the books: periodic blocks whose hashes chain, so that no past entry can change unseen.

A serial chain in the write path would make every payment wait for every other. Instead a job seals
what is complete: an entry carries the id of the transaction that wrote it, and every transaction
below pg_snapshot_xmin has ended, so no entry can appear later inside a sealed range.

Transaction ids are those of this cluster. After a restore into another cluster run
`pg_resetwal --next-transaction-id` past the last sealed id (docs/operations.md, Restore).
"""

from collections.abc import Iterator

import structlog
from django.db import connection, transaction

from billing.models import LedgerBlock

log = structlog.get_logger(__name__)

GENESIS = "0" * 64
_ADVISORY_LOCK = 0x6B707061795F6C64  # "kppay_ld"

# One digest per entry over every column of the entry and its lines, then one over the digests.
_HASH_RANGE = """
    WITH entry AS (
        SELECT e.id, encode(sha256(convert_to(concat_ws('|',
            e.id, e.region_id, e.kind, e.source, e.source_id, e.effective_on,
            extract(epoch FROM e.posted_at), e.xact_id,
            (SELECT string_agg(concat_ws(':', l.id, l.ledger_account_id, l.amount_cents,
                               coalesce(l.account_id, 0), coalesce(l.invoice_id, 0)), ';' ORDER BY l.id)
             FROM billing_journalline l WHERE l.entry_id = e.id)
        ), 'UTF8')), 'hex') AS digest
        FROM billing_journalentry e
        WHERE e.xact_id >= %(from)s::text::xid8 AND e.xact_id < %(to)s::text::xid8
    )
    SELECT count(*), encode(sha256(convert_to(
        %(previous)s || coalesce(string_agg(digest, '' ORDER BY id), ''), 'UTF8')), 'hex')
    FROM entry
"""


def _hash_range(*, from_xact: int, to_xact: int, previous_hash: str) -> tuple[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(_HASH_RANGE, {"from": from_xact, "to": to_xact, "previous": previous_hash})
        count, digest = cursor.fetchone()
    return count, digest


@transaction.atomic
def seal_ledger() -> LedgerBlock | None:
    """Seal all complete entries since the last block; None where there are none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (to_xact,) = cursor.fetchone()
    last = LedgerBlock.objects.order_by("-number").first()
    from_xact, previous_hash = (last.to_xact, last.hash) if last else (0, GENESIS)
    if to_xact <= from_xact:
        return None
    count, digest = _hash_range(from_xact=from_xact, to_xact=to_xact, previous_hash=previous_hash)
    if not count:
        return None
    block = LedgerBlock.objects.create(
        number=last.number + 1 if last else 1,
        from_xact=from_xact,
        to_xact=to_xact,
        entry_count=count,
        previous_hash=previous_hash,
        hash=digest,
    )
    # The log leaves the database: whoever rewrites history here cannot rewrite it there.
    log.info("ledger.sealed", block=block.number, entries=count, head=digest)
    return block


def broken_blocks() -> Iterator[str]:
    """Recompute every block; yields a sentence for each that does not hold."""
    from_xact, previous_hash, number = 0, GENESIS, 0
    for block in LedgerBlock.objects.order_by("number").iterator():
        number += 1
        if (block.number, block.from_xact, block.previous_hash) != (number, from_xact, previous_hash):
            yield f"block {block.number} does not follow block {number - 1}"
        count, digest = _hash_range(
            from_xact=block.from_xact, to_xact=block.to_xact, previous_hash=block.previous_hash
        )
        if (count, digest) != (block.entry_count, block.hash):
            yield f"block {block.number} sealed {block.entry_count} entries that now read differently"
        from_xact, previous_hash, number = block.to_xact, block.hash, block.number
