"""Both books side by side: what each movement's cause did to our balance at Stripe, here and there.

Ours is read from the journal (the processor clearing lines of a payment's, refund's or dispute's
entries), theirs from the copies. Each function takes the keys it should look at and the account; what
Stripe has and we lack is found like what we have and Stripe lacks, because both name the same keys.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from billing.models import EntryKind, JournalLine, LedgerCode
from common.batches import batches
from payments.models import (
    CAME_TO_NOTHING,
    RESERVING,
    Difference,
    Dispute,
    Payment,
    Refund,
    StripePayout,
    StripeTransaction,
)
from payments.services.daily import meaning
from payments.services.daily.accounts import StripeAccount

Kind = Difference.Kind
BATCH = 1000

_MOVES_PAYMENT = [EntryKind.PAYMENT_SETTLED]
_MOVES_REFUND = [EntryKind.REFUND_SENT, EntryKind.REFUND_FAILED]
_MOVES_DISPUTE = [EntryKind.DISPUTE_OPENED, EntryKind.DISPUTE_WON, EntryKind.DISPUTE_LOST]


@dataclass(frozen=True, slots=True)
class Compared:
    """One cause in both books, in cents; None where a book does not know it.

    `kind` is what is wrong, None where nothing is. `on_its_way` is what Stripe has counted and we
    shall, when the payment settles.
    """

    object_id: str
    ours: int | None
    theirs: int | None
    kind: Difference.Kind | None = None
    on_its_way: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A way to compare, and the kinds of differences that it alone finds and resolves."""

    kinds: tuple[Difference.Kind, ...]
    compare: Callable[[StripeAccount, list[str]], Iterable[Compared]]


def charges(account: StripeAccount, intents: list[str]) -> Iterable[Compared]:
    """Payments against charges and bank debits, by PaymentIntent; one that was sent back is none."""
    payments = {p.intent_id: p for p in account.payments().filter(intent_id__in=intents)}
    booked = _booked("payment", _MOVES_PAYMENT, payments.values())
    moved = _moved(account, "intent_id", intents, meaning.IS_CHARGE)
    sent_back = _sent_back(account, intents)
    for intent in intents:
        payment = payments.get(intent)
        ours = booked.get(payment.pk) if payment else None
        theirs = moved.get(intent)
        if (ours or 0) == (theirs or 0) or intent in sent_back:
            yield Compared(intent, ours, theirs)
        elif payment and payment.state in RESERVING and not payment.review_reason:
            yield Compared(intent, ours, theirs, on_its_way=theirs or 0)
        else:
            yield Compared(intent, ours, theirs, _charge_kind(ours, theirs))


def _charge_kind(ours: int | None, theirs: int | None) -> Difference.Kind:
    if not ours:
        return Kind.UNKNOWN_CHARGE
    return Kind.AMOUNT if theirs else Kind.MISSING_CHARGE


def refunds(account: StripeAccount, refund_ids: list[str]) -> Iterable[Compared]:
    """Refunds to a card or bank account, by Refund; one that came back counts as nothing."""
    found = Refund.objects.filter(payment__region__in=account.region_ids, refund_id__in=refund_ids)
    known = {refund.refund_id: refund for refund in found}
    booked = _booked("refund", _MOVES_REFUND, known.values())
    moved = _moved(account, "source_id", refund_ids, meaning.IS_REFUND)
    intents = _intents_of(account, [each for each in refund_ids if each not in known])
    sent_back = _sent_back(account, sorted(set(intents.values())))
    for refund_id in refund_ids:
        refund = known.get(refund_id)
        ours, theirs = booked.get(refund.pk) if refund else None, moved.get(refund_id)
        missing = (ours or 0) < (theirs or 0)  # more left our books than Stripe's
        kind = Kind.MISSING_REFUND if missing else Kind.UNKNOWN_REFUND
        agree = (ours or 0) == (theirs or 0) or intents.get(refund_id) in sent_back
        yield Compared(refund_id, ours, theirs, None if agree else kind)


def _intents_of(account: StripeAccount, refund_ids: list[str]) -> dict[str, str]:
    copies = StripeTransaction.objects.filter(meaning.IS_REFUND, stripe_account=account.name)
    intents: dict[str, str] = {}
    for batch in batches(refund_ids, BATCH):
        intents.update(copies.filter(source_id__in=batch).values_list("source_id", "intent_id"))
    return intents


def _sent_back(account: StripeAccount, intents: list[str]) -> set[str]:
    """Those whose payment came to nothing, and of which Stripe's book has taken and returned as much:
    neither the charge nor what was sent back is in ours.
    """
    moved = _moved(account, "intent_id", intents, meaning.IS_CHARGE | meaning.IS_REFUND)
    even = [intent for intent, cents in moved.items() if intent and not cents]
    ended = account.payments().filter(state__in=CAME_TO_NOTHING, intent_id__in=even)
    return {intent for intent in ended.values_list("intent_id", flat=True) if intent}


def others(account: StripeAccount, keys: list[str]) -> Iterable[Compared]:
    """Everything else, by what caused it: explained by a dispute of ours, or by nothing."""
    found = Dispute.objects.filter(payment__region__in=account.region_ids, dispute_id__in=keys)
    known = {dispute.dispute_id: dispute for dispute in found}
    booked = _booked("dispute", _MOVES_DISPUTE, known.values())
    moved = _moved(account, "source_id", keys, meaning.IS_OTHER)
    moved |= _moved(account, "transaction_id", keys, meaning.IS_OTHER)
    for key in keys:
        dispute = known.get(key)
        ours, theirs = booked.get(dispute.pk) if dispute else None, moved.get(key)
        kind = None if (ours or 0) == (theirs or 0) else Kind.MOVEMENT
        yield Compared(key, ours, theirs, kind)


def fees(account: StripeAccount, transaction_ids: list[str]) -> Iterable[Compared]:
    """Each movement's fee against what was booked for it."""
    copies = StripeTransaction.objects.filter(
        stripe_account=account.name, transaction_id__in=transaction_ids
    )
    booked = _clearing(meaning.TRANSACTION, [EntryKind.FEE_BOOKED], transaction_ids)
    for copy in copies:
        ours, theirs = booked.get(copy.transaction_id, 0), meaning.fee_effect(copy)
        kind = None if ours == theirs else Kind.FEE
        yield Compared(copy.transaction_id, ours, theirs, kind)


def payouts(account: StripeAccount, payout_ids: list[str]) -> Iterable[Compared]:
    """Each payout against our books, and against the sum of its parts where Stripe tells them."""
    found = StripePayout.objects.filter(stripe_account=account.name, payout_id__in=payout_ids)
    paid_out = StripeTransaction.objects.exclude(type=meaning.PAYOUT)
    parts = _sums(paid_out, "payout__payout_id", payout_ids, "net_cents")
    booked = _clearing(meaning.PAYOUT, [EntryKind.PAYOUT_BOOKED], payout_ids)
    for payout in found:
        theirs, ours = -payout.amount_cents, booked.get(payout.payout_id)
        if payout.itemized and ours == theirs:
            ours = -parts.get(payout.payout_id, 0)
        kind = None if ours == theirs else Kind.PAYOUT
        yield Compared(payout.payout_id, ours, theirs, kind)


CHARGES = Comparison((Kind.UNKNOWN_CHARGE, Kind.MISSING_CHARGE, Kind.AMOUNT), charges)
REFUNDS = Comparison((Kind.UNKNOWN_REFUND, Kind.MISSING_REFUND), refunds)
OTHERS = Comparison((Kind.MOVEMENT,), others)
FEES = Comparison((Kind.FEE,), fees)
PAYOUTS = Comparison((Kind.PAYOUT,), payouts)


def _booked(
    source: str, kinds: list[EntryKind], rows: Iterable[Payment | Refund | Dispute]
) -> dict[int, int]:
    """By our key: what the entries of these rows did to processor clearing."""
    found = _clearing(source, kinds, [str(row.pk) for row in rows])
    return {int(key): cents for key, cents in found.items()}


def _clearing(source: str, kinds: list[EntryKind], keys: list[str]) -> dict[str, int]:
    lines = JournalLine.objects.filter(
        ledger_account=LedgerCode.PROCESSOR_CLEARING, entry__kind__in=kinds, entry__source=source
    )
    return _sums(lines, "entry__source_id", keys, "amount_cents")


def _moved(account: StripeAccount, field: str, keys: list[str], which: object) -> dict[str, int]:
    copies = StripeTransaction.objects.filter(which, stripe_account=account.name)
    return _sums(copies, field, keys, "amount_cents")


def _sums(rows: "QuerySet", key: str, keys: list[str], cents: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for batch in batches(keys, BATCH):
        found = rows.filter(**{f"{key}__in": batch}).values_list(key)
        sums.update(found.annotate(total=Sum(cents)))
    return sums
