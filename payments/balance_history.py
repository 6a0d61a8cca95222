"""The account balance as its owner reads it: every movement, from the books, and what waits.

Amounts are integer cents, positive where they add to the balance.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Sum, Window
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
_IN_ERROR = pgettext_lazy("account balance", "Taken back: it was recorded in error")
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
    """A page of the account's movements, counted from 1; an empty one beyond the last."""
    first = (number - 1) * PAGE_SIZE
    rows = list(
        JournalLine.objects.filter(account=account, ledger_account=LedgerCode.ACCOUNT_BALANCE)
        .annotate(
            after=Window(Sum("amount_cents"), order_by=[F("entry_id").asc(), F("pk").asc()]),
        )
        .order_by("-entry_id", "-pk")
        .values_list(
            "entry__effective_on",
            "entry__kind",
            "entry__source",
            "entry__source_id",
            "amount_cents",
            "after",
        )[first : first + PAGE_SIZE + 1]
    )
    shown = rows[:PAGE_SIZE]
    references = _references((source, source_id) for _on, _kind, source, source_id, *_ in shown)
    in_error = _in_error(
        key for _on, kind, _source, key, *_ in shown if kind == EntryKind.REFUND_PROMISED
    )
    movements = [_movement(row, references, in_error) for row in shown]
    return Page(movements, number, len(rows) > PAGE_SIZE)


def _movement(
    row: tuple[Any, ...], references: dict[tuple[str, str], str], in_error: set[str]
) -> Movement:
    on, kind, source, source_id, amount_cents, after = row
    labels = _ADDED if amount_cents < 0 else _TAKEN
    is_error = kind == EntryKind.REFUND_PROMISED and source_id in in_error
    return Movement(
        on=on,
        what=_IN_ERROR if is_error else labels.get(kind, _LABELS[kind]),
        amount_cents=-amount_cents,
        balance_cents=-int(after),
        reference=references.get((source, source_id), ""),
    )


def _in_error(refunds: Iterable[str]) -> set[str]:
    """Of refunds, by key: those that took back what was recorded in error."""
    found = Refund.objects.filter(pk__in=list(refunds), destination=Refund.Destination.NOWHERE)
    return {str(pk) for pk in found.values_list("pk", flat=True)}


def _references(sources: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The payment behind each entry's source, in at most one query a kind of source."""
    keys: dict[str, list[str]] = defaultdict(list)
    for source, key in sources:
        keys[source].append(key)
    queries = {
        "payment": (Payment, "reference"),
        "refund": (Refund, "payment__reference"),
        "dispute": (Dispute, "payment__reference"),
    }
    return {
        (source, str(pk)): reference
        for source, (model, reference_field) in queries.items()
        if source in keys
        for pk, reference in model._default_manager.filter(pk__in=keys[source]).values_list(
            "pk", reference_field
        )
    }


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
