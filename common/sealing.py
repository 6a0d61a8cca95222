"""Sealing a table that only grows: periodic blocks whose hashes chain, so that no past row can
change unseen.

A serial chain in the write path would make every writer wait for every other. Instead a job seals
what is complete: a row carries the id of the transaction that wrote it, and every transaction below
pg_snapshot_xmin has ended, so no row can appear later inside a sealed range.

Transaction ids are those of this cluster. After a restore into another cluster run
`pg_resetwal --next-transaction-id` past the last sealed id (docs/operations.md, Restore).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import connection, models, transaction

log = structlog.get_logger(__name__)

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Chain:
    """What is sealed into which blocks.

    `digests` is SQL for the rows `id, digest` of transactions in [%(from)s, %(to)s): one digest per
    row of the table, over all its columns.
    """

    event: str  # in the log: "ledger.sealed"
    blocks: type[models.Model]
    lock: int  # advisory: one sealer at a time
    digests: str


def _hash_range(chain: Chain, *, from_xact: int, to_xact: int, previous_hash: str) -> tuple[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH entry AS ({chain.digests})
            SELECT count(*), encode(sha256(convert_to(
                %(previous)s || coalesce(string_agg(digest, '' ORDER BY id), ''), 'UTF8')), 'hex')
            FROM entry
            """,  # noqa: S608  # nosec B608  a chain's SQL is written in our code
            {"from": from_xact, "to": to_xact, "previous": previous_hash},
        )
        count, digest = cursor.fetchone()
    return count, digest


@transaction.atomic
def seal(chain: Chain) -> Any:
    """Seal all complete rows since the last block; returns the block, None where there are none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [chain.lock])
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (to_xact,) = cursor.fetchone()
    blocks = chain.blocks._default_manager
    last: Any = blocks.order_by("-number").first()
    from_xact, previous_hash = (last.to_xact, last.hash) if last else (0, GENESIS)
    if to_xact <= from_xact:
        return None
    count, digest = _hash_range(
        chain, from_xact=from_xact, to_xact=to_xact, previous_hash=previous_hash
    )
    if not count:
        return None
    block: Any = blocks.create(
        number=last.number + 1 if last else 1,
        from_xact=from_xact,
        to_xact=to_xact,
        previous_hash=previous_hash,
        hash=digest,
        entry_count=count,
    )
    # The log leaves the database: whoever rewrites history here cannot rewrite it there.
    log.info(chain.event, block=block.number, entries=count, head=digest)
    return block


def broken_blocks(chain: Chain) -> Iterator[str]:
    """Recompute every block; yields a sentence for each that does not hold."""
    from_xact, previous_hash, number = 0, GENESIS, 0
    blocks: Iterator[Any] = chain.blocks._default_manager.order_by("number").iterator()
    for block in blocks:
        number += 1
        if (block.number, block.from_xact, block.previous_hash) != (number, from_xact, previous_hash):
            yield f"block {block.number} does not follow block {number - 1}"
        if (block.entry_count, block.hash) != _hash_range(
            chain,
            from_xact=block.from_xact,
            to_xact=block.to_xact,
            previous_hash=block.previous_hash,
        ):
            yield f"block {block.number} sealed {block.entry_count} entries that now read differently"
        from_xact, previous_hash, number = block.to_xact, block.hash, block.number
