"""Writing the audit log, and sealing it.

An act is recorded in the transaction that it happens in: no act without its record, and no record of
what was rolled back. A look is recorded before the page is shown.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from accounts.models import Member, User
from billing.models import BillingAccount
from common import sealing
from common.cards import hide_card_numbers
from staff.models import Action, AuditBlock, AuditRecord

log = structlog.get_logger(__name__)

AUDIT = sealing.Chain(
    event="audit.sealed",
    blocks=AuditBlock,
    lock=0x6B707061795F6175,  # "kppay_au"
    digests="""
        SELECT a.id, encode(sha256(convert_to(jsonb_build_array(
            a.id, extract(epoch FROM a.at), a.who_id, a.role, host(a.ip_address), a.user_agent,
            a.request_id, a.action, a.member_id, a.account_id, a.reference, a.detail, a.act_key,
            a.xact_id::text
        )::text, 'UTF8')), 'hex') AS digest
        FROM staff_auditrecord a
        WHERE a.xact_id >= %(from)s::text::xid8 AND a.xact_id < %(to)s::text::xid8
    """,
)


# A social security number, as people write it.
_SSN = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")


def hide_numbers(text: str) -> str:
    """What somebody typed, without what the log must not keep for years: card and social security
    numbers.
    """
    return _SSN.sub("[number removed]", hide_card_numbers(text))


class ActedAlready(RuntimeError):
    """The same confirmation page was sent twice; `record` is what the first one did."""

    def __init__(self, record: AuditRecord) -> None:
        super().__init__(record.action)
        self.record = record


@dataclass(frozen=True, slots=True)
class Actor:
    """A member of staff at a browser."""

    user: User
    role: str
    ip_address: str | None
    user_agent: str
    request_id: str


def record(
    *,
    by: Actor,
    action: Action,
    account: BillingAccount | None = None,
    member: Member | None = None,
    reference: str = "",
    detail: Mapping[str, Any] | None = None,
    act_key: uuid.UUID | None = None,
) -> AuditRecord:
    """Write one record, in the caller's transaction.

    With an `act_key` that was used before raises ActedAlready; the caller's transaction must then be
    rolled back, so record first and act after.
    """
    if account is not None and member is None:
        member = account.guarantor
    try:
        with transaction.atomic():
            return AuditRecord.objects.create(
                who=by.user,
                role=by.role[:40],
                ip_address=by.ip_address,
                user_agent=hide_card_numbers(by.user_agent)[:300],
                request_id=by.request_id[:40],
                action=action,
                account=account,
                member=member,
                reference=reference[:80],
                detail=dict(detail or {}),
                act_key=act_key,
            )
    except IntegrityError:
        first = AuditRecord.objects.filter(act_key=act_key).first() if act_key else None
        if first is None:
            raise
        raise ActedAlready(first) from None


def seal_audit() -> AuditBlock | None:
    """Seal all complete records since the last block; None where there are none."""
    block: AuditBlock | None = sealing.seal(AUDIT)
    return block


def write_head(*, on: dt.date) -> None:
    """Once a day: the newest hash to the log, which leaves the database, even where nothing is new."""
    block = AuditBlock.objects.order_by("-number").first()
    log.info(
        "audit.head",
        on=on.isoformat(),
        block=block.number if block else 0,
        head=block.hash if block else sealing.GENESIS,
    )


def broken_blocks() -> Iterator[str]:
    """Recompute every block; yields a sentence for each that does not hold."""
    return sealing.broken_blocks(AUDIT)


def acted(act_key: uuid.UUID) -> bool:
    """Whether a confirmation page has acted before."""
    return AuditRecord.objects.filter(act_key=act_key).exists()
