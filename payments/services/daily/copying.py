"""Copying Stripe's book: each movement and each payout once, by Stripe's own id.

A copy says what Stripe says now. Stripe's book should never change a movement; where it does, the copy
follows, and comparing it with what was booked shows the difference.
"""

import datetime as dt
from collections.abc import Iterable

from common.batches import batches
from payments import stripe_book
from payments.models import Difference, StripePayout, StripeTransaction
from payments.services.daily.accounts import StripeAccount
from payments.stripe_book import Movement, Payout

BATCH = 500
# A bank may refuse a payout days after it was made; its state is looked up again for so long.
PAYOUTS_CHANGE_FOR = dt.timedelta(days=7)
_COPIED = ["type", "source_id", "intent_id", "amount_cents", "fee_cents", "net_cents", "made_at"]


def copy_book(account: StripeAccount, *, since: dt.datetime, until: dt.datetime) -> None:
    """Copy what moved and what was paid out in [since, until). Raises GatewayError; then some of it
    is copied, and the next call copies the rest.
    """
    _keep(account, stripe_book.movements(account=account.name, since=since, until=until))
    payouts = stripe_book.payouts(account=account.name, since=since - PAYOUTS_CHANGE_FOR, until=until)
    for payout in list(payouts):
        copy = _keep_payout(account, payout)
        if payout.itemized and (payout.made_at >= since or _is_in_doubt(copy)):
            parts = stripe_book.movements_of_payout(account=account.name, payout_id=payout.id)
            _keep(account, parts, payout=copy)


def _keep_payout(account: StripeAccount, payout: Payout) -> StripePayout:
    copy, _ = StripePayout.objects.update_or_create(
        payout_id=payout.id,
        defaults={
            "stripe_account": account.name,
            "amount_cents": payout.amount_cents,
            "status": payout.status,
            "arrives_on": payout.arrives_on,
            "itemized": payout.itemized,
        },
    )
    return copy


def _is_in_doubt(payout: StripePayout) -> bool:
    """Its parts are not known, or are known not to add up."""
    return (
        not payout.transactions.exists()
        or Difference.objects.filter(
            kind=Difference.Kind.PAYOUT, object_id=payout.payout_id, resolved_at__isnull=True
        ).exists()
    )


def _keep(
    account: StripeAccount, movements: Iterable[Movement], *, payout: StripePayout | None = None
) -> None:
    """Upsert in one order of ids, so that two copies at once queue instead of locking each other."""
    updates = [*_COPIED, "payout"] if payout else _COPIED
    for batch in batches(movements, BATCH):
        StripeTransaction.objects.bulk_create(
            [
                StripeTransaction(
                    stripe_account=account.name,
                    transaction_id=movement.id,
                    payout=payout,
                    **{name: getattr(movement, name) for name in _COPIED},
                )
                for movement in sorted(batch, key=lambda movement: movement.id)
            ],
            update_conflicts=True,
            unique_fields=["transaction_id"],
            update_fields=updates,
        )
