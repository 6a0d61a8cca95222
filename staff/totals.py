"""What the first page adds up, and the rows behind each sum: money in, and what is owed by age."""

import datetime as dt
from functools import partial

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum

from billing.models import Invoice
from common.clock import now
from payments.models import Payment, Refund
from staff.listing import Column, StaffList, account_page, payment_page

# Names of lists; days after the due date, beginning and end; what people call it.
AGES: tuple[tuple[str, int | None, int | None, str], ...] = (
    ("not-due", None, 0, "Not due yet"),
    ("late-30", 0, 30, "Up to 30 days late"),
    ("late-90", 30, 90, "31 to 90 days late"),
    ("late-older", 90, None, "More than 90 days late"),
)
TODAY, MONTH = "today", "month"


def today() -> dt.date:
    """Days are UTC, as for Stripe's reconciliation."""
    return now().date()


_IN_ERROR = Q(destination=Refund.Destination.NOWHERE)


def paid_since(day: dt.date) -> QuerySet[Payment]:
    """What cards, bank accounts, checks and cash brought, by when it settled."""
    start = dt.datetime.combine(day, dt.time.min, dt.UTC)
    return Payment.objects.filter(settled_at__gte=start, amount_cents__gt=F("from_balance_cents"))


def money_in(*, since: dt.date) -> dict[dt.date, int]:
    """Cents by the day on which they settled, without what was recorded in error."""
    in_error = (
        Refund.objects.filter(_IN_ERROR, payment__in=paid_since(since))
        .values_list("payment__settled_at__date")
        .annotate(cents=Sum("amount_cents"))
    )
    never_came = dict(in_error)
    rows = (
        paid_since(since)
        .values_list("settled_at__date")
        .annotate(cents=Sum(F("amount_cents") - F("from_balance_cents")))
    )
    return {day: int(cents) - int(never_came.get(day, 0)) for day, cents in rows}


def owed_by_age(*, on: dt.date) -> list[tuple[str, str, int, int]]:
    """Open bills by how late they are: list, words, how many, and cents.

    PostgreSQL adds up by due date, of which there are some hundreds, from the index alone.
    """
    sums = {name: [0, 0] for name, *_rest in AGES}
    by_day = Invoice.objects.filter(open_cents__gt=0).values_list("due_on")
    for due_on, count, cents in by_day.annotate(count=Count("*"), cents=Sum("open_cents")):
        late = (on - due_on).days
        name = next(name for name, _after, until, _words in AGES if until is None or late <= until)
        sums[name][0] += count
        sums[name][1] += int(cents)
    return [(name, words, sums[name][0], sums[name][1]) for name, _after, _until, words in AGES]


def _owed(after: int | None, until: int | None) -> QuerySet[Invoice]:
    """Bills that are so many days late today: more than `after`, up to `until`."""
    day = today()
    bills = Invoice.objects.filter(open_cents__gt=0)
    if after is not None:
        bills = bills.filter(due_on__lt=day - dt.timedelta(days=after))
    if until is not None:
        bills = bills.filter(due_on__gte=day - dt.timedelta(days=until))
    return bills.select_related("account__guarantor", "patient").order_by("due_on", "pk")


def _paid(day: dt.date) -> QuerySet[Payment]:
    whole = Refund.objects.filter(
        _IN_ERROR, payment=OuterRef("pk"), amount_cents=OuterRef("amount_cents")
    )
    came = paid_since(day).exclude(Exists(whole))
    return came.select_related("account__guarantor").order_by("-settled_at", "-pk")


_PAID = (
    Column("Payment", "reference"),
    Column("Account", "account__account_number"),
    Column("Member", "account__guarantor__full_name"),
    Column("Amount", "charge_cents"),
    Column("By", "get_payer_display"),
    Column("Settled", "settled_at"),
)
_OWED = (
    Column("Account", "account__account_number"),
    Column("Member", "account__guarantor__full_name"),
    Column("Bill", "number"),
    Column("Patient", "patient__full_name"),
    Column("Due", "due_on"),
    Column("Owed", "open_cents"),
)
TOTALS = (
    StaffList(
        TODAY,
        "Money in today",
        "What cards, bank accounts, checks and cash brought today (UTC).",
        _PAID,
        lambda: _paid(today()),
        lambda payment: payment_page(payment.reference),
        in_menu=False,
    ),
    StaffList(
        MONTH,
        "Money in this month",
        "What cards, bank accounts, checks and cash brought since the first of the month (UTC).",
        _PAID,
        lambda: _paid(today().replace(day=1)),
        lambda payment: payment_page(payment.reference),
        in_menu=False,
    ),
    *(
        StaffList(
            name,
            f"Owed: {words[0].lower()}{words[1:]}",
            "Open bills, those that are due first at the top.",
            _OWED,
            partial(_owed, after, until),
            lambda bill: account_page(bill.account_id),
            in_menu=False,
        )
        for name, after, until, words in AGES
    ),
)
