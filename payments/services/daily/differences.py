"""What differs, as rows that staff see. A difference is listed once, and goes when it has gone."""

import datetime as dt
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
    for result in results:
        _resolve(account, kinds, result)
        if result.kind is not None:
            _list(account, result, on)


def _resolve(account: StripeAccount, kinds: Sequence[Difference.Kind], result: Compared) -> None:
    """Everything that this comparison said about the object before and does not say any more."""
    gone = Difference.objects.filter(
        stripe_account=account.name,
        kind__in=kinds,
        object_id=result.object_id,
        resolved_at__isnull=True,
    )
    if result.kind is not None:
        gone = gone.exclude(kind=result.kind)
    gone.update(resolved_at=now(), resolution=AGREES)


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
