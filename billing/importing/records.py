"""What a file says, once it has been checked: the same for every format.

A reader yields these one by one and never raises for a bad row; amounts are cents.
"""

import datetime as dt
from dataclasses import dataclass

from billing.models import Invoice
from billing.services.invoices import LineDraft


class Unacceptable(ValueError):
    """A value that cannot be taken; the message names the field and the rule, never the value."""


class FileUnusable(ValueError):
    """A file of which nothing can be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A person as the feed describes them; the number is unique in the region."""

    region_code: str
    member_number: str
    first_name: str
    last_name: str
    date_of_birth: dt.date


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The account of a guarantor."""

    account_number: str
    guarantor: MemberRecord


@dataclass(frozen=True, slots=True)
class HouseholdRecord:
    """People without a bill: the account's guarantor and one patient of it (often the same)."""

    where: str
    account: AccountRecord
    patient: MemberRecord


@dataclass(frozen=True, slots=True)
class BillRecord:
    """A bill with all its lines; its total is the sum of the lines' patient parts.

    `unexplained_cents` is what was charged less everything that explains it: plan, adjustment and
    patient. Negative where more is explained than was charged. It is reported and never billed.
    """

    where: str
    account: AccountRecord
    patient: MemberRecord
    kind: Invoice.Kind
    number: str
    issued_on: dt.date
    due_on: dt.date
    service_from: dt.date
    service_to: dt.date
    provider: str
    facility: str
    lines: tuple[LineDraft, ...]
    unexplained_cents: int
    source: str
    source_id: str
    notes: tuple[str, ...] = ()

    @property
    def total_cents(self) -> int:
        return sum(line.patient_cents for line in self.lines)


@dataclass(frozen=True, slots=True)
class NothingOwed:
    """An explanation of benefits that asks nothing of the patient: no bill comes of it."""

    where: str
    source: str
    source_id: str
    unexplained_cents: int


@dataclass(frozen=True, slots=True)
class NotInForce:
    """An explanation that is a draft, canceled, or an estimate: no bill comes of it."""

    where: str
    source: str
    source_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row, a resource or a bill that was left out."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileRefused:
    """A whole file that was left out."""

    where: str
    reason: str


Record = HouseholdRecord | BillRecord | NothingOwed | NotInForce | Rejected | FileRefused
