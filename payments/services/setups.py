"""Saving a method without paying: asked for in one commit, settled by one function.

The row is committed before Stripe hears of it; the calls carry keys derived from the row. Page,
webhook and reconciler end in `settle_setup`. No money moves here, so a setup that was left alone is
simply ended, and its owner may try again.
"""

import datetime as dt
from contextlib import suppress

import structlog
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from billing.models import BillingAccount
from common.batches import for_each
from common.clock import business_date, now
from common.failpoints import failpoint
from payments import authorizations, gateway, method_emails, vault
from payments.authorizations import Agreement
from payments.gateway import Busy, Declined, GatewayError, OutcomeUnknown, Refused
from payments.methods import BANK_ACCOUNT
from payments.models import PaymentMethod
from payments.services import methods, recognition
from payments.services.methods import lock_method
from payments.vault import Setup

log = structlog.get_logger(__name__)
Status = PaymentMethod.Status

# No request of ours can still be under way after this; what was not confirmed by then never will be.
GIVE_UP_AFTER = dt.timedelta(minutes=5)
# The bank's extra step was left alone for this long.
ACTION_WITHIN = dt.timedelta(minutes=30)
_CHECK_AFTER = {
    Status.PENDING: dt.timedelta(minutes=2),
    Status.VERIFY: dt.timedelta(hours=6),
    Status.REMOVED: dt.timedelta(minutes=10),
}
# Answers about micro-deposits (docs.stripe.com/payments/ach-direct-debit).
MAX_TRIES = {PaymentMethod.VerifyBy.AMOUNTS: 3, PaymentMethod.VerifyBy.CODE: 10}
TOO_MANY_TRIES = "payment_method_microdeposit_verification_attempts_exceeded"
# More on one day is nobody who keeps cards and somebody who tries stolen ones.
MAX_A_DAY = 10
BATCH = 200


class TooManyAdded(Exception):
    """The account has tried to add enough methods for a day."""


def add(
    *,
    account: BillingAccount,
    added_by: User | None,
    token: str,
    method: gateway.Method,
    agreement: Agreement,
) -> PaymentMethod:
    """Save the method that a token stands for; `method` is what Stripe says of that token,
    `agreement` what its owner agreed to, stored before Stripe hears of anything.

    Returns it as it stands then: ready, refused, waiting for the bank's step or for micro-deposits.
    Raises TooManyAdded.
    """
    since = now() - dt.timedelta(days=1)
    if PaymentMethod.objects.filter(account=account, created_at__gte=since).count() >= MAX_A_DAY:
        raise TooManyAdded(account.account_number)
    row = _commit(account, added_by, method, agreement)
    try:
        setup = _send(row, token)
    except (Busy, OutcomeUnknown) as error:
        log.warning("method.no_answer", method=row.pk, error=str(error))  # the reconciler comes back
        return row
    except Refused as error:
        # Only where Stripe holds nothing that could still succeed.
        log.error("method.refused", method=row.pk, code=error.code)
        return _fail(row.pk, error.code)
    return settle_setup(method_pk=row.pk, setup=setup)


@transaction.atomic
def _commit(
    account: BillingAccount, added_by: User | None, method: gateway.Method, agreement: Agreement
) -> PaymentMethod:
    return PaymentMethod.objects.create(
        account=account,
        added_by=added_by,
        authorization=authorizations.record(account=account, agreement=agreement, given_by=added_by),
        next_check_at=now() + _CHECK_AFTER[Status.PENDING],
        **recognition.held(method),
    )


def _send(row: PaymentMethod, token: str) -> Setup:
    region, key = row.account.region, f"method-{row.pk}-{row.created_at:%Y%m%d%H%M%S%f}"
    customer_id = methods.customer_for(row.account)
    failpoint("payments.before_setup")
    created = vault.create_setup(region=region, key=key, customer_id=customer_id)
    PaymentMethod.objects.filter(pk=row.pk).update(setup_id=created.id)
    is_bank = row.kind == BANK_ACCOUNT
    try:
        confirmed = vault.confirm_setup(
            region=region,
            key=key,
            setup_id=created.id,
            token=token,
            return_url=settings.SITE_URL + reverse("payments:method_step", args=[row.pk]),
            consent=authorizations.consent_of(row.authorization) if is_bank else None,
        )
    except Declined as error:
        return _end(row, created.id, error.code)
    except Refused as error:
        log.error("method.setup_refused", method=row.pk, code=error.code)
        return _end(row, created.id, error.code)
    failpoint("payments.after_setup")
    return confirmed


def _end(row: PaymentMethod, setup_id: str, code: str) -> Setup:
    """Make sure that a refused setup can never succeed, then look: it may have, meanwhile."""
    region = row.account.region
    try:
        ended = vault.cancel_setup(region=region, setup_id=setup_id)
    except Refused:
        return vault.retrieve_setup(region=region, setup_id=setup_id)
    PaymentMethod.objects.filter(pk=row.pk, blocked_code="").update(blocked_code=code[:60])
    return ended


def ask(*, method_pk: int, at: dt.datetime | None = None) -> PaymentMethod:
    """Ask Stripe how a setup stands and apply it; returns the method as it stands then.

    Raises GatewayError where Stripe does not answer.
    """
    at = at or now()
    row = PaymentMethod.objects.select_related("account__region", "authorization").get(pk=method_pk)
    if row.status not in (Status.PENDING, Status.VERIFY):
        return row
    age = at - row.created_at
    if row.setup_id is None:
        # Without an id of ours nothing was ever confirmed.
        return _fail(row.pk, "given_up") if age >= GIVE_UP_AFTER else row
    setup = vault.retrieve_setup(region=row.account.region, setup_id=row.setup_id)
    if _refused(setup):
        setup = _end(row, row.setup_id, setup.error_code)
    elif setup.waits_for_deposits and row.verify_by and not tries_left(row):
        setup = _end(row, row.setup_id, TOO_MANY_TRIES)
    elif _left_alone(setup, age):
        setup = _end(row, row.setup_id, "given_up")
    return settle_setup(method_pk=row.pk, setup=setup)


def tries_left(method: PaymentMethod) -> int:
    """How many answers about its micro-deposits may still be given."""
    return max(0, MAX_TRIES[PaymentMethod.VerifyBy(method.verify_by)] - method.verify_tries)


def _refused(setup: Setup) -> bool:
    return setup.status == "requires_payment_method" and bool(setup.error_code)


def _left_alone(setup: Setup, age: dt.timedelta) -> bool:
    match setup.status:
        case "requires_payment_method" | "requires_confirmation":
            return age >= GIVE_UP_AFTER
        case "requires_action":
            return not setup.waits_for_deposits and age >= ACTION_WITHIN
    return False


@transaction.atomic
def settle_setup(*, method_pk: int, setup: Setup) -> PaymentMethod:
    """Apply what Stripe holds. Running it again with the same answer changes nothing."""
    method = lock_method(method_pk)
    if setup.id != method.setup_id:
        log.error("method.setup_of_another", method=method.pk)
        return method
    saved = setup.method if setup.status == "succeeded" else None
    if saved is not None and method.status == Status.REMOVED and method.method_id is None:
        # Its owner was faster; now there is something that Stripe has to forget.
        method.method_id, method.next_check_at = saved.id, now()
        method.save()
    if method.status not in (Status.PENDING, Status.VERIFY):
        return method
    if saved is not None:
        _ready(method, saved)
    elif setup.waits_for_deposits and method.status == Status.PENDING:
        _wait_for_deposits(method, setup)
    elif setup.status == "canceled" or _refused(setup):
        _fail_locked(method, setup.error_code)
    return method


def _ready(method: PaymentMethod, found: gateway.Method) -> None:
    known = recognition.find_known(account=method.account, method=found)
    if known is not None:
        recognition.take_over(known=known, spare=method, method=found)
        return
    for field, value in recognition.held(found).items():
        setattr(method, field, value)
    method.status, method.method_id, method.next_check_at = Status.ACTIVE, found.id, None
    method.blocked_code = ""
    method.save()
    recognition.put_away_waiting(active=method, method=found)
    methods.welcome(method)


def _wait_for_deposits(method: PaymentMethod, setup: Setup) -> None:
    if setup.method is not None:
        method.fingerprint = setup.method.fingerprint
        known = recognition.find_known(account=method.account, method=setup.method)
        if known is not None:  # verified before: it can pay, and there is nothing newer to take over
            recognition.put_away(method, same_as=known)
            return
    method.status, method.verify_by = Status.VERIFY, setup.verify_by
    method.deposits_on = business_date(method.account.region.time_zone, setup.deposits_at)
    method.next_check_at = now() + _CHECK_AFTER[Status.VERIFY]
    method.save()
    method_emails.deposits_sent(method=method)


@transaction.atomic
def _fail(method_pk: int, code: str) -> PaymentMethod:
    method = lock_method(method_pk)
    if method.status in (Status.PENDING, Status.VERIFY):
        _fail_locked(method, code)
    return method


def _fail_locked(method: PaymentMethod, code: str) -> None:
    waited = method.status == Status.VERIFY
    method.status, method.next_check_at = Status.FAILED, None
    method.blocked_code = method.blocked_code or code[:60] or "given_up"
    method.save()
    if waited:
        method_emails.not_added(method=method)


def client_secret(*, method: PaymentMethod) -> str:
    """For the browser to take the bank's extra step. Raises GatewayError."""
    if method.status != Status.PENDING or method.setup_id is None:
        raise Refused("no_action_needed")
    setup = vault.retrieve_setup(region=method.account.region, setup_id=method.setup_id)
    if setup.status != "requires_action":
        raise Refused("no_action_needed")
    return setup.client_secret


def refresh(*, method_pk: int) -> PaymentMethod:
    """Take over what changed at Stripe: a renewed card, a bank account that takes no debits any more.

    Raises GatewayError.
    """
    row = PaymentMethod.objects.select_related("account__region").get(pk=method_pk)
    if row.status != Status.ACTIVE or row.method_id is None:
        return row
    found = vault.retrieve_method(region=row.account.region, method_id=row.method_id)
    if found is None:
        return row
    with transaction.atomic():
        method = lock_method(row.pk)
        if method.method_id != row.method_id:  # a newer one was taken over while we asked
            return method
        if found.blocked_code:
            return methods.block(method=method, code=found.blocked_code)
        shown = recognition.shown(found)
        recognition.note_renewal(row=method, shown=shown)
        for field, value in shown.items():
            setattr(method, field, value)
        recognition.learn(row=method, method=found)
        method.save()
    return method


def forget(*, method_pk: int) -> None:
    """Make Stripe forget a method that was removed or put away; later, where a payment under way may
    still need it. Raises GatewayError where it is not done.
    """
    row = PaymentMethod.objects.select_related("account__region").get(pk=method_pk)
    if row.status != Status.REMOVED or row.next_check_at is None:
        return
    if not recognition.may_be_forgotten(row):
        return
    region, method_id = row.account.region, row.method_id
    if method_id is None and row.setup_id is not None:
        method_id = _undo_setup(row)
    if method_id is not None:
        vault.detach(region=region, method_id=method_id)
    PaymentMethod.objects.filter(pk=row.pk).update(next_check_at=None)


def _undo_setup(row: PaymentMethod) -> str | None:
    """End a setup whose owner changed their mind; the method's key where it was saved already."""
    region, setup_id = row.account.region, str(row.setup_id)
    try:
        vault.cancel_setup(region=region, setup_id=setup_id)
    except Refused:
        setup = vault.retrieve_setup(region=region, setup_id=setup_id)
        if setup.status == "succeeded" and setup.method is not None:
            return setup.method.id
    return None


def reconcile_methods(*, at: dt.datetime | None = None) -> int:
    """Ask about setups without an outcome, forget what was removed; returns how many were due.

    Safe to run twice at once: every outcome is applied under a lock, once. One that fails keeps
    nobody else waiting.
    """
    at = at or now()
    due = list(
        PaymentMethod.objects.filter(next_check_at__lte=at)
        .order_by("next_check_at")
        .values_list("pk", "status")[:BATCH]
    )
    return for_each(
        due,
        lambda row: _look_after(row[0], Status(row[1]), at),
        failing="payment methods that could not be asked about",
    )


def _look_after(pk: int, status: PaymentMethod.Status, at: dt.datetime) -> bool:
    # Before asking, so that one that fails or kills us is asked about later again.
    planned = PaymentMethod.objects.filter(pk=pk, status=status, next_check_at__lte=at).update(
        next_check_at=at + _CHECK_AFTER[status]
    )
    if not planned:
        return False
    with suppress(GatewayError):  # no answer; the next sweep asks again
        if status == Status.REMOVED:
            forget(method_pk=pk)
        else:
            ask(method_pk=pk, at=at)
    return True
