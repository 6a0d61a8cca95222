"""Refunds above the limit: asked for by one person, decided by another."""

from django.db import transaction

from accounts.models import User
from common.clock import now
from common.locks import lock_one
from payments.models import Payment, Refund
from payments.services import refunds
from staff.models import RefundRequest, RequestState


class NotYours(RuntimeError):
    """Nobody decides about a refund that they asked for; PostgreSQL refuses it too."""


class DecidedAlready(RuntimeError):
    """Another person was faster."""


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
