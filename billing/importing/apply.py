"""Bringing the database in line with the records of a file, and saying what that changed."""

from collections.abc import Callable, Sequence

from accounts.models import Member, Region
from accounts.services.members import MemberConflict, deliver
from billing.importing.records import (
    AccountRecord,
    BillRecord,
    FileRefused,
    HouseholdRecord,
    MemberRecord,
    NothingOwed,
    NotInForce,
    Record,
    Rejected,
)
from billing.importing.report import Report
from billing.importing.spool import Spool
from billing.models import BillingAccount, Invoice
from billing.services.accounts import AccountConflict, open_account
from billing.services.invoices import InvoiceExists, issue
from common.money import format_cents

REMEMBERED = 1000  # rows kept in memory: the bills of a household mostly come together


class Conflict(RuntimeError):
    """A record contradicts what the database, or an earlier record of the same import, says."""


class Writer:
    """Applies records in order; one that cannot be applied is reported and the next one goes in.

    Call `apply` inside a transaction: its records are committed together, or not at all.
    """

    def __init__(
        self,
        *,
        regions: dict[str, Region],
        spool: Spool,
        error: Callable[[str], None],
        detail: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self.report = Report()
        self._regions = regions
        self._seen = spool  # what this import said of whom, so that it cannot say two things
        self._members: dict[str, Member] = {}
        self._accounts: dict[str, BillingAccount] = {}
        self._known_bills: set[tuple[str, str]] = set()
        self._error = error
        self._detail = detail
        self._note = note

    def apply(self, records: Sequence[Record]) -> None:
        """Apply a batch. Raises nothing about the records' content."""
        self._forget_some()
        self._look_up_bills(records)
        for record in records:
            try:
                self._apply(record)
            except (Conflict, MemberConflict, AccountConflict) as conflict:
                self._refuse(record.where, str(conflict))

    def _apply(self, record: Record) -> None:
        match record:
            case HouseholdRecord():
                self._household(record.account, record.patient)
            case BillRecord():
                self._bill(record)
            case NothingOwed():
                self.report.nothing_owed += 1
                self.report.unexplained_by(record.unexplained_cents)
                self._check_never_billed(record, "asks nothing of the patient")
            case NotInForce():
                self.report.not_in_force += 1
                self._check_never_billed(record, record.reason)
            case FileRefused():
                self.report.files_refused += 1
                self._refuse(record.where, record.reason)
            case Rejected():
                self._refuse(record.where, record.reason)

    def _refuse(self, where: str, reason: str) -> None:
        self.report.errors += 1
        self._error(f"{where}: {reason}")

    def _look_up_bills(self, records: Sequence[Record]) -> None:
        """One query a batch: which of its bills exist already."""
        keys = {
            (record.source, record.source_id)
            for record in records
            if isinstance(record, BillRecord | NothingOwed | NotInForce)
        }
        found = Invoice.objects.filter(
            source__in={source for source, _ in keys}, source_id__in={id_ for _, id_ in keys}
        )
        self._known_bills = set(found.values_list("source", "source_id"))

    def _bill(self, record: BillRecord) -> None:
        account, patient = self._household(record.account, record.patient)
        self.report.unexplained_by(record.unexplained_cents)
        for line in record.notes:
            self._note(f"{record.where}: {line}")
        if record.unexplained_cents:
            self._note(f"{record.where}: {format_cents(record.unexplained_cents)} unexplained")
        key = (record.source, record.source_id)
        try:
            issue(
                account=account,
                patient=patient,
                kind=record.kind,
                number=record.number,
                issued_on=record.issued_on,
                due_on=record.due_on,
                service_from=record.service_from,
                service_to=record.service_to,
                provider=record.provider,
                facility=record.facility,
                lines=record.lines,
                source=record.source,
                source_id=record.source_id,
                unexplained_cents=record.unexplained_cents,
            )
        except InvoiceExists:
            self.report.bill("conflict", record.total_cents)
            raise Conflict(
                f"bill {record.number} is not what was imported before"
                if key in self._known_bills
                else f"this account has another bill with the number {record.number}"
            ) from None
        self.report.bill("unchanged" if key in self._known_bills else "new", record.total_cents)
        self._known_bills.add(key)

    def _check_never_billed(self, record: NothingOwed | NotInForce, reason: str) -> None:
        """Once billed, an explanation that is withdrawn is for people to look at. Raises Conflict."""
        if (record.source, record.source_id) not in self._known_bills:
            return
        bill = Invoice.objects.get(source=record.source, source_id=record.source_id)
        if bill.voided_at is None:
            self.report.bill("conflict", bill.total_cents)
            raise Conflict(f"{reason}, but bill {bill.number} was imported from it before")

    def _household(
        self, account: AccountRecord, patient: MemberRecord
    ) -> tuple[BillingAccount, Member]:
        guarantor = self._member(account.guarantor)
        return self._account(account, guarantor), self._member(patient)

    def _member(self, record: MemberRecord) -> Member:
        """The member, delivered at the first mention. Raises Conflict, MemberConflict."""
        key = f"{record.region_code}/{record.member_number}"
        said = "|".join([record.first_name, record.last_name, record.date_of_birth.isoformat()])
        before = self._seen.first(f"member {key}")
        if before not in (None, said):
            raise Conflict(f"member {record.member_number} is given with two names or dates of birth")
        if key not in self._members:
            self._members[key], effect = deliver(
                region=self._regions[record.region_code],
                member_number=record.member_number,
                first_name=record.first_name,
                last_name=record.last_name,
                date_of_birth=record.date_of_birth,
            )
            if before is None:
                self._seen.add(f"member {key}", said)
                self.report.members[effect] += 1
                self._detail(
                    f"member {record.region_code} {record.member_number}: {record.first_name}"
                    f" {record.last_name}, born {record.date_of_birth.isoformat()} ({effect})"
                )
        return self._members[key]

    def _account(self, record: AccountRecord, guarantor: Member) -> BillingAccount:
        """The guarantor's account, opened at the first mention. Raises Conflict, AccountConflict."""
        region = self._regions[record.guarantor.region_code]
        key = f"{region.code}/{record.account_number}"
        before = self._seen.first(f"account {key}")
        if before not in (None, record.guarantor.member_number):
            raise Conflict(f"account {record.account_number} is given with two guarantors")
        if key not in self._accounts:
            numbers = BillingAccount.objects.filter(region=region)
            is_new = not numbers.filter(account_number=record.account_number).exists()
            self._accounts[key] = open_account(
                region=region, account_number=record.account_number, guarantor=guarantor
            )
            if before is None:
                self._seen.add(f"account {key}", record.guarantor.member_number)
                self.report.accounts["new" if is_new else "unchanged"] += 1
                self._detail(
                    f"account {region.code} {record.account_number}: guarantor"
                    f" {record.guarantor.member_number} ({'new' if is_new else 'unchanged'})"
                )
        return self._accounts[key]

    def _forget_some(self) -> None:
        """Start the memory afresh before it grows; what was forgotten is looked up again."""
        for remembered in (self._members, self._accounts):
            if len(remembered) > REMEMBERED:
                remembered.clear()
