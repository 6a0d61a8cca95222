"""Histories for tests: many payments at once, and what banks and refunds do to one."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise

from django.db import transaction

from accounts.models import Member
from billing.models import BillingAccount, EntryKind, Invoice, LedgerCode
from common.clock import now
from payments.gateway import BankDispute
from payments.models import (
    Allocation,
    Dispute,
    DisputeState,
    Payment,
    PaymentEvent,
    Refund,
    RefundPart,
    RefundState,
    State,
)
from payments.services import disputes, refunds
from tests.support.billing import Entry, make_many_invoices, post_many


@transaction.atomic
def make_many_payments(
    account: BillingAccount,
    count: int,
    *,
    bills_each: int = 1,
    times: int = 1,
    days_apart: int = 0,
    patients: Sequence[Member] = (),
) -> list[Payment]:
    """Many settled payments at once, each of small bills, over and over. Not in the books: only lists
    look. The first settled now, each other so many days before the one before.
    """
    make_many_invoices(account, count * bills_each, patients=patients)
    bills = list(batched(account.invoices.filter(source="many").order_by("pk"), bills_each))
    latest, payments = now(), []
    for time in range(times):
        made = Payment.objects.bulk_create(
            Payment(
                reference=f"KP-{account.pk}-{time:02d}-{index:05d}",
                region=account.region,
                account=account,
                payer=Payment.Payer.MEMBER,
                amount_cents=sum(bill.total_cents for bill in paid),
                method_kind="card",
                method_brand="visa",
                method_last4="4242",
                settled_at=latest - dt.timedelta(days=days_apart * index),
            )
            for index, paid in enumerate(bills)
        )
        Allocation.objects.bulk_create(
            Allocation(payment=payment, invoice=bill, amount_cents=bill.total_cents)
            for payment, paid in zip(made, bills, strict=True)
            for bill in paid
        )
        _succeed(made)
        payments += made
    return payments


def _succeed(payments: Sequence[Payment]) -> None:
    made = Payment.objects.filter(pk__in=[payment.pk for payment in payments])
    made.update(state=State.SUBMITTED)
    made.update(state=State.SUCCEEDED)


@transaction.atomic
def make_many_in_books(
    account: BillingAccount, count: int, *, days_apart: int, patients: Sequence[Member] = ()
) -> list[Payment]:
    """Many payments of one bill each, in the books, the latest first; every fifth was refunded in part,
    half of those to the account balance, and every seventh was lost in part in a dispute.
    """
    payments = make_many_payments(account, count, days_apart=days_apart, patients=patients)
    bills = {
        each.payment_id: each
        for each in Allocation.objects.filter(payment__in=payments).select_related("invoice")
    }
    paid = [(payment, bills[payment.pk]) for payment in payments]
    entries = [
        _entry(
            EntryKind.PAYMENT_SETTLED,
            payment,
            payment.settled_at,
            LedgerCode.PROCESSOR_CLEARING,
            part.amount_cents,
            part.invoice,
        )
        for payment, part in paid
    ]
    entries += _refund_many(paid[1::5]) + _lose_many(paid[2::7])
    post_many(account, entries)
    return payments


def _entry(
    kind: EntryKind,
    source: Payment | Refund | Dispute,
    at: dt.datetime | None,
    code: LedgerCode,
    cents: int,
    bill: Invoice | None,
) -> Entry:
    """Cents debited to `code`, and credited to the bill, or to the account balance."""
    other = LedgerCode.RECEIVABLE if bill else LedgerCode.ACCOUNT_BALANCE
    lines = [(code, cents, None), (other, -cents, bill)]
    assert at is not None
    return Entry(kind, str(source._meta.model_name), source.pk, at.date(), lines)


def _refund_many(paid: Sequence[tuple[Payment, Allocation]]) -> list[Entry]:
    """A third of each goes back, one to the card and the next to the account balance."""
    to = (Refund.Destination.SOURCE, Refund.Destination.BALANCE)
    refunds = Refund.objects.bulk_create(
        Refund(
            payment=payment,
            reference=f"RF-{payment.pk}",
            amount_cents=part.amount_cents // 3,
            destination=to[index % 2],
            reason="Asked for",
        )
        for index, (payment, part) in enumerate(paid)
    )
    RefundPart.objects.bulk_create(
        RefundPart(refund=refund, allocation=part, amount_cents=refund.amount_cents)
        for refund, (_payment, part) in zip(refunds, paid, strict=True)
    )
    Refund.objects.filter(pk__in=[refund.pk for refund in refunds]).update(
        state=RefundState.SUCCEEDED, ended_at=now()
    )
    return [
        _entry(
            EntryKind.REFUND_PROMISED,
            refund,
            now(),
            LedgerCode.REFUNDS if refund.destination == to[0] else LedgerCode.ACCOUNT_BALANCE,
            -refund.amount_cents,
            part.invoice,
        )
        for refund, (_payment, part) in zip(refunds, paid, strict=True)
    ]


def _lose_many(paid: Sequence[tuple[Payment, Allocation]]) -> list[Entry]:
    """A third of each, and the bank has decided."""
    disputes = Dispute.objects.bulk_create(
        Dispute(
            payment=payment,
            dispute_id=f"dp_{payment.pk}",
            amount_cents=part.amount_cents // 3,
            reason="fraudulent",
            state=DisputeState.LOST,
            decided_at=now(),
        )
        for payment, part in paid
    )
    return [
        _entry(
            EntryKind.DISPUTE_LOST,
            dispute,
            now(),
            LedgerCode.DISPUTES,
            -dispute.amount_cents,
            part.invoice,
        )
        for dispute, (_payment, part) in zip(disputes, paid, strict=True)
    ]


@transaction.atomic
def make_many_movements(account: BillingAccount, count: int) -> None:
    """So many movements of the account balance: money added by a few payments, and then by turns what
    was sent back, taken out as recorded in error, and taken by a bank. Only the list looks.
    """
    latest, few = now(), min(count, 20)
    payments = Payment.objects.bulk_create(
        Payment(
            reference=f"KB-{account.pk}-{index:05d}",
            region=account.region,
            account=account,
            payer=Payment.Payer.MEMBER,
            amount_cents=10_00,
            to_balance_cents=10_00,
            method_kind="card",
            settled_at=latest,
        )
        for index in range(few)
    )
    _succeed(payments)
    places = range(count - few)
    to = (Refund.Destination.SOURCE, Refund.Destination.NOWHERE)
    refunds = Refund.objects.bulk_create(
        Refund(
            payment=payments[place % few],
            reference=f"RB-{account.pk}-{place}",
            amount_cents=1,
            destination=to[place % 3],
            reason="Asked for",
        )
        for place in places
        if place % 3 < 2
    )
    disputes = Dispute.objects.bulk_create(
        Dispute(
            payment=payments[place % few],
            dispute_id=f"db_{account.pk}_{place}",
            amount_cents=1,
            reason="fraudulent",
            state=DisputeState.LOST,
            decided_at=latest,
        )
        for place in places[2::3]
    )
    clearing = LedgerCode.PROCESSOR_CLEARING
    entries = [
        *(_entry(EntryKind.PAYMENT_SETTLED, each, latest, clearing, 10_00, None) for each in payments),
        *(_entry(EntryKind.REFUND_PROMISED, each, latest, clearing, -1, None) for each in refunds),
        *(_entry(EntryKind.DISPUTE_LOST, each, latest, clearing, -1, None) for each in disputes),
    ]
    # Mixed, as they would come; the money comes first.
    post_many(account, entries[:few] + sorted(entries[few:], key=lambda entry: entry.source_id))


@transaction.atomic
def make_one_payment(
    account: BillingAccount, bills: Sequence[Invoice], *, method_kind: str = "card"
) -> Payment:
    """One settled payment of a dollar on each of these bills; only pages look."""
    payment = Payment.objects.create(
        reference=f"KP-{account.pk}-{account.payments.count():08d}",
        region=account.region,
        account=account,
        payer=Payment.Payer.MEMBER,
        amount_cents=1_00 * len(bills),
        method_kind=method_kind,
        settled_at=now(),
    )
    Allocation.objects.bulk_create(
        Allocation(payment=payment, invoice=bill, amount_cents=1_00, in_flight=False) for bill in bills
    )
    _succeed([payment])
    states = ["", State.CREATED, State.SUBMITTED, State.SUCCEEDED]
    PaymentEvent.objects.bulk_create(
        PaymentEvent(payment=payment, from_state=before, to_state=after, via=PaymentEvent.Via.BROWSER)
        for before, after in pairwise(states)
    )
    payment.refresh_from_db()
    return payment


def refund_in_parts(payment: Payment, count: int, *, to: Refund.Destination) -> None:
    """So many refunds of a cent each; only pages look."""
    made = Refund.objects.bulk_create(
        Refund(
            payment=payment,
            reference=f"RP-{payment.pk}-{index}",
            amount_cents=1,
            destination=to,
            reason="Asked for",
        )
        for index in range(count)
    )
    Refund.objects.filter(pk__in=[refund.pk for refund in made]).update(
        state=RefundState.SUCCEEDED, ended_at=now()
    )
    Payment.objects.filter(pk=payment.pk).update(state=State.PARTLY_REFUNDED)


def batched(bills: Iterable[Invoice], size: int) -> Iterator[list[Invoice]]:
    """Lists of `size` bills (itertools.batched is newer than Python 3.11)."""
    left = iter(bills)
    while batch := list(islice(left, size)):
        yield batch


def refund(
    payment: Payment,
    cents: int,
    *,
    to: Refund.Destination = Refund.Destination.SOURCE,
    parts: dict[int | None, int] | None = None,
) -> Refund:
    """Staff refund a part, and it reaches whoever paid."""
    made = refunds.request(
        payment=payment,
        amount_cents=cents,
        destination=to,
        reason="Asked for",
        requested_by=None,
        parts=parts,
    )
    made = refunds.advance(refund_id=made.pk)
    payment.refresh_from_db()
    return made


def dispute(
    payment: Payment,
    cents: int,
    *,
    status: str = "lost",
    is_return: bool = False,
    reason: str = "fraudulent",
    number: int = 1,
) -> None:
    """A bank takes money back, or decides; called again, what it says changes."""
    disputes.settle(
        payment_id=payment.pk,
        told=BankDispute(
            id=f"dp_{payment.pk}_{number}",
            status=status,
            amount_cents=cents,
            reason=reason,
            intent_id=str(payment.intent_id),
            is_return=is_return,
        ),
        via=PaymentEvent.Via.WEBHOOK,
    )
    payment.refresh_from_db()
