"""Saved methods: kept after a payment, made the default, removed, blocked when a bank says so.

Stripe holds the numbers. What is done here takes effect at once in the portal; what Stripe has to be
told follows after the commit and is repeated until it is done (payments.services.setups).
"""

import datetime as dt

import structlog
from django.db import transaction

from billing.models import BillingAccount
from common.clock import business_date, now
from common.locks import lock_one
from payments import method_emails, vault
from payments.declines import blocks
from payments.exceptions import MethodInFlight, MethodNotUsable
from payments.gateway import Method
from payments.methods import is_expired
from payments.models import RESERVING, Payment, PaymentMethod, StripeCustomer
from payments.services import recognition
from payments.wake import wake

log = structlog.get_logger(__name__)
Status = PaymentMethod.Status


def customer_for(account: BillingAccount) -> str:
    """The account's customer at Stripe, made once: asking twice, even at once, gives the same one.

    Raises GatewayError. Outside any transaction, since it may talk to Stripe.
    """
    known = StripeCustomer.objects.filter(account=account).first()
    if known is not None:
        return known.customer_id
    customer_id = vault.create_customer(
        region=account.region, key=f"customer-{account.pk}-{account.created_at:%Y%m%d%H%M%S%f}"
    )
    row, _new = StripeCustomer.objects.get_or_create(
        account=account, defaults={"customer_id": customer_id}
    )
    return row.customer_id


def listed(account: BillingAccount) -> list[PaymentMethod]:
    """What the owner sees, the default first, then the newest; without what is gone."""
    return list(
        PaymentMethod.objects.filter(account=account)
        .exclude(status__in=(Status.REMOVED, Status.FAILED))
        .order_by("-is_default", "-created_at", "-pk")
    )


def usable(account: BillingAccount, *, on: dt.date) -> list[PaymentMethod]:
    """What can pay on a day of the region's calendar, the default first."""
    return [method for method in listed(account) if can_pay(method, on=on)]


def can_pay(method: PaymentMethod, *, on: dt.date) -> bool:
    """Whether a method can pay on a day of its region's calendar."""
    return method.status == Status.ACTIVE and not is_expired(method, on=on)


def check_usable(method: PaymentMethod | None, *, account: BillingAccount, on: dt.date) -> None:
    """Raises MethodNotUsable where the method is not this account's, or cannot pay on that day."""
    if method is None or method.account_id != account.pk:
        raise MethodNotUsable("gone")
    if method.status != Status.ACTIVE:
        raise MethodNotUsable(method.status)
    if is_expired(method, on=on):
        raise MethodNotUsable("expired")


@transaction.atomic
def set_default(*, method: PaymentMethod) -> PaymentMethod:
    """Offer this method first from now on. Raises MethodNotUsable."""
    method = lock_method(method.pk)
    check_usable(method, account=method.account, on=business_date(method.account.region.time_zone))
    _make_default(method)
    return method


@transaction.atomic
def remove(*, method: PaymentMethod) -> PaymentMethod:
    """Stop using a method, at once and for good; Stripe is told after the commit.

    Raises MethodInFlight while a payment with it has not ended. Removed before is removed.
    """
    method = lock_method(method.pk)
    if method.status in (Status.REMOVED, Status.FAILED):
        return method
    busy = Payment.objects.filter(saved_method=method, state__in=RESERVING).first()
    if busy is not None:
        raise MethodInFlight(busy.reference)
    was_usable = method.status in (Status.ACTIVE, Status.BLOCKED)
    method.status, method.is_default, method.removed_at = Status.REMOVED, False, now()
    method.next_check_at = now()
    method.save()
    if was_usable:
        method_emails.removed(method=method)
    wake("forget_method", method.pk)
    return method


@transaction.atomic
def block(*, method: PaymentMethod, code: str) -> PaymentMethod:
    """The bank refuses this method for good; `code` says why (payments.declines.explain)."""
    method = lock_method(method.pk)
    if method.status not in (Status.ACTIVE, Status.VERIFY):
        return method
    method.status, method.blocked_code = Status.BLOCKED, code[:60]
    method.is_default, method.next_check_at = False, None
    method.save()
    log.info("method.blocked", method=method.pk, code=code)
    method_emails.blocked(method=method)
    return method


def note_failure(*, payment: Payment, code: str) -> None:
    """A bank refused a charge or gave a debit back: where the code says so, the method is blocked.

    Called in the transaction that ends or returns the payment.
    """
    if payment.saved_method is not None and blocks(code, kind=payment.saved_method.kind):
        block(method=payment.saved_method, code=code)


def keep(*, payment: Payment, method: Method | None) -> None:
    """A payment with "keep this" has succeeded: its method is a saved one from now on, or the one
    that was saved before is up to date.

    Called in the transaction that settles the payment, which has locked the account. Safe to run again.
    """
    wanted = payment.save_method and payment.saved_method_id is None
    if not wanted or method is None or not method.id or payment.authorization is None:
        return
    row = PaymentMethod.objects.filter(method_id=method.id).first() or _kept(payment, method)
    payment.saved_method = row
    payment.save(update_fields=["saved_method"])


def _kept(payment: Payment, method: Method) -> PaymentMethod:
    row = PaymentMethod(
        account=payment.account,
        added_by=payment.paid_by,
        authorization=payment.authorization,
        **recognition.held(method),
    )
    known = recognition.find_known(account=payment.account, method=method)
    if known is not None:
        recognition.take_over(known=known, spare=row, method=method)
        return known
    row.status, row.method_id = Status.ACTIVE, method.id
    row.save()
    recognition.put_away_waiting(active=row, method=method)
    welcome(row)
    return row


def welcome(method: PaymentMethod) -> None:
    """A method is ready: the first one becomes the default, and its owner hears of it."""
    others = PaymentMethod.objects.filter(account=method.account_id, is_default=True)
    if not others.exists():
        _make_default(method)
    method_emails.added(method=method)


def lock_method(pk: int) -> PaymentMethod:
    """Lock the account, then the method: the order of every path that changes methods."""
    account_id = PaymentMethod.objects.values_list("account_id", flat=True).get(pk=pk)
    lock_one(BillingAccount.objects.filter(pk=account_id))
    return lock_one(PaymentMethod.objects.filter(pk=pk))


def _make_default(method: PaymentMethod) -> None:
    PaymentMethod.objects.filter(account=method.account_id, is_default=True).update(is_default=False)
    method.is_default = True
    method.save(update_fields=["is_default"])
