"""What payment pages read."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    F,
    FilteredRelation,
    Min,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, Least, RowNumber
from django.utils.functional import Promise

from billing.models import BillingAccount, Invoice
from billing.models.invoices import InvoiceQuerySet
from common.clock import business_date
from payments.models import Allocation, Checkout, CheckoutItem, Dispute, DisputeState

SHOWN_BILLS = 50  # the most pressing ones; the others are paid together, or from their own pages
MAX_BILLS = 2000  # in one payment

MEDICAL, PREMIUM = "medical", "premium"  # the two sides, which are never paid together
_KIND_LABELS = dict(Invoice.Kind.choices)


def payable_bills(account: BillingAccount) -> InvoiceQuerySet:
    """Bills of an account of which something can be paid now, the most pressing first."""
    return (
        Invoice.objects.filter(account=account, open_cents__gt=F("reserved_cents"))
        .exclude(allocations__in_flight=True)
        .select_related("patient")
        .order_by("due_on", "pk")
    )


@dataclass(frozen=True, slots=True)
class PayableBill:
    """One bill in the choice; amounts in cents."""

    pk: int
    number: str
    name: Promise | str  # who sent it, or what it is
    kind: Promise | str
    patient: str
    due_on: dt.date
    payable_cents: int
    reserved_cents: int
    busy_with: str  # the reference of a payment that has not ended; empty where there is none


@dataclass(frozen=True, slots=True)
class Side:
    """What can be paid of medical and hospital bills and charges, or of premiums."""

    kind: str
    shown: tuple[PayableBill, ...] = ()  # the most pressing, and those that were asked for
    busy: tuple[PayableBill, ...] = ()  # locked by a payment that has not ended
    count: int = 0
    payable_cents: int = 0
    first_due_on: dt.date | None = None

    @property
    def rest_count(self) -> int:
        """Bills that are not shown, but can be paid along."""
        return self.count - len(self.shown)

    @property
    def rest_cents(self) -> int:
        return self.payable_cents - sum(bill.payable_cents for bill in self.shown)


@dataclass(frozen=True, slots=True)
class Payable:
    """Both sides of an account."""

    medical: Side
    premium: Side

    def side(self, kind: str) -> Side:
        return self.premium if kind == PREMIUM else self.medical

    @property
    def pressing(self) -> Side:
        """The side with the bill that is due first; medical where neither has one."""
        sides = [side for side in (self.medical, self.premium) if side.first_due_on]
        return min(sides, key=lambda side: side.first_due_on or dt.date.max, default=self.medical)


def payable(account: BillingAccount, *, asked: Collection[int] = ()) -> Payable:
    """What an account can pay now, in one query: sums over each side stand in every row.

    `asked` are keys of bills to be shown however many are more pressing.
    """
    free, side = Q(busy__isnull=True), [F("is_premium_side")]
    left = F("open_cents") - F("reserved_cents")
    rows = (
        Invoice.objects.filter(account=account, open_cents__gt=0)
        .alias(busy=FilteredRelation("allocations", condition=Q(allocations__in_flight=True)))
        .filter(Q(open_cents__gt=F("reserved_cents")) | Q(busy__isnull=False))
        .annotate(
            is_premium_side=_when(Q(kind=Invoice.Kind.PREMIUM)),
            busy_with=F("busy__payment__reference"),
            place=Window(
                RowNumber(),
                partition_by=side,
                order_by=[_when(Q(busy__isnull=False)).asc(), F("due_on").asc(), F("pk").asc()],
            ),
            side_count=Window(Count("pk", filter=free), partition_by=side),
            side_cents=Window(Sum(left, filter=free), partition_by=side),
            side_due_on=Window(Min("due_on", filter=free), partition_by=side),
        )
        .filter(Q(place__lte=SHOWN_BILLS) | Q(pk__in=list(asked)))
        .order_by("due_on", "pk")
        .values_list(
            "is_premium_side",
            "side_count",
            "side_cents",
            "side_due_on",
            "pk",
            "number",
            "kind",
            "provider",
            "patient__first_name",
            "patient__last_name",
            "due_on",
            "open_cents",
            "reserved_cents",
            "busy_with",
        )
    )
    sides: dict[bool, list[tuple[Any, ...]]] = {False: [], True: []}
    for row in rows:
        sides[row[0]].append(row[1:])
    return Payable(_side(MEDICAL, sides[False]), _side(PREMIUM, sides[True]))


def _when(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def _side(kind: str, rows: list[tuple[Any, ...]]) -> Side:
    if not rows:
        return Side(kind)
    count, cents, first_due_on = rows[0][:3]
    bills = [_bill(*row[3:]) for row in rows]
    return Side(
        kind,
        shown=tuple(bill for bill in bills if not bill.busy_with),
        busy=tuple(bill for bill in bills if bill.busy_with),
        count=count,
        payable_cents=int(cents or 0),
        first_due_on=first_due_on,
    )


def _bill(
    pk: int,
    number: str,
    kind: str,
    provider: str,
    first_name: str,
    last_name: str,
    due_on: dt.date,
    open_cents: int,
    reserved_cents: int,
    busy_with: str | None,
) -> PayableBill:
    return PayableBill(
        pk=pk,
        number=number,
        name=provider or _KIND_LABELS[kind],
        kind=_KIND_LABELS[kind],
        patient=f"{first_name} {last_name}",
        due_on=due_on,
        payable_cents=open_cents - reserved_cents,
        reserved_cents=reserved_cents,
        busy_with=busy_with or "",
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """A checkout and what it comes to, in cents."""

    checkout: Checkout
    items: list[CheckoutItem]

    @property
    def bills_cents(self) -> int:
        return sum(item.amount_cents for item in self.items)

    @property
    def amount_cents(self) -> int:
        return self.bills_cents + self.checkout.to_balance_cents

    @property
    def charge_cents(self) -> int:
        """What the card or the bank account pays; 0 where the account balance pays all."""
        return self.amount_cents - self.checkout.from_balance_cents

    @property
    def needs_method(self) -> bool:
        """Whether a method has to be chosen and was not."""
        return bool(self.charge_cents and not self.checkout.method_key)


def draft(checkout: Checkout) -> Draft:
    """The checkout with its bills, in one query."""
    items = checkout.items.select_related("invoice__patient").order_by("invoice__due_on", "invoice_id")
    return Draft(checkout, list(items))


def held_by_banks(account: BillingAccount, year: int) -> int:
    """What banks hold, undecided, of payments that arrived in a year of the region's calendar; cents.

    As far as they still pay bills: what went to the account balance was not counted as paid.
    """
    kept = F("amount_cents") - F("moved_cents") - F("reversed_cents")
    on_bills = (
        Allocation.objects.filter(payment=OuterRef("payment"), invoice__voided_at=None)
        .values("payment")
        .annotate(cents=Sum(kept))
        .values("cents")
    )
    held = (
        Dispute.objects.filter(payment__account=account, state=DisputeState.OPEN)
        .annotate(counted=Least(F("amount_cents"), Coalesce(Subquery(on_bills), 0)))
        .values_list("payment__settled_at", "counted")
    )
    zone = account.region.time_zone
    return sum(cents for at, cents in held if business_date(zone, at).year == year)
