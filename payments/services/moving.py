"""Moving a part of a settled payment from one bill of an account to another.

The payment keeps its date: the entry that takes it off the one bill and puts it on the other is
effective on the day on which the payment was. The old allocation says how much of it was moved, a new
one holds it; sums over both are the payment's amount.
"""

from django.db import transaction

from accounts.models import User
from billing.models import EntryKind, Invoice, LedgerCode
from billing.services import invoices as bills
from billing.services.ledger import Posting, post
from common.clock import business_date
from common.locks import lock_ids
from payments.models import Allocation, Payment, PaymentMove
from payments.services.moves import lock_payment
from payments.services.refunds import REFUNDABLE


class CannotMove(RuntimeError):
    """The payment has not settled, or paid less on that bill, or the other bill cannot take it."""


@transaction.atomic
def move_to_bill(
    *,
    payment: Payment,
    from_invoice: Invoice,
    to_invoice: Invoice,
    amount_cents: int,
    reason: str,
    moved_by: User,
) -> PaymentMove:
    """Move `amount_cents`; what it had paid is owed again, and the other bill is paid by it.

    Raises CannotMove, and then nothing has changed.
    """
    payment = lock_payment(payment.pk)
    locked = lock_ids(Invoice, [from_invoice.pk, to_invoice.pk])
    old, new = locked[from_invoice.pk], locked[to_invoice.pk]
    part = payment.allocations.filter(invoice=old).first()
    if payment.state not in REFUNDABLE or part is None or old.pk == new.pk:
        raise CannotMove(payment.reference)
    if amount_cents <= 0 or amount_cents > part.kept_cents - part.reversed_cents:
        raise CannotMove(payment.reference)
    if new.account_id != payment.account_id or new.is_premium != old.is_premium:
        raise CannotMove(new.number)
    if amount_cents > new.payable_cents or old.voided_at is not None:
        raise CannotMove(new.number)
    _move_allocation(payment, part, new, amount_cents)
    bills.reopen(invoice=old, amount_cents=amount_cents)
    bills.give_up(invoice=new, amount_cents=amount_cents)
    moved = PaymentMove.objects.create(
        payment=payment,
        from_invoice=old,
        to_invoice=new,
        amount_cents=amount_cents,
        reason=reason,
        moved_by=moved_by,
    )
    post(
        kind=EntryKind.PAYMENT_MOVED,
        source="move",
        source_id=str(moved.pk),
        region=payment.region,
        effective_on=business_date(payment.region.time_zone, payment.settled_at),
        lines=[
            Posting(LedgerCode.RECEIVABLE, amount_cents, payment.account, old),
            Posting(LedgerCode.RECEIVABLE, -amount_cents, payment.account, new),
        ],
    )
    return moved


def _move_allocation(payment: Payment, part: Allocation, new: Invoice, cents: int) -> None:
    """A new allocation; or, where it goes back to a bill that it came from, less that was moved."""
    there = payment.allocations.filter(invoice=new).first()
    if there is not None:
        if there.moved_cents < cents:
            raise CannotMove(new.number)
        there.moved_cents -= cents
        there.save(update_fields=["moved_cents"])
    else:
        Allocation.objects.create(
            payment=payment, invoice=new, amount_cents=cents, moved_from=part, in_flight=False
        )
    part.moved_cents += cents
    part.save(update_fields=["moved_cents"])
