"""Stripe's own book: what moved on our balance there, and what was paid out. Read through the gateway.

Amounts are in cents and signed: what comes to our balance at Stripe is positive. Moments are UTC;
Stripe's days are UTC days. Lists are read page by page to their end; each page is one request.
"""

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from common.money import CURRENCY
from payments import gateway

PAGE = 100  # Stripe's most


@dataclass(frozen=True, slots=True)
class Movement:
    """One balance transaction: gross `amount_cents`, of which Stripe keeps `fee_cents`."""

    id: str
    type: str
    source_id: str  # what caused it: ch_, py_, re_, pyr_, dp_, du_, po_; empty for Stripe's own fees
    intent_id: str  # the PaymentIntent behind it, where there is one
    amount_cents: int
    fee_cents: int
    net_cents: int
    made_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Payout:
    """Money on its way to our bank account. `itemized`: Stripe tells which movements it consists of."""

    id: str
    amount_cents: int
    status: str  # pending, in_transit, paid, failed, canceled
    made_at: dt.datetime
    arrives_on: dt.date
    itemized: bool


def kept_cents(*, account: str, intent_id: str) -> int:
    """What an intent has taken and nobody has given back yet. Raises GatewayError."""
    with gateway.calling(account) as client:
        found = client.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})
    return found.amount_received - int(getattr(found.latest_charge, "amount_refunded", 0))


def refunds_made(*, account: str, intent_id: str) -> int:
    """How many refunds of an intent there were, those that failed included. Raises GatewayError."""
    with gateway.calling(account) as client:
        page = client.v1.refunds.list({"payment_intent": intent_id, "limit": PAGE})
        return sum(1 for _ in page.auto_paging_iter())


def movements(*, account: str, since: dt.datetime, until: dt.datetime) -> Iterator[Movement]:
    """What moved in [since, until), newest first. Raises GatewayError."""
    return _movements(account, {"created": _between(since, until)})


def movements_of_payout(*, account: str, payout_id: str) -> Iterator[Movement]:
    """What an itemized payout consists of, itself included. Raises GatewayError."""
    return _movements(account, {"payout": payout_id})


def payouts(*, account: str, since: dt.datetime, until: dt.datetime) -> Iterator[Payout]:
    """What was sent to our bank in [since, until), newest first. Raises GatewayError."""
    with gateway.calling(account) as client:
        page = client.v1.payouts.list(cast(Any, {"created": _between(since, until), "limit": PAGE}))
        for found in page.auto_paging_iter():
            yield Payout(
                id=found.id,
                amount_cents=found.amount,
                status=found.status,
                made_at=_moment(found.created),
                arrives_on=_moment(found.arrival_date).date(),
                itemized=found.automatic and found.reconciliation_status == "completed",
            )


def balance_cents(*, account: str) -> int:
    """What Stripe holds for us at present, available or not yet. Raises GatewayError."""
    with gateway.calling(account) as client:
        held: Any = client.v1.balance.retrieve()
    return sum(part.amount for part in [*held.available, *held.pending] if part.currency == CURRENCY)


def _movements(account: str, wanted: dict[str, Any]) -> Iterator[Movement]:
    params = {**wanted, "currency": CURRENCY, "limit": PAGE, "expand": ["data.source"]}
    with gateway.calling(account) as client:
        page = client.v1.balance_transactions.list(cast(Any, params))
        for found in page.auto_paging_iter():
            yield _movement(found)


def _movement(found: Any) -> Movement:
    source = found.source  # expanded; None where nothing of ours is behind it
    intent = getattr(source, "payment_intent", None)
    return Movement(
        id=found.id,
        type=found.type,
        source_id=source.id if source else "",
        intent_id=(intent if isinstance(intent, str) else getattr(intent, "id", None)) or "",
        amount_cents=found.amount,
        fee_cents=found.fee,
        net_cents=found.net,
        made_at=_moment(found.created),
    )


def _between(since: dt.datetime, until: dt.datetime) -> dict[str, int]:
    """Whole seconds, as Stripe counts; a second that has begun belongs to the past."""
    return {"gte": int(since.timestamp()), "lt": math.ceil(until.timestamp())}


def _moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
