"""Year-end statements: what a household paid on its bills in a calendar year, from the books.

A year is that of the payment, on the region's calendar, whenever the service was. What came back is
taken off in the year in which it came back, so a year that has ended never changes. Money added to
the account balance counts when it pays a bill, and not before; what had paid a bill that was canceled
came back to the balance. So paid less came back is what the household has paid for bills that stand.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Sum, When
from django.db.models.functions import ExtractYear
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from billing import hooks
from billing.models import BillingAccount, EntryKind, Invoice, JournalLine, LedgerCode

# What lowers a bill because somebody paid, and what makes it owed again.
# A payment that was moved to another bill counts there, and no longer where it was.
PAID = (EntryKind.PAYMENT_SETTLED, EntryKind.PAYMENT_MOVED)
OWED_AGAIN = (EntryKind.REFUND_PROMISED, EntryKind.DISPUTE_LOST)
# And what came back otherwise. Of a canceled bill, what had paid it went to the account balance; the
# rest nobody had paid. What a bank took after it was spent is owed on a charge of its own, which the
# line names: whoever pays the charge has not paid twice.
COUNTED = (
    Q(ledger_account=LedgerCode.RECEIVABLE, entry__kind__in=(*PAID, *OWED_AGAIN))
    | Q(ledger_account=LedgerCode.ACCOUNT_BALANCE, entry__kind=EntryKind.INVOICE_VOIDED)
    | Q(
        ledger_account=LedgerCode.DISPUTES,
        entry__kind=EntryKind.DISPUTE_LOST,
        invoice__isnull=False,
    )
)
# What a line took from what was paid, in cents: the balance is credited with what came back to it.
BACK_CENTS = Case(
    When(ledger_account=LedgerCode.ACCOUNT_BALANCE, then=-F("amount_cents")),
    default=F("amount_cents"),
    output_field=BigIntegerField(),
)

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
    disputed_cents: int  # of what counts as paid in that year: a bank holds it until it decides

    @property
    def together(self) -> Sums:
        return sum((group.sums for group in self.groups), Sums())

    @property
    def has_charges(self) -> bool:
        return any(group.code == CHARGE for group in self.groups)


def _moves(account: BillingAccount) -> QuerySet[JournalLine]:
    """Whatever counts, each with `back_cents`, which is negative where it was paid."""
    return JournalLine.objects.filter(COUNTED, account=account).annotate(back_cents=BACK_CENTS)


def years(account: BillingAccount) -> list[tuple[int, int]]:
    """The years that have a statement, latest first, each with what was paid less what came back."""
    rows = (
        _moves(account)
        .annotate(year=ExtractYear("entry__effective_on"))
        .values_list("year")
        .annotate(cents=Sum("back_cents"))
        .order_by("-year")
    )
    return [(year, -int(cents)) for year, cents in rows]


def statement(account: BillingAccount, year: int) -> Statement:
    """The statement of a calendar year. Raises NothingPaid."""
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise NothingPaid(year)
    paid = Q(entry__kind__in=PAID)
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
            paid=Sum(-F("back_cents"), filter=paid, default=0),
            back=Sum("back_cents", filter=~paid, default=0),
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
        disputed_cents=hooks.held_by_banks(account, year),
    )
