"""Refunds above a limit: asked for by one person, decided by another."""

import datetime as dt
from enum import Enum

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum

from accounts.models import User
from billing.models import BillingAccount
from common.clock import now
from common.locks import lock_one
from payments import methods
from payments.models import Payment, Refund, RefundState
from payments.services import refunds
from staff.models import RefundRequest, RequestState

DAY = dt.timedelta(hours=24)


class Why(Enum):
    """Why one person may not refund that much; the first that holds."""

    DECLINED = "a refund of the payment was declined before"
    UNHEARD = "cash would leave the books, and nobody of the household gets mail of it"
    PAYMENT = "with what was refunded of the payment without a second person"
    HOUSEHOLD = "with what was refunded of the household's payments in a day"
    DAY = "with what the person refunded in a day, of whosesoever payments"


class AskedAlready(RuntimeError):
    """A request of the same payment waits; one at a time."""


class NotYours(RuntimeError):
    """Nobody decides about a refund that they asked for; PostgreSQL refuses it too."""


class DecidedAlready(RuntimeError):
    """Another person was faster."""


def alone_cents(payment: Payment) -> int:
    """What staff have refunded of a payment without a second person, in cents.

    What its own payer asked for does not count, nor what failed.
    """
    return _sum(_alone(payment.account).filter(payment=payment))


def household_cents(account: BillingAccount) -> int:
    """The same of all payments of an account in the last 24 hours."""
    return _sum(_alone(account).filter(payment__account=account, created_at__gt=now() - DAY))


def day_cents(by: User) -> int:
    """What somebody has refunded alone in the last 24 hours, of whosesoever payments."""
    made = Refund.objects.filter(requested_by=by, staff_request=None, created_at__gt=now() - DAY)
    return _sum(made.exclude(payment__account__guarantor__user=by))


def _alone(account: BillingAccount) -> "QuerySet[Refund]":
    made = Refund.objects.filter(requested_by__isnull=False, staff_request=None)
    return made.exclude(requested_by=account.guarantor.user_id)


def _sum(refunds: "QuerySet[Refund]") -> int:
    kept = refunds.exclude(state=RefundState.FAILED)
    return kept.aggregate(total=Sum("amount_cents"))["total"] or 0


def why_another(
    *, payment: Payment, amount_cents: int, by: User, destination: str = Refund.Destination.SOURCE
) -> Why | None:
    """Why one person may not refund that much more of a payment; None where they may.

    Neither by parts, nor after a no, nor by parts of other payments. Only under the payment's lock
    and, as for other accounts, the person's own does the answer stay true.
    """
    if RefundRequest.objects.filter(payment=payment, state=RequestState.DECLINED).exists():
        return Why.DECLINED
    if destination == Refund.Destination.NOWHERE and _is_unheard(payment):
        return Why.UNHEARD
    if alone_cents(payment) + amount_cents > settings.STAFF_REFUND_LIMIT_CENTS:
        return Why.PAYMENT
    if household_cents(payment.account) + amount_cents > settings.STAFF_REFUND_LIMIT_CENTS:
        return Why.HOUSEHOLD
    if day_cents(by) + amount_cents > settings.STAFF_REFUND_DAY_LIMIT_CENTS:
        return Why.DAY
    return None


def _is_unheard(payment: Payment) -> bool:
    """Cash has no number, and no bank that shows it: only whoever gave it can miss it."""
    return payment.method_kind == methods.CASH and payment.account.guarantor.user_id is None


def ask(
    *,
    payment: Payment,
    amount_cents: int,
    destination: Refund.Destination,
    reason: str,
    requested_by: User,
) -> RefundRequest:
    """Nothing moves. Raises AskedAlready where a request of this payment waits."""
    try:
        with transaction.atomic():
            return RefundRequest.objects.create(
                payment=payment,
                amount_cents=amount_cents,
                destination=destination,
                reason=reason,
                requested_by=requested_by,
            )
    except IntegrityError as error:
        raise AskedAlready(payment.reference) from error


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
