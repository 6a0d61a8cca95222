"""From the rows of one bill to the bill. A row is a mapping from column to cell."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.importing import cells
from billing.importing.records import (
    AccountRecord,
    BillRecord,
    HouseholdRecord,
    MemberRecord,
    Unacceptable,
)
from billing.models import Invoice
from billing.services.invoices import LineDraft
from common.money import format_cents

SOURCE = "csv"
MOST_LINES = 1000

PERSON = ("member_number", "first_name", "last_name", "date_of_birth")
# Say the same in every row of a bill.
OF_THE_BILL = (
    "account_number",
    *(f"guarantor_{part}" for part in PERSON),
    *(f"patient_{part}" for part in PERSON),
    "bill_kind",
    "bill_number",
    "bill_total",
    "issued_on",
    "due_on",
    "provider",
    "facility",
)
OF_THE_LINE = ("service_on", "description", "charge", "plan_paid", "adjustment", "your_part")
# May be left out of the file. Without `region`, the region of the command is every row's.
OPTIONAL = ("region", "service_to", "code", "code_system")

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file and where it stands."""

    line: int
    cells: Cells

    def says_nothing_in(self, columns: Sequence[str]) -> bool:
        return not any(self.cells.get(column, "").strip() for column in columns)


@dataclass(frozen=True, slots=True)
class Context:
    """What rows are read against."""

    region_codes: frozenset[str]
    default_region: str | None  # the command's --region
    today: dt.date


class BadRow(Unacceptable):
    """A row that cannot be taken, with its line."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def key_of(row: Row) -> str:
    """What rows of one bill have in common; a row without a bill stands alone."""
    number = row.cells["bill_number"].strip()
    if not number:
        return f"line {row.line}"
    return "/".join([row.cells.get("region", "").strip(), row.cells["account_number"].strip(), number])


def is_household(rows: Sequence[Row]) -> bool:
    """Whether this delivers people only: no column of a bill says anything."""
    start = OF_THE_BILL.index("bill_kind")
    return len(rows) == 1 and rows[0].says_nothing_in((*OF_THE_BILL[start:], *OF_THE_LINE))


def region_of(values: Cells, context: Context) -> str:
    """The row's region: its own cell, else the command's. The two may not differ."""
    own = values.get("region", "").strip().upper()
    if not own and context.default_region is None:
        raise Unacceptable("region is empty and no --region was given")
    if own and own not in context.region_codes:
        raise Unacceptable("region is not a region's code")
    if own and context.default_region not in (None, own):
        raise Unacceptable(f"region is not {context.default_region}, as --region says")
    return own or str(context.default_region)


def _person(values: Cells, role: str, region_code: str, today: dt.date) -> MemberRecord:
    return MemberRecord(
        region_code=region_code,
        member_number=cells.number(values[f"{role}_member_number"], f"{role}_member_number", limit=20),
        first_name=cells.text(values[f"{role}_first_name"], f"{role}_first_name", limit=80),
        last_name=cells.text(values[f"{role}_last_name"], f"{role}_last_name", limit=80),
        date_of_birth=cells.birth_day(
            values[f"{role}_date_of_birth"], f"{role}_date_of_birth", today=today
        ),
    )


def _people(row: Row, context: Context) -> tuple[AccountRecord, MemberRecord]:
    """The account and the patient; empty patient columns mean the guarantor."""
    region_code = region_of(row.cells, context)
    account_number = cells.number(row.cells["account_number"], "account_number", limit=20)
    guarantor = _person(row.cells, "guarantor", region_code, context.today)
    if row.says_nothing_in([f"patient_{part}" for part in PERSON]):
        patient = guarantor
    else:
        patient = _person(row.cells, "patient", region_code, context.today)
    return AccountRecord(account_number, guarantor), patient


def household_of(row: Row, where: str, context: Context) -> HouseholdRecord:
    """People without a bill. Raises BadRow."""
    try:
        account, patient = _people(row, context)
    except Unacceptable as error:
        raise BadRow(row.line, str(error)) from None
    return HouseholdRecord(where=where, account=account, patient=patient)


@dataclass(frozen=True, slots=True)
class _Line:
    draft: LineDraft
    service_to: dt.date
    unexplained_cents: int


def _line(values: Cells) -> _Line:
    """One line. What the amounts leave unexplained is kept beside it."""
    service_on = cells.day(values["service_on"], "service_on")
    service_to = values.get("service_to", "")
    last_day = cells.day(service_to, "service_to") if service_to.strip() else service_on
    if last_day < service_on:
        raise Unacceptable("service_to is before service_on")
    draft = LineDraft(
        service_on=service_on,
        code=cells.text(values.get("code", ""), "code", limit=20, required=False),
        code_system=cells.text(values.get("code_system", ""), "code_system", limit=20, required=False),
        description=cells.text(values["description"], "description", limit=240),
        charge_cents=cells.cents(values["charge"], "charge"),
        plan_paid_cents=cells.cents(values["plan_paid"], "plan_paid", required=False),
        adjustment_cents=cells.cents(values["adjustment"], "adjustment", required=False),
        patient_cents=cells.cents(values["your_part"], "your_part"),
    )
    if draft.patient_cents > draft.charge_cents:
        raise Unacceptable("your_part is more than charge")
    explained_cents = draft.plan_paid_cents + draft.adjustment_cents + draft.patient_cents
    return _Line(draft, last_day, draft.charge_cents - explained_cents)


def _kind(value: str) -> Invoice.Kind:
    try:
        return Invoice.Kind(value.strip().lower())
    except ValueError:
        raise Unacceptable(f"bill_kind is not one of {', '.join(Invoice.Kind.values)}") from None


def _lines(rows: Sequence[Row], first: Row) -> list[_Line]:
    if len(rows) > MOST_LINES:
        raise BadRow(first.line, f"the bill has more than {MOST_LINES} lines")
    lines = []
    for row in rows:
        for column in OF_THE_BILL:
            if row.cells[column].strip() != first.cells[column].strip():
                raise BadRow(row.line, f"{column} differs from line {first.line} of the same bill")
        try:
            lines.append(_line(row.cells))
        except Unacceptable as error:
            raise BadRow(row.line, str(error)) from None
    return lines


def bill_of(rows: Sequence[Row], where: str, context: Context) -> BillRecord:
    """The bill that the rows make. Raises BadRow with the first line that cannot be taken."""
    first = rows[0]
    lines = _lines(rows, first)
    try:
        return _bill(first, lines, where, context)
    except Unacceptable as error:
        raise BadRow(first.line, str(error)) from None


def _bill(first: Row, lines: Sequence[_Line], where: str, context: Context) -> BillRecord:
    account, patient = _people(first, context)
    number = cells.number(first.cells["bill_number"], "bill_number", limit=40)
    issued_on = cells.day(first.cells["issued_on"], "issued_on")
    due_on = cells.day(first.cells["due_on"], "due_on")
    if due_on < issued_on:
        raise Unacceptable("due_on is before issued_on")
    _check_total(first.cells["bill_total"], lines)
    return BillRecord(
        where=where,
        account=account,
        patient=patient,
        kind=_kind(first.cells["bill_kind"]),
        number=number,
        issued_on=issued_on,
        due_on=due_on,
        service_from=min(line.draft.service_on for line in lines),
        service_to=max(line.service_to for line in lines),
        provider=cells.text(first.cells["provider"], "provider", limit=160, required=False),
        facility=cells.text(first.cells["facility"], "facility", limit=160, required=False),
        lines=tuple(line.draft for line in lines),
        unexplained_cents=sum(line.unexplained_cents for line in lines),
        source=SOURCE,
        source_id=f"{patient.region_code}/{account.account_number}/{number}",
    )


def _check_total(cell: str, lines: Sequence[_Line]) -> None:
    """The control total: a bill whose rows got lost or doubled on the way is not sent to anybody."""
    stated_cents = cells.cents(cell, "bill_total")
    sum_cents = sum(line.draft.patient_cents for line in lines)
    if stated_cents != sum_cents:
        raise Unacceptable(
            f"bill_total is {format_cents(stated_cents)}, but your_part of its"
            f" {len(lines)} row(s) comes to {format_cents(sum_cents)}"
        )
