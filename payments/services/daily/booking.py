"""What only Stripe's book tells us enters ours: fees, and payouts to our bank.

An entry is keyed by Stripe's own id, so that booking again changes nothing.
"""

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import Region
from billing.models import EntryKind, JournalEntry, LedgerCode
from billing.services.ledger import Posting, post
from common.batches import batches
from common.clock import business_date
from payments.models import StripeTransaction
from payments.services.daily import meaning
from payments.services.daily.accounts import StripeAccount

BATCH = 100  # entries a transaction: short locks, few commits


def book_fees(account: StripeAccount, *, since: dt.datetime) -> int:
    """Debit processor fees, credit processor clearing, for each movement since then that has a fee.

    Returns how many entries are new.
    """
    unbooked = StripeTransaction.objects.filter(
        meaning.IS_FEE,
        ~_has_entry(EntryKind.FEE_BOOKED, meaning.TRANSACTION, "transaction_id"),
        stripe_account=account.name,
        made_at__gte=since,
    )
    new = 0
    for batch in batches(list(unbooked.order_by("pk")), BATCH):
        regions = _regions_by_intent(account, batch)
        with transaction.atomic():
            for copy in batch:
                cents = meaning.fee_effect(copy)
                new += _post(
                    EntryKind.FEE_BOOKED,
                    (meaning.TRANSACTION, copy.transaction_id),
                    copy,
                    regions.get(copy.intent_id, account.home),
                    [
                        Posting(LedgerCode.PROCESSOR_FEES, -cents),
                        Posting(LedgerCode.PROCESSOR_CLEARING, cents),
                    ],
                )
    return new


def book_payouts(account: StripeAccount, *, since: dt.datetime) -> int:
    """Debit bank, credit processor clearing, for each payout since then; reversed where one came back.

    Returns how many entries are new.
    """
    booked_under_payout = _has_entry(EntryKind.PAYOUT_BOOKED, meaning.PAYOUT, "source_id")
    booked_under_movement = _has_entry(EntryKind.PAYOUT_BOOKED, meaning.TRANSACTION, "transaction_id")
    unbooked = StripeTransaction.objects.filter(
        Q(type=meaning.PAYOUT) & ~booked_under_payout
        | meaning.IS_PAYOUT & ~Q(type=meaning.PAYOUT) & ~booked_under_movement,
        stripe_account=account.name,
        made_at__gte=since,
    )
    with transaction.atomic():
        return sum(
            _post(
                EntryKind.PAYOUT_BOOKED,
                meaning.payout_source(copy),
                copy,
                account.home,
                [
                    Posting(LedgerCode.BANK, -copy.amount_cents),
                    Posting(LedgerCode.PROCESSOR_CLEARING, copy.amount_cents),
                ],
            )
            for copy in unbooked.order_by("pk")
        )


def _has_entry(kind: EntryKind, source: str, key: str) -> Q:
    """Whether an entry exists for the movement whose field `key` holds the entry's source key."""
    return Q(Exists(JournalEntry.objects.filter(kind=kind, source=source, source_id=OuterRef(key))))


def _regions_by_intent(
    account: StripeAccount, copies: Iterable[StripeTransaction]
) -> dict[str | None, Region]:
    """Whose payment a movement belongs to: its fee is that entity's."""
    intents = {copy.intent_id for copy in copies} - {""}
    paid = account.payments().filter(intent_id__in=intents).select_related("region")
    return {payment.intent_id: payment.region for payment in paid}


def _post(
    kind: EntryKind,
    source: tuple[str, str],
    copy: StripeTransaction,
    region: Region,
    lines: list[Posting],
) -> bool:
    """Post an entry on the region's calendar; returns whether it is new."""
    lines = [line for line in lines if line.amount_cents]
    if not lines:  # a movement of nothing
        return False
    _, new = post(
        kind=kind,
        source=source[0],
        source_id=source[1],
        region=region,
        effective_on=business_date(region.time_zone, copy.made_at),
        lines=lines,
    )
    return new
