"""Whether what Stripe holds for us is what our books call processor clearing.

Between two moments of a living system the two are never equal to the cent by themselves: a bank debit
counts at Stripe from the day it is sent and here when it settles, and a charge may settle here while
Stripe's book is being copied. Both are added up and named; what remains unequal is a difference.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F, QuerySet, Sum

from billing.models import JournalLine, LedgerCode
from payments import stripe_book
from payments.models import RESERVING, Difference, Refund, StripeTransaction
from payments.services.daily import meaning
from payments.services.daily.accounts import StripeAccount
from payments.services.daily.comparing import Compared

Kind = Difference.Kind
TRIES = 3
KINDS = (Kind.BALANCE,)
OBJECT = "balance"
# A payout whose parts do not add up took from the balance what it took.
_NOT_ON_BALANCE = (Kind.PAYOUT, Kind.BALANCE)


@dataclass(frozen=True, slots=True)
class Holdings:
    """In cents. `expected_cents` is what Stripe should hold by our books."""

    stripe_cents: int
    clearing_cents: int
    on_its_way_cents: int  # counted by Stripe; here when it settles
    after_copy_cents: int  # settled here after Stripe's book was copied
    listed_cents: int  # what the open differences explain

    @property
    def expected_cents(self) -> int:
        return self.clearing_cents + self.on_its_way_cents - self.after_copy_cents + self.listed_cents


def copy_at_rest(account: StripeAccount, copy: Callable[[], None]) -> int | None:
    """Copy Stripe's book while nothing moves there; returns the balance that belongs to the copy.

    None where something moved each time we tried. Raises GatewayError.
    """
    before = stripe_book.balance_cents(account=account.name)
    for _ in range(TRIES):
        copy()
        after = stripe_book.balance_cents(account=account.name)
        if after == before:
            return after
        before = after
    return None


@transaction.atomic
def take_stock(account: StripeAccount, *, stripe_cents: int, copied_at: dt.datetime) -> Holdings:
    """All figures of one moment. Call it outside of any transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    return Holdings(
        stripe_cents=stripe_cents,
        clearing_cents=_total(
            JournalLine.objects.filter(
                ledger_account=LedgerCode.PROCESSOR_CLEARING, entry__region__in=account.region_ids
            )
        ),
        on_its_way_cents=_total(_on_its_way(account)),
        after_copy_cents=_settled_after(account, copied_at) - _sent_after(account, copied_at),
        listed_cents=_listed(account),
    )


def compare_holdings(held: Holdings) -> Compared:
    wrong = held.expected_cents != held.stripe_cents
    return Compared(OBJECT, held.expected_cents, held.stripe_cents, Kind.BALANCE if wrong else None)


def _on_its_way(account: StripeAccount) -> QuerySet[StripeTransaction]:
    unsettled = account.payments().filter(state__in=RESERVING, review_reason="")
    return StripeTransaction.objects.filter(
        meaning.IS_CHARGE,
        stripe_account=account.name,
        intent_id__in=unsettled.filter(intent_id__isnull=False).values("intent_id"),
    )


def _copied(account: StripeAccount, field: str) -> QuerySet[StripeTransaction]:
    return StripeTransaction.objects.filter(stripe_account=account.name).values(field)


def _settled_after(account: StripeAccount, copied_at: dt.datetime) -> int:
    young = account.payments().filter(settled_at__gte=copied_at)
    return _total(
        young.exclude(intent_id__in=_copied(account, "intent_id")),
        F("amount_cents") - F("from_balance_cents"),
    )


def _sent_after(account: StripeAccount, copied_at: dt.datetime) -> int:
    young = Refund.objects.filter(payment__region__in=account.region_ids, sent_at__gte=copied_at)
    return _total(young.exclude(refund_id__in=_copied(account, "source_id")))


def _listed(account: StripeAccount) -> int:
    rows = Difference.objects.filter(stripe_account=account.name, resolved_at__isnull=True)
    figures = rows.exclude(kind__in=_NOT_ON_BALANCE).values_list("ours_cents", "theirs_cents")
    return sum((theirs or 0) - (ours or 0) for ours, theirs in figures)


def _total(rows: "QuerySet", cents: object = "amount_cents") -> int:
    return rows.aggregate(total=Sum(cents))["total"] or 0
