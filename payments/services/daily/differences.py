"""What differs, as rows that staff see. A difference is listed once, and goes when it has gone."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from django.db import transaction

from common.clock import now
from payments.models import Difference
from payments.services.daily.accounts import StripeAccount
from payments.services.daily.comparing import Compared

log = structlog.get_logger(__name__)
AGREES = "Both books agree now."


@dataclass(frozen=True, slots=True)
class Found:
    """An open difference, for the report; cents as in payments.models.Difference."""

    kind: Difference.Kind
    object_id: str
    ours_cents: int | None
    theirs_cents: int | None


@transaction.atomic
def keep(
    account: StripeAccount,
    kinds: Sequence[Difference.Kind],
    results: Iterable[Compared],
    *,
    on: dt.date,
) -> None:
    """List what is wrong, resolve what has become right.

    `kinds` are those that only this comparison finds; `on` is the day that was reconciled.
    """
    listed: dict[str, list[Difference]] = defaultdict(list)
    for row in Difference.objects.filter(
        stripe_account=account.name, kind__in=kinds, resolved_at__isnull=True
    ):
        listed[row.object_id].append(row)
    for result in results:
        gone = [row.pk for row in listed[result.object_id] if row.kind != result.kind]
        if gone:
            Difference.objects.filter(pk__in=gone).update(resolved_at=now(), resolution=AGREES)
        if result.kind is not None:
            _list(account, result, on)


def _list(account: StripeAccount, result: Compared, on: dt.date) -> None:
    figures = {"ours_cents": result.ours, "theirs_cents": result.theirs}
    row, new = Difference.objects.update_or_create(
        stripe_account=account.name,
        kind=result.kind,
        object_id=result.object_id,
        defaults={**figures, "resolved_at": None, "resolution": ""},
        create_defaults={**figures, "found_on": on},
    )
    if new:
        log.error("reconciliation.difference", account=account.name, kind=row.kind, of=row.object_id)


def still_open(account: StripeAccount) -> list[Found]:
    """Everything that waits for somebody, oldest first."""
    rows = Difference.objects.filter(stripe_account=account.name, resolved_at__isnull=True)
    return [
        Found(Difference.Kind(row.kind), row.object_id, row.ours_cents, row.theirs_cents)
        for row in rows.order_by("found_on", "pk")
    ]
