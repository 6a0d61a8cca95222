"""Year-end statements: what a household paid on its bills in a calendar year, from the books.

A year is that of the payment, on the region's calendar, whenever the service was. What came back is
taken off in the year in which it came back, so a year that has ended never changes. Money added to
the account balance counts when it pays a bill, and not before.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import ExtractYear
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from billing.models import BillingAccount, EntryKind, Invoice, JournalLine, LedgerCode

# What lowers a bill because somebody paid, and what makes it owed again. A canceled bill is neither;
# what had paid it comes back when it goes to its source, out of the account balance that it became.
# A payment that was moved to another bill counts there, and no longer where it was.
PAID = (EntryKind.PAYMENT_SETTLED, EntryKind.PAYMENT_MOVED)
CAME_BACK = (EntryKind.REFUND_PROMISED, EntryKind.DISPUTE_LOST)

MEDICAL, PREMIUM, CHARGE = "medical", "premium", "charge"
GROUPS: dict[str, Promise | str] = {
    MEDICAL: pgettext_lazy("statement", "Medical and hospital"),
    PREMIUM: pgettext_lazy("statement", "Premiums"),
    CHARGE: pgettext_lazy("statement", "Fees and other charges"),
}
_GROUP_OF = {
    Invoice.Kind.MEDICAL: MEDICAL,
    Invoice.Kind.HOSPITAL: MEDICAL,
    Invoice.Kind.PREMIUM: PREMIUM,
    Invoice.Kind.CHARGE: CHARGE,
}


class NothingPaid(LookupError):
    """Nothing was paid and nothing came back in that year."""


@dataclass(frozen=True, slots=True)
class Sums:
    """In cents."""

    paid_cents: int = 0
    back_cents: int = 0

    @property
    def net_cents(self) -> int:
        return self.paid_cents - self.back_cents

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.paid_cents + other.paid_cents, self.back_cents + other.back_cents)


@dataclass(frozen=True, slots=True)
class Group:
    """Medical, premiums, or charges; a group in which nothing moved is left out."""

    code: str
    label: Promise | str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Patient:
    """One person's bills, in the order of the statement's groups."""

    name: str
    labelled: tuple[tuple[Promise | str, Sums], ...]

    @property
    def together(self) -> Sums:
        return sum((sums for _label, sums in self.labelled), Sums())


@dataclass(frozen=True, slots=True)
class Statement:
    """One calendar year of an account."""

    year: int
    groups: tuple[Group, ...]
    patients: tuple[Patient, ...]  # by name
    disputed_cents: int  # counted as paid; a bank holds it until it decides

    @property
    def together(self) -> Sums:
        return sum((group.sums for group in self.groups), Sums())

    @property
    def has_charges(self) -> bool:
        return any(group.code == CHARGE for group in self.groups)


def _moves(account: BillingAccount) -> QuerySet[JournalLine]:
    return JournalLine.objects.filter(
        account=account,
        ledger_account__in=(LedgerCode.RECEIVABLE, LedgerCode.ACCOUNT_BALANCE),
        invoice__isnull=False,
        entry__kind__in=(*PAID, *CAME_BACK),
    )


def years(account: BillingAccount) -> list[tuple[int, int]]:
    """The years that have a statement, latest first, each with what was paid less what came back."""
    rows = (
        _moves(account)
        .annotate(year=ExtractYear("entry__effective_on"))
        .values_list("year")
        .annotate(cents=Sum("amount_cents"))
        .order_by("-year")
    )
    return [(year, -int(cents)) for year, cents in rows]


def statement(account: BillingAccount, year: int) -> Statement:
    """The statement of a calendar year. Raises NothingPaid."""
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise NothingPaid(year)
    paid, back = Q(entry__kind__in=PAID), Q(entry__kind__in=CAME_BACK)
    rows = (
        _moves(account)
        .filter(
            entry__effective_on__gte=dt.date(year, 1, 1), entry__effective_on__lte=dt.date(year, 12, 31)
        )
        .values_list(
            "invoice__patient",
            "invoice__patient__first_name",
            "invoice__patient__last_name",
            "invoice__kind",
        )
        .annotate(
            paid=Sum(-F("amount_cents"), filter=paid, default=0),
            back=Sum("amount_cents", filter=back, default=0),
        )
        .order_by("invoice__patient__first_name", "invoice__patient__last_name", "invoice__patient")
    )
    names: dict[int, str] = {}
    by_patient: dict[int, dict[str, Sums]] = defaultdict(lambda: defaultdict(Sums))
    for patient, first, last, kind, paid_cents, back_cents in rows:
        names[patient] = f"{first} {last}"
        by_patient[patient][_GROUP_OF[kind]] += Sums(int(paid_cents), int(back_cents))
    if not names:
        raise NothingPaid(year)
    codes = [code for code in GROUPS if any(code in groups for groups in by_patient.values())]
    return Statement(
        year=year,
        groups=tuple(
            Group(
                code,
                GROUPS[code],
                sum((groups.get(code, Sums()) for groups in by_patient.values()), Sums()),
            )
            for code in codes
        ),
        patients=tuple(
            Patient(name, tuple((GROUPS[code], by_patient[key].get(code, Sums())) for code in codes))
            for key, name in names.items()
        ),
        disputed_cents=_disputed(account),
    )


def _disputed(account: BillingAccount) -> int:
    """What banks hold of this account's payments at present, undecided."""
    held = JournalLine.objects.filter(account=account, ledger_account=LedgerCode.DISPUTES)
    return int(held.aggregate(cents=Sum("amount_cents", default=0))["cents"])
