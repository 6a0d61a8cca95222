"""Refunds above the limit: asked for by one person, decided by another."""

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from common.clock import now
from common.locks import lock_one
from payments.models import Payment, Refund, RefundState
from payments.services import refunds
from staff.models import RefundRequest, RequestState


class NotYours(RuntimeError):
    """Nobody decides about a refund that they asked for; PostgreSQL refuses it too."""


class DecidedAlready(RuntimeError):
    """Another person was faster."""


def alone_cents(payment: Payment) -> int:
    """What staff have refunded of a payment without a second person, in cents.

    What its own payer asked for does not count, nor what failed.
    """
    made = Refund.objects.filter(payment=payment, requested_by__isnull=False, staff_request=None)
    own = payment.account.guarantor.user_id
    made = made.exclude(state=RefundState.FAILED).exclude(requested_by=own)
    return made.aggregate(total=Sum("amount_cents"))["total"] or 0


def needs_another(*, payment: Payment, amount_cents: int) -> bool:
    """Whether one person may not refund that much more of a payment: not by parts, nor after a no.

    Only under the payment's lock does the answer stay true.
    """
    if RefundRequest.objects.filter(payment=payment, state=RequestState.DECLINED).exists():
        return True
    return alone_cents(payment) + amount_cents > settings.STAFF_REFUND_LIMIT_CENTS


def ask(
    *,
    payment: Payment,
    amount_cents: int,
    destination: Refund.Destination,
    reason: str,
    requested_by: User,
) -> RefundRequest:
    """Nothing moves. Raises IntegrityError where a request of this payment waits already."""
    return RefundRequest.objects.create(
        payment=payment,
        amount_cents=amount_cents,
        destination=destination,
        reason=reason,
        requested_by=requested_by,
    )


@transaction.atomic
def approve(*, request: RefundRequest, by: User) -> Refund:
    """Refund what was asked for. Raises NotYours, DecidedAlready, or what refunds.request raises."""
    locked = _lock(request, by)
    refund = refunds.request(
        payment=locked.payment,
        amount_cents=locked.amount_cents,
        destination=Refund.Destination(locked.destination),
        reason=locked.reason,
        requested_by=locked.requested_by,
    )
    _decide(locked, RequestState.APPROVED, by, refund)
    return refund


@transaction.atomic
def decline(*, request: RefundRequest, by: User) -> RefundRequest:
    """Nothing moves. Raises NotYours or DecidedAlready."""
    locked = _lock(request, by)
    _decide(locked, RequestState.DECLINED, by, None)
    return locked


def _lock(request: RefundRequest, by: User) -> RefundRequest:
    locked = lock_one(RefundRequest.objects.filter(pk=request.pk))
    if locked.state != RequestState.WAITING:
        raise DecidedAlready(str(locked))
    if locked.requested_by_id == by.pk:
        raise NotYours(str(locked))
    return locked


def _decide(request: RefundRequest, state: RequestState, by: User, refund: Refund | None) -> None:
    request.state, request.decided_by, request.decided_at = state, by, now()
    request.refund = refund
    request.save(update_fields=["state", "decided_by", "decided_at", "refund"])
