"""Refunds: promised in one commit, sent under one key, asked about until there is an outcome.

A refund to the source: created → pending → succeeded, or failed, and then the money is the payer's
account balance. A bank may send one back that had succeeded, days later: only Stripe's event or its
book says so. A refund to the account balance takes effect at once; so does taking back a check or
cash that was recorded in error, which goes nowhere. What is refunded of a bill is owed again.
Together with what banks took, refunds never exceed what was captured: the CHECK
payment_goes_back_once holds that against any number of requests at once.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Case, Q, Sum, Value, When

from accounts.models import User
from billing.models import EntryKind, LedgerCode
from billing.services import balance
from billing.services.ledger import Posting, post
from common import references
from common.batches import for_each
from common.clock import business_date, now
from common.failpoints import failpoint
from common.locks import lock_one
from payments import emails, gateway, stripe_book
from payments.gateway import Busy, OutcomeUnknown, Refused, SentRefund
from payments.models import (
    DisputeState,
    Payment,
    PaymentEvent,
    Refund,
    RefundPart,
    RefundState,
    State,
)
from payments.services import recorded_balance
from payments.services.moves import lock_payment, move
from payments.services.reversal import (
    NothingLeft,
    PartKey,
    became_balance,
    split,
    take_back,
    taken_back,
)
from payments.wake import wake

log = structlog.get_logger(__name__)
Via = PaymentEvent.Via

REFERENCE_LENGTH = 11
REFUNDABLE = (State.SUCCEEDED, State.PARTLY_REFUNDED)
UNSETTLED = (RefundState.CREATED, RefundState.UNKNOWN, RefundState.PENDING)
LEASE = dt.timedelta(seconds=180)  # look for it, send it, see what Stripe has kept
KEY_LIVES = dt.timedelta(hours=23)
ASK_AFTER = dt.timedelta(minutes=2)
ASK_PENDING_AFTER = dt.timedelta(hours=6)
BATCH = 200

# What a refund is owed to, or whose money it was never.
_CREDITED = {
    Refund.Destination.SOURCE: LedgerCode.REFUNDS,
    Refund.Destination.BALANCE: LedgerCode.ACCOUNT_BALANCE,
    Refund.Destination.NOWHERE: LedgerCode.BANK,
}


class CannotRefund(RuntimeError):
    """The payment cannot give back that much: it is not settled, disputed, or already refunded."""


class GoneOtherwise(RuntimeError):
    """Stripe holds no such refund, and yet not what our books say: somebody may have refunded there."""


class NotUnanswered(RuntimeError):
    """The refund has an answer, or may still be sent, or somebody is asking right now."""


@transaction.atomic
def request(
    *,
    payment: Payment,
    amount_cents: int,
    destination: Refund.Destination,
    reason: str,
    requested_by: User | None,
    parts: Mapping[PartKey, int] | None = None,
) -> Refund:
    """Promise a part of a settled payment back; sends it after the commit.

    Without `parts` each bill gives in proportion to what is left of it; what was recorded in error
    goes whole, from wherever it stands. Raises CannotRefund, or balance.NotEnough where money added to
    the account balance was spent; then nothing has changed.
    """
    payment = lock_payment(payment.pk)
    to_source = destination == Refund.Destination.SOURCE
    try:
        if destination == Refund.Destination.NOWHERE:
            chosen, debits = recorded_balance.take_back_in_error(payment)
        else:
            if payment.state not in REFUNDABLE:
                raise CannotRefund(f"{payment.reference} is {payment.state}")
            chosen = dict(parts) if parts is not None else split(payment, amount_cents)
            freed = became_balance(payment).keys() & chosen.keys()
            if to_source:
                in_balance_cents = sum(chosen.get(key, 0) for key in (None, *freed))
                recorded_balance.check_leaves_by_card(payment, in_balance_cents)
            elif freed:
                raise CannotRefund(f"{payment.reference} is account balance already")
            debits = take_back(payment, chosen)
    except (NothingLeft, recorded_balance.CameOtherwise) as error:
        raise CannotRefund(str(error)) from error
    if sum(chosen.values()) != amount_cents:
        raise CannotRefund("the parts do not sum to the amount")
    if to_source:
        _count_as_refunded(payment, amount_cents)
    refund = Refund.objects.create(
        payment=payment,
        reference=references.generate("RF-", REFERENCE_LENGTH),
        amount_cents=amount_cents,
        destination=destination,
        reason=reason,
        requested_by=requested_by,
        next_check_at=now() + ASK_AFTER if to_source else None,
    )
    RefundPart.objects.bulk_create(
        RefundPart(refund=refund, allocation_id=key, amount_cents=cents)
        for key, cents in chosen.items()
    )
    credit = Posting(_CREDITED[destination], -amount_cents, payment.account)
    _post(refund, EntryKind.REFUND_PROMISED, [*debits, credit])
    move_by_what_is_left(payment, via=Via.STAFF)
    if to_source:
        wake("send_refund", refund.pk)
    else:
        if destination == Refund.Destination.BALANCE:
            balance.credit(account=payment.account, amount_cents=amount_cents)
        _end(refund, RefundState.SUCCEEDED)
        emails.refunded(refund=refund)
    failpoint("payments.refund_before_commit")
    return refund


def _count_as_refunded(payment: Payment, amount_cents: int) -> None:
    payment.refunded_cents += amount_cents
    try:
        with transaction.atomic():
            payment.save(update_fields=["refunded_cents"])
    except IntegrityError as error:
        raise CannotRefund(payment.reference) from error


def move_by_what_is_left(payment: Payment, *, via: Via, detail: str = "") -> None:
    """Succeeded, partly refunded or refunded: what the parts of the payment say by now.

    While a bank still decides, it stays disputed; what a bank took for good never looks paid again,
    also where it came from the account balance.
    """
    known = set(payment.disputes.values_list("state", flat=True))
    if DisputeState.OPEN in known:
        return
    taken = max(taken_back(payment), recorded_balance.in_error_cents(payment))
    if not taken and DisputeState.LOST not in known:
        target = State.SUCCEEDED
    else:
        target = State.PARTLY_REFUNDED if taken < payment.amount_cents else State.REFUNDED
    if payment.state != target:
        move(payment, target, via=via, detail=detail)


def advance(*, refund_id: int, at: dt.datetime | None = None) -> Refund:
    """Send a refund, or ask about it; returns it as it stands then. Safe to call at any time.

    Nobody asks again about one that has succeeded: there it raises GatewayError where Stripe does not
    answer, so that the caller comes back.
    """
    at = at or now()
    with _lease(refund_id, at) as refund:
        if refund is not None:
            _advance(refund, at)
    return Refund.objects.get(pk=refund_id)


@contextmanager
def _lease(refund_id: int, at: dt.datetime) -> Iterator[Refund | None]:
    until = at + LEASE
    ended = Q(state=RefundState.SUCCEEDED, refund_id__isnull=False)
    taken = Refund.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=at),
        Q(state__in=UNSETTLED) | ended,
        pk=refund_id,
        destination=Refund.Destination.SOURCE,
    ).update(
        lease_until=until,
        next_check_at=Case(
            When(state=RefundState.PENDING, then=Value(at + ASK_PENDING_AFTER)),
            When(state__in=UNSETTLED, then=Value(at + ASK_AFTER)),
        ),
    )
    if not taken:
        yield None
        return
    try:
        yield Refund.objects.select_related("payment__region").get(pk=refund_id)
    finally:
        Refund.objects.filter(pk=refund_id, lease_until=until).update(lease_until=None)


def _advance(refund: Refund, at: dt.datetime) -> None:
    if refund.state == RefundState.SUCCEEDED:
        settle(refund_id=refund.pk, sent=_retrieve(refund))
        return
    try:
        sent = _send_or_ask(refund, at)
    except Busy:
        return  # the reconciler comes back
    except Refused as error:
        log.error("refund.refused", refund=refund.reference, code=error.code)
        _end_refused(refund, error.code, at)
    except OutcomeUnknown as error:
        log.warning("refund.no_answer", refund=refund.reference, error=str(error))
        Refund.objects.filter(pk=refund.pk, state=RefundState.CREATED).update(state=RefundState.UNKNOWN)
    else:
        if sent is None:
            _leave_to_staff(refund, at)
        else:
            settle(refund_id=refund.pk, sent=sent)


def _end_refused(refund: Refund, code: str, at: dt.datetime) -> None:
    """Stripe takes no such refund: the money is the payer's here, where Stripe has kept it."""
    try:
        _check_is_kept(refund.payment)
    except GoneOtherwise:
        _leave_to_staff(refund, at)
    except (Busy, OutcomeUnknown):
        log.warning("refund.not_known_whether_kept", refund=refund.reference)  # asked again soon
    else:
        _fail(refund_id=refund.pk, code=code)


def _leave_to_staff(refund: Refund, at: dt.datetime) -> None:
    """It stays in the list of refunds without an answer; Stripe is still asked, now and then."""
    log.error("refund.needs_review", refund=refund.reference)
    Refund.objects.filter(pk=refund.pk, state__in=(RefundState.CREATED, RefundState.UNKNOWN)).update(
        state=RefundState.UNKNOWN, next_check_at=at + ASK_PENDING_AFTER
    )


def _send_or_ask(refund: Refund, at: dt.datetime) -> SentRefund | None:
    """Ask first where an answer was lost; send only under a key that Stripe still knows."""
    region, intent_id = refund.payment.region, str(refund.payment.intent_id)
    key_lives = at - refund.created_at < KEY_LIVES
    if refund.refund_id:
        return _retrieve(refund)
    if refund.state == RefundState.UNKNOWN or not key_lives:
        with _asking():
            found = gateway.find_refund(region=region, reference=refund.reference, intent_id=intent_id)
        if found is not None or not key_lives:
            return found
    failpoint("payments.before_refund")
    sent = gateway.create_refund(
        region=region,
        reference=refund.reference,
        intent_id=intent_id,
        amount_cents=refund.amount_cents,
    )
    failpoint("payments.after_refund")
    return sent


def _retrieve(refund: Refund) -> SentRefund:
    with _asking():
        return gateway.retrieve_refund(region=refund.payment.region, refund_id=str(refund.refund_id))


@contextmanager
def _asking() -> Iterator[None]:
    """A question that Stripe refuses says nothing about whether money moved."""
    try:
        yield
    except Refused as error:
        raise OutcomeUnknown(error.code) from error


def is_unanswered(refund: Refund, at: dt.datetime) -> bool:
    """Whether Stripe never said anything about it, and the key under which it was sent has died."""
    waits = refund.state in (RefundState.CREATED, RefundState.UNKNOWN)
    return waits and not refund.refund_id and at - refund.created_at >= KEY_LIVES


def ask_about(*, refund_id: int, at: dt.datetime | None = None) -> Refund:
    """End an unanswered refund by Stripe's word, because staff ask for it.

    What Stripe holds takes effect. Where it holds no such refund, none can come any more: the money
    becomes account balance, as that of a refund that failed. Calls Stripe: outside a transaction.
    Raises NotUnanswered, GoneOtherwise, or GatewayError where Stripe does not tell; nothing changes.
    """
    at = at or now()
    with _lease(refund_id, at) as refund:
        if refund is None or not is_unanswered(refund, at):
            raise NotUnanswered(refund_id)
        payment = refund.payment
        with _asking():
            found = gateway.find_refund(
                region=payment.region,
                reference=refund.reference,
                intent_id=str(payment.intent_id),
            )
        if found is None:
            _check_is_kept(payment)
            _fail(refund_id=refund_id, code="not at Stripe")
        else:
            settle(refund_id=refund_id, sent=found)
    return Refund.objects.get(pk=refund_id)


def _check_is_kept(payment: Payment) -> None:
    """Whether Stripe has kept all but what our own refunds took. Raises GoneOtherwise."""
    sent = payment.refunds.filter(sent_at__isnull=False).exclude(state=RefundState.FAILED)
    sent_cents = sent.aggregate(cents=Sum("amount_cents"))["cents"] or 0
    account, intent_id = payment.region.stripe_account, str(payment.intent_id)
    with _asking():
        kept_cents = stripe_book.kept_cents(account=account, intent_id=intent_id)
    if kept_cents != payment.charge_cents - sent_cents:
        raise GoneOtherwise(payment.reference)


@transaction.atomic
def settle(*, refund_id: int, sent: SentRefund) -> Refund:
    """Apply what Stripe holds to a refund. Running it again with the same answer changes nothing."""
    refund = _lock(refund_id)
    if sent.amount_cents != refund.amount_cents or sent.reference != refund.reference:
        log.error("refund.mismatch", refund=refund.reference)
        return refund
    if refund.refund_id is None:
        refund.refund_id = sent.id
        refund.save(update_fields=["refund_id"])
    if sent.status in ("failed", "canceled"):
        return _fail_locked(refund, sent.failure_code or sent.status)
    if refund.sent_at is None:
        _book_sent(refund)
    if sent.status == "succeeded" and refund.state != RefundState.SUCCEEDED:
        _end(refund, RefundState.SUCCEEDED)
        emails.refunded(refund=refund)
    elif sent.status == "pending" and refund.state in (RefundState.CREATED, RefundState.UNKNOWN):
        refund.state = RefundState.PENDING
        refund.next_check_at = now() + ASK_PENDING_AFTER
        refund.save(update_fields=["state", "next_check_at"])
    return refund


@transaction.atomic
def _fail(*, refund_id: int, code: str) -> None:
    _fail_locked(_lock(refund_id), code)


def _lock(refund_id: int) -> Refund:
    """Account, payment, refund; the refund carries the locked payment."""
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    payment = lock_payment(payment_id)
    refund = lock_one(Refund.objects.filter(pk=refund_id))
    refund.payment = payment
    return refund


def _book_sent(refund: Refund) -> None:
    """Stripe has taken the amount off our balance there."""
    refund.sent_at = now()
    refund.save(update_fields=["sent_at"])
    account, cents = refund.payment.account, refund.amount_cents
    _post(
        refund,
        EntryKind.REFUND_SENT,
        [
            Posting(LedgerCode.REFUNDS, cents, account),
            Posting(LedgerCode.PROCESSOR_CLEARING, -cents, account),
        ],
    )


def _fail_locked(refund: Refund, code: str) -> Refund:
    """The source cannot take the money: it becomes account balance, visibly, and the payer is told."""
    if refund.state == RefundState.FAILED:
        return refund
    payment, cents = refund.payment, refund.amount_cents
    held_by = LedgerCode.PROCESSOR_CLEARING if refund.sent_at else LedgerCode.REFUNDS
    _post(
        refund,
        EntryKind.REFUND_FAILED,
        [
            Posting(held_by, cents, payment.account),
            Posting(LedgerCode.ACCOUNT_BALANCE, -cents, payment.account),
        ],
    )
    balance.credit(account=payment.account, amount_cents=cents)
    payment.refunded_cents -= cents
    payment.save(update_fields=["refunded_cents"])
    refund.failure_code = code[:60]
    _end(refund, RefundState.FAILED)
    emails.refund_failed(refund=refund)
    return refund


def _end(refund: Refund, state: RefundState) -> None:
    refund.state, refund.ended_at, refund.next_check_at = state, now(), None
    refund.save(update_fields=["state", "ended_at", "next_check_at", "failure_code"])


def _post(refund: Refund, kind: EntryKind, lines: list[Posting]) -> None:
    region = refund.payment.region
    post(
        kind=kind,
        source="refund",
        source_id=str(refund.pk),
        region=region,
        effective_on=business_date(region.time_zone),
        lines=lines,
    )


def reconcile_refunds(*, at: dt.datetime | None = None) -> int:
    """Send or ask about every refund whose turn has come; returns how many had a turn."""
    due = Refund.objects.filter(state__in=UNSETTLED, next_check_at__lte=at or now())
    ids = list(due.order_by("next_check_at").values_list("pk", flat=True)[:BATCH])

    def ask(refund_id: int) -> bool:
        advance(refund_id=refund_id, at=at or now())
        return True

    return for_each(ids, ask, failing="refunds that could not be asked about")
