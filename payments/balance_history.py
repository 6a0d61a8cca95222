"""The account balance as its owner reads it: every movement, from the books, and what waits.

Amounts are integer cents, positive where they add to the balance.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from billing.models import BillingAccount, EntryKind, JournalLine, LedgerCode
from payments.models import RESERVING, Dispute, Payment, Refund

PAGE_SIZE = 20

# What an entry means for the balance: where it adds to it, and where it takes from it.
_ADDED: dict[str, Promise | str] = {
    EntryKind.PAYMENT_SETTLED: pgettext_lazy("account balance", "Money added"),
    EntryKind.REFUND_PROMISED: pgettext_lazy("account balance", "A payment was refunded"),
    EntryKind.REFUND_FAILED: pgettext_lazy("account balance", "A refund could not be delivered"),
}
_TAKEN: dict[str, Promise | str] = {
    EntryKind.PAYMENT_SETTLED: pgettext_lazy("account balance", "Paid bills"),
    EntryKind.REFUND_PROMISED: pgettext_lazy("account balance", "Sent back to you"),
    EntryKind.DISPUTE_LOST: pgettext_lazy("account balance", "Taken back by your bank"),
}
_TAKEN_BACK = pgettext_lazy("account balance", "Taken back: it was recorded in error")
_LABELS = dict(EntryKind.choices)


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of the balance."""

    on: dt.date  # on the region's calendar
    what: Promise | str
    amount_cents: int
    balance_cents: int  # right after it
    reference: str  # of the payment that tells the rest; empty where there is none


@dataclass(frozen=True, slots=True)
class Page:
    """Some movements, the newest first."""

    movements: list[Movement]
    number: int
    has_older: bool


def page(account: BillingAccount, number: int) -> Page:
    """A page of the account's movements, counted from 1; an empty one beyond the last. One query."""
    first = (number - 1) * PAGE_SIZE
    rows = list(
        JournalLine.objects.filter(account=account, ledger_account=LedgerCode.ACCOUNT_BALANCE)
        .annotate(
            after=Window(Sum("amount_cents"), order_by=[F("entry_id").asc(), F("pk").asc()]),
            reference=_REFERENCE,
            in_error=_IN_ERROR,
        )
        .order_by("-entry_id", "-pk")
        .values_list(
            "entry__effective_on", "entry__kind", "amount_cents", "after", "reference", "in_error"
        )[first : first + PAGE_SIZE + 1]
    )
    return Page([_movement(*row) for row in rows[:PAGE_SIZE]], number, len(rows) > PAGE_SIZE)


def _of_source(name: str, found: QuerySet[Any]) -> When:
    """What `found`, a query by key, tells of the thing that an entry's source names."""
    return When(entry__source=name, then=Subquery(found.filter(pk=_SOURCE_KEY)[:1]))


# Read in the branch of its kind of source alone: the keys of others may be no numbers.
_SOURCE_KEY = Cast(OuterRef("entry__source_id"), BigIntegerField())
# The payment behind an entry.
_REFERENCE = Case(
    _of_source("payment", Payment.objects.values("reference")),
    _of_source("refund", Refund.objects.values("payment__reference")),
    _of_source("dispute", Dispute.objects.values("payment__reference")),
    default=Value(""),
)
# Whether an entry took back what was recorded in error.
_IN_ERROR = Case(
    _of_source("refund", Refund.objects.values(nowhere=Q(destination=Refund.Destination.NOWHERE))),
    default=Value(False),
)


def _movement(
    on: dt.date, kind: str, amount_cents: int, after: Decimal, reference: str, in_error: bool
) -> Movement:
    labels = _ADDED if amount_cents < 0 else _TAKEN
    return Movement(
        on=on,
        what=_TAKEN_BACK if in_error else labels.get(kind, _LABELS[kind]),
        amount_cents=-amount_cents,
        balance_cents=-int(after),
        reference=reference,
    )


def waiting(account: BillingAccount) -> list[Payment]:
    """Payments that have not ended and will use or fill the balance, the oldest first."""
    moving = Payment.objects.filter(account=account, state__in=RESERVING)
    return list(
        moving.exclude(from_balance_cents=0, to_balance_cents=0)
        .select_related("region")
        .only(
            *("reference", "state", "from_balance_cents", "to_balance_cents", "expected_on"),
            "region__time_zone",
        )
        .order_by("pk")
    )
