"""Which causes a day is about: what either book moved on it, and what is still in doubt."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet

from payments.models import Difference, Dispute, Refund, StripePayout, StripeTransaction
from payments.services.daily import comparing, meaning
from payments.services.daily.accounts import StripeAccount
from payments.services.daily.comparing import Comparison

Names = QuerySet[Any, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time [since, until)."""

    since: dt.datetime
    until: dt.datetime

    @classmethod
    def of_day(cls, day: dt.date) -> "Span":
        """A day as Stripe counts: from midnight to midnight, UTC."""
        since = dt.datetime.combine(day, dt.time.min, dt.UTC)
        return cls(since, since + dt.timedelta(days=1))

    def holds(self, field: str) -> Q:
        return Q(**{f"{field}__gte": self.since, f"{field}__lt": self.until})


def keys(account: StripeAccount, span: Span) -> dict[Comparison, list[str]]:
    """What to compare, by how; each key once, in order."""
    moved = StripeTransaction.objects.filter(span.holds("made_at"), stripe_account=account.name)
    columns = {
        comparing.CHARGES: [
            moved.filter(meaning.IS_CHARGE).values_list("intent_id", flat=True),
            # What was sent back of a charge, and what of that came back, changes what the charge means.
            moved.filter(meaning.IS_REFUND).values_list("intent_id", flat=True),
            _charged(account, span),
        ],
        comparing.REFUNDS: [
            moved.filter(meaning.IS_REFUND).values_list("source_id", flat=True),
            _refunded(account, span),
        ],
        comparing.OTHERS: [
            moved.filter(meaning.IS_OTHER, source_id="").values_list("transaction_id", flat=True),
            moved.filter(meaning.IS_OTHER).values_list("source_id", flat=True),
            _disputed(account, span),
        ],
        comparing.FEES: [moved.filter(meaning.IS_FEE).values_list("transaction_id", flat=True)],
        comparing.PAYOUTS: [
            moved.filter(type=meaning.PAYOUT).values_list("source_id", flat=True),
            _paid_out(account, span),
        ],
    }
    named = {how: {key for names in found for key in names if key} for how, found in columns.items()}
    return {how: sorted(keys | _open(account, how)) for how, keys in named.items()}


def _charged(account: StripeAccount, span: Span) -> Names:
    by_stripe = Q(amount_cents__gt=F("from_balance_cents"))
    return (
        account.payments()
        .filter(span.holds("settled_at"), by_stripe)
        .values_list("intent_id", flat=True)
    )


def _refunded(account: StripeAccount, span: Span) -> Names:
    return Refund.objects.filter(
        span.holds("sent_at") | span.holds("ended_at"), payment__region__in=account.region_ids
    ).values_list("refund_id", flat=True)


def _disputed(account: StripeAccount, span: Span) -> Names:
    return Dispute.objects.filter(
        span.holds("opened_at") | span.holds("decided_at"), payment__region__in=account.region_ids
    ).values_list("dispute_id", flat=True)


def _paid_out(account: StripeAccount, span: Span) -> Names:
    """No payout arrives before the day on which it is made."""
    return StripePayout.objects.filter(
        stripe_account=account.name, arrives_on__gte=span.since.date()
    ).values_list("payout_id", flat=True)


def _open(account: StripeAccount, comparison: Comparison) -> set[str]:
    """What is in doubt already: it may have become right."""
    return set(
        Difference.objects.filter(
            stripe_account=account.name, kind__in=comparison.kinds, resolved_at__isnull=True
        ).values_list("object_id", flat=True)
    )
