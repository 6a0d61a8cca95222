"""Histories for tests: many payments at once, and what banks and refunds do to one."""

from collections.abc import Iterable, Iterator
from itertools import islice

from django.db import transaction

from billing.models import BillingAccount, Invoice
from common.clock import now
from payments.gateway import BankDispute
from payments.models import Allocation, Payment, PaymentEvent, Refund, State
from payments.services import disputes, refunds
from tests.support.billing import make_many_invoices


@transaction.atomic
def make_many_payments(
    account: BillingAccount, count: int, *, bills_each: int = 1, times: int = 1
) -> None:
    """Many settled payments at once, each of small bills, over and over. Not in the books: only lists
    look.
    """
    make_many_invoices(account, count * bills_each)
    bills = list(batched(account.invoices.filter(source="many").order_by("pk"), bills_each))
    for time in range(times):
        payments = Payment.objects.bulk_create(
            Payment(
                reference=f"KP-{account.pk}-{time:02d}-{index:05d}",
                region=account.region,
                account=account,
                payer=Payment.Payer.MEMBER,
                amount_cents=sum(bill.total_cents for bill in paid),
                method_kind="card",
                method_brand="visa",
                method_last4="4242",
            )
            for index, paid in enumerate(bills)
        )
        Allocation.objects.bulk_create(
            Allocation(payment=payment, invoice=bill, amount_cents=bill.total_cents)
            for payment, paid in zip(payments, bills, strict=True)
            for bill in paid
        )
        made = Payment.objects.filter(pk__in=[payment.pk for payment in payments])
        made.update(state=State.SUBMITTED)
        made.update(state=State.SUCCEEDED, settled_at=now())


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
