"""What a day's reconciliation tells: counts and sums from Stripe's book, and what is in doubt."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum

from payments.models import StripeTransaction
from payments.services.daily import meaning
from payments.services.daily.accounts import StripeAccount
from payments.services.daily.differences import Found
from payments.services.daily.holdings import Holdings
from payments.services.daily.touched import Span


@dataclass(frozen=True, slots=True)
class Figure:
    """How many movements, and what they did to our balance at Stripe, in cents."""

    count: int
    cents: int


@dataclass(frozen=True, slots=True)
class Report:
    """One account, one day (UTC)."""

    account: str
    day: dt.date
    settled: Figure  # our payments of the day
    charges: Figure
    refunds: Figure
    others: Figure  # disputes, and what nothing explains
    fees: Figure
    payouts: Figure
    newly_booked: int
    differences: list[Found]  # all that are open, whatever day they are from
    holdings: Holdings | None  # None where the balance of that time is not known any more
    unhealed: ExceptionGroup[Exception] | None  # rows that failed; the day is due again


def describe(
    account: StripeAccount,
    day: dt.date,
    *,
    newly_booked: int,
    differences: list[Found],
    holdings: Holdings | None,
    unhealed: ExceptionGroup[Exception] | None,
) -> Report:
    """Count and sum what both books have of a day."""
    span = Span.of_day(day)
    moved = StripeTransaction.objects.filter(span.holds("made_at"), stripe_account=account.name)
    settled = (
        account.payments()
        .filter(span.holds("settled_at"))
        .aggregate(count=Count("pk"), amount=Sum("amount_cents"), balance=Sum("from_balance_cents"))
    )
    return Report(
        account=account.name,
        day=day,
        settled=Figure(settled["count"], (settled["amount"] or 0) - (settled["balance"] or 0)),
        charges=_figure(moved, meaning.IS_CHARGE),
        refunds=_figure(moved, meaning.IS_REFUND),
        others=_figure(moved, meaning.IS_OTHER),
        fees=_fees(moved),
        payouts=_figure(moved, meaning.IS_PAYOUT),
        newly_booked=newly_booked,
        differences=differences,
        holdings=holdings,
        unhealed=unhealed,
    )


def _figure(moved: QuerySet[StripeTransaction], which: Q) -> Figure:
    found = moved.filter(which).aggregate(count=Count("pk"), cents=Sum("amount_cents"))
    return Figure(found["count"], found["cents"] or 0)


def _fees(moved: QuerySet[StripeTransaction]) -> Figure:
    kept = moved.filter(meaning.IS_FEE).aggregate(count=Count("pk"), cents=Sum("fee_cents"))
    own = moved.filter(type__in=meaning.FEES).aggregate(cents=Sum("amount_cents"))
    return Figure(kept["count"], (own["cents"] or 0) - (kept["cents"] or 0))
