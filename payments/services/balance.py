"""The account balance as a way to pay: used by itself for new bills, and given back to its source."""

from collections import defaultdict
from collections.abc import Iterator

from django.db import transaction
from django.db.models import F, Q, Sum

from accounts.models import User
from billing.models import BillingAccount, Invoice
from common.locks import lock_one
from payments import methods
from payments.exceptions import CannotPay
from payments.models import Allocation, Payment, PaymentEvent, Refund
from payments.queries import payable_bills
from payments.services import refunds, submission
from payments.services.checkout import MIN_CENTS, stranded_cents
from payments.services.opening import open_payment
from payments.services.recorded_balance import recorded_cents
from payments.services.refunds import REFUNDABLE
from payments.services.reversal import PartKey, became_balance
from payments.split import allocate

REASON = "Unspent account balance"


class PlanChanged(RuntimeError):
    """What would go back is not what was shown: something came in or was spent meanwhile."""


def withdrawal_plan(account: BillingAccount) -> list[tuple[Payment, int]]:
    """From which payments the unspent balance can go back, and how much of each, newest first.

    Money that somebody added can go back to its source, and so can what a card or bank account had
    paid on a bill that was canceled since; never more than is unspent, nor than the source paid and
    did not get back. What came by check or cash stays, since no card has paid it.
    """
    left = account.spendable_cents - recorded_cents(account)
    plan: list[tuple[Payment, int]] = []
    for payment, in_balance_cents in _in_balance(account) if left > 0 else ():
        part = min(
            left,
            in_balance_cents,
            payment.charge_cents - payment.refunded_cents - payment.disputed_cents,
        )
        if part > 0:
            plan.append((payment, part))
            left -= part
    return plan


def _in_balance(account: BillingAccount) -> Iterator[tuple[Payment, int]]:
    """Payments by card or bank account of which something is account balance, or was until it was
    spent, newest first: each with how much of it did not go back yet.
    """
    of_canceled = Allocation.objects.filter(
        payment__account=account,
        invoice__voided_at__isnull=False,
    )
    left = F("amount_cents") - F("moved_cents") - F("reversed_cents") - F("canceled_reversed_cents")
    freed = dict(of_canceled.values_list("payment").annotate(cents=Sum(left)).filter(cents__gt=0))
    payments = Payment.objects.filter(
        Q(to_balance_cents__gt=F("balance_reversed_cents")) | Q(pk__in=freed),
        account=account,
        state__in=REFUNDABLE,
    ).exclude(method_kind__in=(methods.CHECK, methods.CASH))
    for payment in payments.order_by("-settled_at", "-pk"):
        added = payment.to_balance_cents - payment.balance_reversed_cents
        yield payment, added + freed.get(payment.pk, 0)


@transaction.atomic
def withdraw(
    *, account: BillingAccount, requested_by: User, expected_cents: int | None = None
) -> list[Refund]:
    """Refund the unspent balance to where it came from; returns the refunds, sent after the commit.

    Raises PlanChanged where it is another sum than `expected_cents`, and CannotRefund; then nothing
    has changed.
    """
    account = lock_one(BillingAccount.objects.filter(pk=account.pk))
    plan = withdrawal_plan(account)
    if expected_cents is not None and sum(cents for _payment, cents in plan) != expected_cents:
        raise PlanChanged(account.account_number)
    return [
        refunds.request(
            payment=payment,
            amount_cents=cents,
            destination=Refund.Destination.SOURCE,
            reason=REASON,
            requested_by=requested_by,
            parts=_parts(payment, cents),
        )
        for payment, cents in plan
    ]


def _parts(payment: Payment, cents: int) -> dict[PartKey, int]:
    """Which parts of a payment give so much: first what was added to the balance, then the others."""
    added = payment.to_balance_cents - payment.balance_reversed_cents
    parts: dict[PartKey, int] = {}
    for key, left in {None: added, **became_balance(payment)}.items():
        part = min(left, cents)
        cents -= part
        if part:
            parts[key] = part
    return parts


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
