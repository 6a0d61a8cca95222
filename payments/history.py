"""The history of an account: payments, refunds, credits, and what banks took back, in one list.

An event may concern several bills, of several patients, so it is read in parts, one for each bill and
one for the account balance; filters and sums look at parts, the list shows events. SQL by hand: one
statement (payments.history_sql) for what stands around the list, one for a page of it, one for the
export, whatever the number of rows (docs/decisions/0008-bill-pages.md weighs LIMIT and OFFSET).

Days are on the region's calendar: of a payment the day on which it settled, or was started where it
has not; of a refund the day of the promise; of a dispute the day of the decision, once there is one; of
a paid bill that was canceled the day on which it was.
Those are the days of the journal's entries, so the totals here and the books agree to the cent.
"""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from billing.models import BillingAccount, Invoice
from payments import history_sql, methods
from payments.history_filter import KINDS, HistoryFilter
from payments.models import (
    CAME_TO_NOTHING,
    SETTLED,
    DisputeState,
    Payment,
    RefundState,
    State,
)

PAGE_SIZE = 20
EXPORT_CHUNK = 500  # rows that an export holds at a time


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over what was asked for, in cents. Only what the books have: nothing on its way in."""

    paid_cents: int = 0  # to bills, by any method, the account balance included
    added_cents: int = 0  # to the account balance
    refunded_cents: int = 0  # to where it came from
    credited_cents: int = 0  # to the account balance
    returned_cents: int = 0  # taken back by banks
    error_cents: int = 0  # recorded in error, and taken out of the books


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a page of the history."""

    count: int  # events under the filters
    totals: Totals
    # What was paid on bills less what came back, in cents, by (first day of the month, is premium).
    months: dict[tuple[dt.date, bool], int]
    patients: list[tuple[int, str]]  # of the whole history: key and name, by name
    years: list[int]  # of the whole history, latest first


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history; amounts in cents."""

    kind: str
    reference: str  # of a canceled bill, its number
    payment: str  # whose page tells the rest; empty where that of the bill does
    on: dt.date
    state: str
    stage: str
    amount_cents: int
    shown_cents: int  # the part that meets the filters
    method: str
    payer: str
    patients: list[str]
    bill_count: int
    provider: str  # of the only bill, or what kind of bill it is
    bill_key: int | None  # of the only bill

    @property
    def label(self) -> Promise | str:
        return KINDS[self.kind]

    @property
    def status(self) -> tuple[Promise | str, str]:
        """The state in a word, and how it looks."""
        return status_of(self.kind, self.state)

    @property
    def signed_cents(self) -> int:
        """What it did to what was paid: money that came back is negative."""
        return self.shown_cents if self.kind in ("payment", "added") else -self.shown_cents

    @property
    def by_guest(self) -> bool:
        return self.payer == Payment.Payer.GUEST


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One part of an event; amounts in cents."""

    on: dt.date
    kind: Promise | str
    reference: str
    payment: str
    status: Promise | str
    method: str
    by_guest: bool
    bill: str
    bill_kind: Promise | str
    provider: str
    patient: str
    amount_cents: int | None  # None where it is not divided between bills yet
    paid_cents: int  # what counts as paid
    back_cents: int  # what counts as come back


# How a state looks; its word always stands beside it (templates/components/status.html).
_TONES: dict[str, dict[str, str]] = {
    "payment": {
        State.SUCCEEDED: "good",
        State.FAILED: "bad",
        State.RETURNED: "bad",
        State.DISPUTED: "warn",
        State.UNKNOWN: "warn",
        State.REQUIRES_ACTION: "warn",
    },
    "refund": {RefundState.SUCCEEDED: "good", RefundState.UNKNOWN: "warn"},
    "dispute": {DisputeState.OPEN: "warn", DisputeState.WON: "good", DisputeState.LOST: "bad"},
}
_LABELS: dict[str, dict[str, Promise | str]] = {
    "payment": dict(State.choices),
    "refund": dict(RefundState.choices),
    "dispute": dict(DisputeState.choices),
}
_TAKEN_BACK = pgettext_lazy("history", "Taken back")
_CREDITED = pgettext_lazy("history", "In your account balance")
_BILL_KINDS: dict[str, Promise | str] = dict(Invoice.Kind.choices)


def status_of(kind: str, state: str) -> tuple[Promise | str, str]:
    """The state of an event in a word, and how it looks."""
    if kind == "credit":
        return _CREDITED, "good"
    if kind == "error":
        return _TAKEN_BACK, "warn"
    if kind == "return":
        return _LABELS["payment"][State.RETURNED], "bad"
    machine = "payment" if kind == "added" else kind
    return _LABELS[machine][state], _TONES[machine].get(state, "info")


def around(
    account: BillingAccount, asked: HistoryFilter, *, chart_from: dt.date, chart_to: dt.date
) -> Around:
    """Totals, months and choices, in one query; months from `chart_from` to `chart_to`."""
    condition, values = asked.condition
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(history_sql.AROUND, condition),
            _values(account) | values | {"chart_from": chart_from, "chart_to": chart_to},
        )
        count, sums, months, patients, years = cursor.fetchone()
    sums = _json(sums) or {}
    return Around(
        count=count,
        totals=Totals(
            paid_cents=sums.get("payment", 0),
            added_cents=sums.get("added", 0),
            refunded_cents=sums.get("refund", 0),
            credited_cents=sums.get("credit", 0),
            returned_cents=sums.get("return", 0) + sums.get("dispute", 0),
            error_cents=sums.get("error", 0),
        ),
        months={
            (dt.date.fromisoformat(f"{month}-01"), side == "premium"): cents
            for month, side, cents in _json(months) or ()
        },
        patients=sorted(map(tuple, _json(patients) or ()), key=lambda pair: pair[1].casefold()),
        years=sorted(years or (), reverse=True),
    )


def page(account: BillingAccount, asked: HistoryFilter) -> list[Event]:
    """The events of one page, latest first, in one query."""
    condition, values = asked.condition
    values |= {"limit": PAGE_SIZE, "offset": (asked.page - 1) * PAGE_SIZE}
    with connection.cursor() as cursor:
        cursor.execute(_statement(history_sql.PAGE, condition), _values(account) | values)
        return [_event(*row) for row in cursor]


def _event(
    kind: str,
    reference: str,
    payment: str,
    on: dt.date,
    state: str,
    stage: str,
    amount_cents: int,
    shown_cents: int,
    method_kind: str,
    method_brand: str,
    method_last4: str,
    payer: str,
    patients: list[str] | None,
    bill_count: int,
    provider: str | None,
    bill_kind: str | None,
    bill_key: int | None,
) -> Event:
    return Event(
        kind=kind,
        reference=reference,
        payment=payment,
        on=on,
        state=state,
        stage=stage,
        amount_cents=amount_cents,
        shown_cents=int(shown_cents),
        method=_method(payment, method_kind, method_brand, method_last4),
        payer=payer,
        patients=patients or [],
        bill_count=bill_count,
        provider=provider or str(_BILL_KINDS.get(bill_kind or "", "")),
        bill_key=bill_key if bill_count == 1 else None,
    )


def _method(payment: str, kind: str, brand: str, last4: str) -> str:
    """How the payment was made; empty where no payment is meant."""
    return methods.describe(kind=kind, brand=brand, last4=last4) if payment else ""


def export(account: BillingAccount, asked: HistoryFilter) -> Iterator[ExportRow]:
    """Every part that meets the filters, latest first, through a cursor on the server's side.

    Holds EXPORT_CHUNK rows at a time, however many there are.
    """
    condition, values = asked.condition
    with connection.chunked_cursor() as cursor:
        cursor.execute(_statement(history_sql.EXPORT, condition), _values(account) | values)
        while rows := cursor.fetchmany(EXPORT_CHUNK):
            for row in rows:
                yield _export_row(*row)


def _export_row(
    on: dt.date,
    kind: str,
    reference: str,
    payment: str,
    state: str,
    method_kind: str,
    method_brand: str,
    method_last4: str,
    payer: str,
    bill: str | None,
    bill_kind: str | None,
    provider: str | None,
    patient: str | None,
    cents: int | None,
    sign: int,
) -> ExportRow:
    return ExportRow(
        on=on,
        kind=KINDS[kind],
        reference=reference,
        payment=payment,
        status=status_of(kind, state)[0],
        method=_method(payment, method_kind, method_brand, method_last4),
        by_guest=payer == Payment.Payer.GUEST,
        bill=bill or "",
        bill_kind=_BILL_KINDS[bill_kind] if bill_kind else "",
        provider=provider or "",
        patient=patient or "",
        amount_cents=cents,
        paid_cents=(cents or 0) if sign > 0 else 0,
        back_cents=(cents or 0) if sign < 0 else 0,
    )


def _statement(sql: str, condition: str) -> str:
    return sql.format(parts=history_sql.PARTS, condition=condition)


def _values(account: BillingAccount) -> dict[str, Any]:
    """What the parts of an account's events are read with."""
    return {
        "account": account.pk,
        "time_zone": account.region.time_zone,
        "settled": [state.value for state in SETTLED],
        "nothing": [state.value for state in CAME_TO_NOTHING],
        "refund_failed": RefundState.FAILED.value,
        "dispute_open": DisputeState.OPEN.value,
        "dispute_lost": DisputeState.LOST.value,
        "premium": Invoice.Kind.PREMIUM.value,
    }


def _json(text: str | None) -> Any:
    """Django hands over jsonb as text."""
    return None if text is None else json.loads(text)
