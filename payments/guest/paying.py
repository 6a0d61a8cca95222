"""A guest's payment: the same checkout and the same way to Stripe as a member's, and more doors.

Nothing exists at Stripe before a bill was found here, and nothing of a guest is ever kept there.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import BillingAccount, Invoice
from common.locks import lock_one
from payments import queries
from payments.authorizations import Agreement
from payments.exceptions import BillNotPayable, CannotPay
from payments.guest import breaker
from payments.guest.finding import Found
from payments.models import CAME_TO_NOTHING, Checkout, Payment
from payments.queries import MAX_BILLS, MEDICAL, PREMIUM
from payments.services import attempts
from payments.services import checkout as checkouts
from payments.split import CannotAllocate, allocate

log = structlog.get_logger(__name__)


SIDES: dict[str, Promise] = {MEDICAL: _("Medical bills"), PREMIUM: _("Premiums")}


class TooManyAttempts(CannotPay):
    """Guests have tried too many cards on this account's bills today."""


class Paused(CannotPay):
    """Too many cards of guests are being refused; nobody pays as a guest for a while."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a guest sees of one side of what was found."""

    kind: str  # queries.MEDICAL or PREMIUM
    payable_cents: int

    @property
    def name(self) -> Promise:
        return SIDES[self.kind]


def account_of(found: Found) -> BillingAccount:
    """The account that was found, with its region and its guarantor."""
    return BillingAccount.objects.select_related("region", "guarantor").get(pk=found.account_id)


def due(account: BillingAccount, found: Found) -> list[Due]:
    """What can be paid now, the more pressing side first; empty where nothing can (any more)."""
    if found.invoice_id is not None:
        return [_due_of(bill) for bill in queries.payable_bills(account).filter(pk=found.invoice_id)]
    payable = queries.payable(account)
    sides = [
        payable.pressing,
        *(s for s in (payable.medical, payable.premium) if s != payable.pressing),
    ]
    return [Due(side.kind, side.payable_cents) for side in sides if side.payable_cents]


def _due_of(bill: Invoice) -> Due:
    return Due(PREMIUM if bill.is_premium else MEDICAL, bill.payable_cents)


def side_of(bill: Invoice) -> Promise:
    """What a guest's payment is for, in words."""
    return _due_of(bill).name


def masked_name(account: BillingAccount) -> str:
    """Enough for whoever knows the account's owner: "A***** C."; always the same number of stars."""
    owner = account.guarantor
    return f"{owner.first_name[:1]}***** {owner.last_name[:1]}."


def payment_of(checkout: uuid.UUID | None) -> Payment | None:
    """What became of a checkout that was confirmed, unless it came to nothing."""
    if checkout is None:
        return None
    return Payment.objects.filter(checkout=checkout).exclude(state__in=CAME_TO_NOTHING).first()


def start(*, account: BillingAccount, found: Found, kind: str, amount_cents: int) -> Checkout:
    """Draft a guest's payment; of an account it goes to the oldest due first. Raises CannotPay."""
    bills = queries.payable_bills(account)
    if found.invoice_id is not None:
        bills = bills.filter(pk=found.invoice_id)
    bills = bills.premiums() if kind == PREMIUM else bills.medical()
    try:
        amounts = dict(allocate(amount_cents, bills[:MAX_BILLS]))
    except CannotAllocate as error:
        raise BillNotPayable("the bills of a guest") from error
    return checkouts.start(account=account, started_by=None, amounts=amounts)


def confirm(
    *, checkout: Checkout, reviewed: str, agreement: Agreement | None, at: dt.datetime
) -> Payment:
    """Open the payment, once. Raises TooManyAttempts, Paused or what checkouts.confirm raises.

    The account's lock is held from the count to the new row: two tabs do not share the last attempt.
    The second of two clicks finds the payment of the first, and no shut door: it may have been paid.
    """
    with transaction.atomic():
        account = lock_one(BillingAccount.objects.filter(pk=checkout.account_id))
        if not Payment.objects.filter(checkout=checkout).exists():
            _check_doors(account, at=at)
        return checkouts.confirm(
            checkout=checkout,
            reviewed=reviewed,
            payer=Payment.Payer.GUEST,
            paid_by=None,
            agreement=agreement,
        )


def _check_doors(account: BillingAccount, *, at: dt.datetime) -> None:
    if breaker.is_open(at=at):
        raise Paused
    if not attempts.may_start(account, at=at):
        log.error("guest.card_testing", account=account.pk, attempts=attempts.MOST_BY_GUESTS)
        raise TooManyAttempts
