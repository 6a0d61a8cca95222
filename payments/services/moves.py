"""Moving a payment's state, with its event: the member's timeline and the auditor's trail."""

from billing.models import BillingAccount
from common.clock import now
from common.locks import lock_one
from payments.models import Payment, PaymentEvent, State


def lock_payment(payment_id: int) -> Payment:
    """Lock the account, then the payment: the order of every path that moves money."""
    account_id = Payment.objects.values_list("account_id", flat=True).get(pk=payment_id)
    lock_one(BillingAccount.objects.filter(pk=account_id))
    return lock_one(Payment.objects.filter(pk=payment_id))


def move(payment: Payment, target: str, *, via: PaymentEvent.Via, detail: str = "") -> None:
    """Set state and times, and record the move. PostgreSQL refuses what MOVES does not allow."""
    at, before = now(), payment.state
    payment.state = target
    payment.checks = 0
    if target == State.SUBMITTED:
        payment.submitted_at = at
    if target == State.SUCCEEDED and payment.settled_at is None:
        payment.settled_at = at
    if target == State.FAILED:
        payment.decline_code = detail[:60]
    if payment.has_outcome:
        payment.next_check_at = None
        payment.ended_at = payment.ended_at or at
    payment.save()
    PaymentEvent.objects.create(
        payment=payment, from_state=before, to_state=target, via=via, detail=detail[:80]
    )
