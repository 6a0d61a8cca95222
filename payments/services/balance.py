"""The account balance as a way to pay: used by itself for new bills, and given back to its source."""

from collections import defaultdict

from django.db import transaction
from django.db.models import F

from accounts.models import User
from billing.models import BillingAccount, Invoice
from common.locks import lock_one
from payments import methods
from payments.exceptions import CannotPay
from payments.models import Payment, PaymentEvent, Refund
from payments.queries import payable_bills
from payments.services import refunds, submission
from payments.services.checkout import MIN_CENTS, stranded_cents
from payments.services.opening import open_payment
from payments.services.recorded_balance import recorded_cents
from payments.services.refunds import REFUNDABLE
from payments.split import allocate

REASON = "Unspent account balance"


def withdrawal_plan(account: BillingAccount) -> list[tuple[Payment, int]]:
    """From which payments the unspent balance can go back, and how much of each, newest first.

    Only money that somebody added can go back to a source, and never more than is unspent of it:
    what came by check or cash stays, since no card has paid it.
    """
    left = account.spendable_cents - recorded_cents(account)
    plan: list[tuple[Payment, int]] = []
    added = Payment.objects.filter(
        account=account, to_balance_cents__gt=F("balance_reversed_cents"), state__in=REFUNDABLE
    )
    added = added.exclude(method_kind__in=(methods.CHECK, methods.CASH))
    for payment in added.order_by("-settled_at", "-pk"):
        part = min(
            left,
            payment.to_balance_cents - payment.balance_reversed_cents,
            payment.charge_cents - payment.refunded_cents - payment.disputed_cents,
        )
        if part > 0:
            plan.append((payment, part))
            left -= part
    return plan


@transaction.atomic
def withdraw(*, account: BillingAccount, requested_by: User) -> list[Refund]:
    """Refund the unspent balance to where it came from; returns the refunds, sent after the commit."""
    account = lock_one(BillingAccount.objects.filter(pk=account.pk))
    return [
        refunds.request(
            payment=payment,
            amount_cents=cents,
            destination=Refund.Destination.SOURCE,
            reason=REASON,
            requested_by=requested_by,
            parts={None: cents},
        )
        for payment, cents in withdrawal_plan(account)
    ]


def set_auto_apply(*, account: BillingAccount, on: bool) -> None:
    """Switch the automatic use of the balance for new bills on or off."""
    BillingAccount.objects.filter(pk=account.pk).update(auto_apply_balance=on)
    account.auto_apply_balance = on


def apply_automatically(*, account: BillingAccount) -> list[Payment]:
    """Pay bills from the balance of an account whose owner wants that, the most pressing first.

    Premiums and medical bills are paid apart. Returns the payments made; harmless when run twice.
    """
    return _apply(account, asked=False, via=PaymentEvent.Via.RECONCILER)


def apply_now(*, account: BillingAccount) -> list[Payment]:
    """The same, once, because its owner asked staff for it."""
    return _apply(account, asked=True, via=PaymentEvent.Via.STAFF)


def _apply(account: BillingAccount, *, asked: bool, via: PaymentEvent.Via) -> list[Payment]:
    payments: list[Payment] = []
    with transaction.atomic():
        account = lock_one(BillingAccount.objects.filter(pk=account.pk))
        if not (asked or account.auto_apply_balance):
            return []
        for amounts in spread(account).values():
            try:
                with transaction.atomic():
                    payments.append(
                        open_payment(
                            account=account,
                            amounts=amounts,
                            payer=Payment.Payer.SYSTEM,
                            paid_by=None,
                            via=via,
                            from_balance_cents=sum(amounts.values()),
                        )
                    )
            except CannotPay:
                continue  # a bill changed meanwhile; the next run sees it
    return [submission.advance(payment_id=payment.pk, via=via) for payment in payments]


def spread(account: BillingAccount) -> dict[bool, dict[int, int]]:
    """The spendable balance over payable bills by due date, premiums (True) and others apart.

    No bill is left with so little that neither a card nor a bank account can pay it: the balance
    then pays less of it.
    """
    bills = list(payable_bills(account))
    total_cents = min(account.spendable_cents, sum(bill.payable_cents for bill in bills))
    spread: dict[bool, dict[int, int]] = defaultdict(dict)
    for invoice, cents in allocate(total_cents, bills):
        stranded = stranded_cents(payable_cents=invoice.payable_cents, paid_cents=cents)
        part = cents - (MIN_CENTS - stranded if stranded else 0)
        if part > 0:
            spread[invoice.kind == Invoice.Kind.PREMIUM][invoice.pk] = part
    return dict(spread)


def accounts_to_apply() -> list[BillingAccount]:
    """Accounts with money to spend that want it spent and have something to pay."""
    return list(
        BillingAccount.objects.filter(
            auto_apply_balance=True,
            balance_cents__gt=F("held_cents"),
            invoices__open_cents__gt=F("invoices__reserved_cents"),
        ).distinct()
    )
