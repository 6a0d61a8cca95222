"""What the billing pages read. Each function is one query, whatever the number of bills.

Amounts are integer cents. Rows are dataclasses filled from columns: pages with many rows never make
model instances, and nothing here loads more when a template looks at it.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Case, Count, F, Min, Q, QuerySet, Sum, Value, When, Window
from django.db.models.functions import ExtractYear, RowNumber
from django.utils.functional import Promise

from billing.filters import STATES, BillFilter
from billing.models import BillingAccount, EntryKind, Invoice, InvoiceLine, JournalLine, LedgerCode
from billing.models.invoices import STATUS_LABELS, bill_status
from billing.postings import RECEIVED, Posted

PAGE_SIZE = 20
SOONEST = 3  # bills that the home page names on each side

# How each status looks; its word always stands beside it (templates/components/status.html).
_TONES = {
    "open": "info",
    "part_paid": "info",
    "overdue": "bad",
    "on_its_way": "warn",
    "paid": "good",
    "void": "neutral",
}
_KIND_LABELS = dict(Invoice.Kind.choices)


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a bill in a word, and how it looks."""

    code: str
    label: Promise | str
    tone: str


_STATUSES = {code: Status(code, label, _TONES[code]) for code, label in STATUS_LABELS.items()}


def status_of(invoice: Invoice, *, on: dt.date) -> Status:
    """The state of a bill on a day of its region's calendar."""
    return _STATUSES[invoice.status(on)]


@dataclass(frozen=True, slots=True)
class BillRow:
    """One bill in a list."""

    key: str  # the invoice's key, as text for an address
    number: str
    kind: Promise | str
    provider: str
    patient: str
    service_from: dt.date
    due_on: dt.date
    total_cents: int
    open_cents: int
    reserved_cents: int
    status: Status


_COLUMNS = (
    "pk",
    "number",
    "kind",
    "provider",
    "patient__first_name",
    "patient__last_name",
    "service_from",
    "due_on",
    "total_cents",
    "open_cents",
    "reserved_cents",
    "voided_at",
)


def _row(columns: tuple[Any, ...], *, on: dt.date) -> BillRow:
    """A row from the values of _COLUMNS."""
    pk, number, kind, provider, first, last, service, due, total, owed, reserved, voided = columns
    code = bill_status(
        voided=voided is not None,
        total_cents=total,
        open_cents=owed,
        reserved_cents=reserved,
        due_on=due,
        on=on,
    )
    return BillRow(
        key=str(pk),
        number=number,
        kind=_KIND_LABELS[kind],
        provider=provider,
        patient=f"{first} {last}",
        service_from=service,
        due_on=due,
        total_cents=total,
        open_cents=owed,
        reserved_cents=reserved,
        status=_STATUSES[code],
    )


def _bills(account: BillingAccount) -> QuerySet[Invoice]:
    return Invoice.objects.filter(account=account)


# --- Home -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Side:
    """What is owed for medical and hospital bills, or for premiums. The two are never mixed."""

    open_cents: int = 0
    reserved_cents: int = 0  # of what is open: payments on their way
    overdue_cents: int = 0  # of what is open: due before today and not on its way
    bill_count: int = 0  # bills with something open
    next_due_on: dt.date | None = None  # the earliest day from today on with something to pay
    soonest: tuple[BillRow, ...] = ()  # the first few by due date

    @property
    def payable_cents(self) -> int:
        """What a new payment may cover."""
        return self.open_cents - self.reserved_cents

    @property
    def urgency(self) -> tuple[bool, dt.date]:
        """Sorts sides: past due before not yet due, then by the next due date."""
        return not self.overdue_cents, self.next_due_on or dt.date.max


@dataclass(frozen=True, slots=True)
class Owed:
    """What an account owes on a day."""

    medical: Side
    premiums: Side

    @property
    def open_cents(self) -> int:
        return self.medical.open_cents + self.premiums.open_cents

    @property
    def reserved_cents(self) -> int:
        return self.medical.reserved_cents + self.premiums.reserved_cents

    @property
    def payable_cents(self) -> int:
        return self.open_cents - self.reserved_cents

    @property
    def overdue_cents(self) -> int:
        return self.medical.overdue_cents + self.premiums.overdue_cents

    @property
    def next_due_on(self) -> dt.date | None:
        days = [side.next_due_on for side in (self.medical, self.premiums) if side.next_due_on]
        return min(days, default=None)

    @property
    def first(self) -> Side | None:
        """The side to be paid first: the one past due, then the one due sooner."""
        sides = [side for side in (self.medical, self.premiums) if side.payable_cents]
        return min(sides, key=lambda side: side.urgency, default=None)


def owed(account: BillingAccount, *, on: dt.date) -> Owed:
    """Both sides' totals and first few bills, in one query: sums over each side stand in every row."""
    payable = F("open_cents") - F("reserved_cents")
    to_pay = Q(open_cents__gt=F("reserved_cents"))
    side = [F("is_premium_side")]
    rows = (
        _bills(account)
        .open()  # type: ignore[attr-defined]
        .annotate(
            is_premium_side=Case(
                When(kind=Invoice.Kind.PREMIUM, then=Value(True)),
                default=Value(False),
                output_field=BooleanField(),
            ),
            place=Window(RowNumber(), partition_by=side, order_by=[F("due_on").asc(), F("pk").asc()]),
            side_open=Window(Sum("open_cents"), partition_by=side),
            side_reserved=Window(Sum("reserved_cents"), partition_by=side),
            side_overdue=Window(Sum(payable, filter=Q(due_on__lt=on)), partition_by=side),
            side_count=Window(Count("pk"), partition_by=side),
            side_next=Window(Min("due_on", filter=Q(due_on__gte=on) & to_pay), partition_by=side),
        )
        .filter(place__lte=SOONEST)
        .order_by("is_premium_side", "place")
        .values_list(
            "is_premium_side",
            "side_open",
            "side_reserved",
            "side_overdue",
            "side_count",
            "side_next",
            *_COLUMNS,
        )
    )
    sides: dict[bool, list[tuple[Any, ...]]] = {False: [], True: []}
    for row in rows:
        sides[row[0]].append(row[1:])
    return Owed(medical=_side(sides[False], on=on), premiums=_side(sides[True], on=on))


def _side(rows: list[tuple[Any, ...]], *, on: dt.date) -> Side:
    if not rows:
        return Side()
    open_cents, reserved_cents, overdue_cents, count, next_due_on = rows[0][:5]
    return Side(
        open_cents=int(open_cents),
        reserved_cents=int(reserved_cents),
        overdue_cents=int(overdue_cents or 0),
        bill_count=count,
        next_due_on=next_due_on,
        soonest=tuple(_row(row[5:], on=on) for row in rows),
    )


def last_payment(account: BillingAccount) -> Posted | None:
    """The account's newest settled payment, from the books: what it took off bills or put aside.

    This app does not know payments, so one that has not settled is not here; amounts on their way
    show as reserved.
    """
    newest = (
        JournalLine.objects.filter(
            account=account,
            entry__kind=EntryKind.PAYMENT_SETTLED,
            ledger_account__in=[LedgerCode.RECEIVABLE, LedgerCode.ACCOUNT_BALANCE],
        )
        .values("entry__effective_on", "entry_id")
        .annotate(credited=Sum("amount_cents"))
        .order_by("-entry__effective_on", "-entry_id")
        .values_list("entry__effective_on", "credited")
        .first()
    )
    if newest is None:
        return None
    on, credited_cents = newest
    return Posted(on, RECEIVED, -int(credited_cents))


# --- List -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choices:
    """What the list's controls offer, and how many bills each tab holds under the filters."""

    counts: dict[str, int]  # by the keys of billing.filters.STATES
    patients: list[tuple[int, str]]  # key and name, by name
    years: list[int]  # of service, latest first


def choices(account: BillingAccount, asked: BillFilter) -> Choices:
    """One pass over the account's bills: the patients and years there are, and the tabs' counts.

    PostgreSQL adds up by patient and year, so that few rows come here, and looks at each bill's words
    once for all tabs.
    """
    tabs = {
        f"{state}_bills": Count("pk", filter=condition) for state, (_label, condition) in STATES.items()
    }
    rows = (
        _bills(account)
        .annotate(year=ExtractYear("service_from"), within=_is_within(asked))
        .values("patient", "patient__first_name", "patient__last_name", "year", "within")
        .annotate(**tabs)
        .values_list("patient", "patient__first_name", "patient__last_name", "year", "within", *tabs)
    )
    counts, names, years = Counter[str](), dict[int, str](), set[int]()
    for patient, first, last, year, within, *found in rows:
        names[patient] = f"{first} {last}"
        years.add(year)
        if within:
            counts.update(dict(zip(STATES, found, strict=True)))
    return Choices(
        counts={state: counts[state] for state in STATES},
        patients=sorted(names.items(), key=lambda pair: pair[1].casefold()),
        years=sorted(years, reverse=True),
    )


def _is_within(asked: BillFilter) -> Case | Value:
    """Whether a bill meets what is asked beside the tab."""
    if not asked.is_narrowed:
        return Value(True)
    return Case(
        When(asked.within_tab, then=Value(True)), default=Value(False), output_field=BooleanField()
    )


def bills(account: BillingAccount, asked: BillFilter, *, on: dt.date) -> list[BillRow]:
    """The rows of one page.

    By LIMIT and OFFSET: people jump between numbered pages in four orders, and what PostgreSQL
    reads is bounded by one account (measured at 2,000 bills: docs/decisions/0008-bill-pages.md).
    """
    start = (asked.page - 1) * PAGE_SIZE
    rows = _bills(account).filter(asked.condition).order_by(*asked.order).values_list(*_COLUMNS)
    return [_row(row, on=on) for row in rows[start : start + PAGE_SIZE]]


# --- Detail ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The lines of a bill and what they sum to, in cents."""

    lines: list[InvoiceLine]
    charge_cents: int
    plan_paid_cents: int
    adjustment_cents: int
    patient_cents: int


def breakdown(invoice: Invoice) -> Breakdown:
    """The lines of a bill in order, with totals."""
    return breakdown_of(list(InvoiceLine.objects.filter(invoice=invoice).order_by("position")))


def breakdown_of(lines: list[InvoiceLine]) -> Breakdown:
    """Lines that were read before, with totals."""
    return Breakdown(
        lines=lines,
        charge_cents=sum(line.charge_cents for line in lines),
        plan_paid_cents=sum(line.plan_paid_cents for line in lines),
        adjustment_cents=sum(line.adjustment_cents for line in lines),
        patient_cents=sum(line.patient_cents for line in lines),
    )
