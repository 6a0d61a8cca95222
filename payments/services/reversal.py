"""Taking a settled payment back, in whole or in part: the bills it paid are owed again.

Used by refunds and by what banks take. Called inside a transaction that holds the locks on account
and payment.
"""

import datetime as dt
from collections.abc import Mapping

from django.conf import settings
from django.db.models import F, QuerySet, Sum

from billing.models import BillingAccount, Invoice, LedgerCode
from billing.services import balance
from billing.services import invoices as bills
from billing.services.invoices import LineDraft
from billing.services.ledger import Posting
from common.locks import lock_ids
from common.money import split_cents
from payments.models import Allocation, Payment

# A bill for money that came back unpaid, or for a returned item, is due after so many days.
CHARGE_DUE_AFTER = dt.timedelta(days=30)
RETURNED_ITEM_FEE = "returned_item_fee"  # the source of its bill

# Which part of a payment: an allocation's key, or None for what was added to the account balance.
PartKey = int | None


class NothingLeft(RuntimeError):
    """More was to be taken back than is left of the payment."""


def remaining(payment: Payment) -> dict[PartKey, int]:
    """What is left of each part of a payment, in cents; parts with nothing left are not listed.

    What had paid a bill that was canceled since is account balance now, and no part of it any more:
    of that, `became_balance` tells.
    """
    on_bills = payment.allocations.filter(invoice__voided_at=None).order_by("pk")
    left: dict[PartKey, int] = {part.pk: part.kept_cents - part.reversed_cents for part in on_bills}
    left[None] = payment.to_balance_cents - payment.balance_reversed_cents
    return {key: cents for key, cents in left.items() if cents}


def became_balance(payment: Payment) -> dict[PartKey, int]:
    """What a payment had paid on bills that were canceled since, and did not go back yet, in cents.

    It became account balance, whether it is still there or was spent.
    """
    return {part.pk: part.in_balance_cents for part in _canceled(payment) if part.in_balance_cents}


def _canceled(payment: Payment) -> QuerySet[Allocation]:
    canceled = payment.allocations.filter(invoice__voided_at__isnull=False)
    return canceled.select_related("invoice").order_by("pk")


def taken_back(payment: Payment) -> int:
    """What refunds and banks took back of a payment's parts so far, in cents."""
    gone = Sum(F("reversed_cents") + F("canceled_reversed_cents"))
    reversed_cents = payment.allocations.aggregate(total=gone)["total"] or 0
    return int(reversed_cents) + payment.balance_reversed_cents


def split(payment: Payment, amount_cents: int) -> dict[PartKey, int]:
    """Take an amount from all parts in proportion to what is left of each, odd cents first to the
    largest remainder (common.money.split_cents). Raises NothingLeft.
    """
    left = remaining(payment)
    if not 0 < amount_cents <= sum(left.values()):
        raise NothingLeft(payment.reference)
    shares = split_cents(amount_cents, list(left.values()))
    return {key: share for key, share in zip(left, shares, strict=True) if share}


def take_back(payment: Payment, parts: Mapping[PartKey, int]) -> list[Posting]:
    """Reopen the bills, take from the balance; returns the debits for the caller's entry.

    A bill that was canceled stays so: what had paid it is taken from the balance that it became.
    Raises NothingLeft, and billing.services.balance.NotEnough where money added to the balance was
    spent already; then nothing has changed.
    """
    left = remaining(payment) | became_balance(payment)
    if not parts or any(not 0 < cents <= left.get(key, 0) for key, cents in parts.items()):
        raise NothingLeft(payment.reference)
    account = payment.account
    allocations = {a.pk: a for a in Allocation.objects.filter(pk__in=[k for k in parts if k])}
    invoices = lock_ids(Invoice, {a.invoice_id for a in allocations.values()})
    debits: list[Posting] = []
    for key, cents in parts.items():
        if key is None:
            balance.debit(account=account, amount_cents=cents)
            payment.balance_reversed_cents += cents
            debits.append(Posting(LedgerCode.ACCOUNT_BALANCE, cents, account))
            continue
        allocation = allocations[key]
        invoice = invoices[allocation.invoice_id]
        if invoice.voided_at is None:
            bills.reopen(invoice=invoice, amount_cents=cents)
            allocation.reversed_cents += cents
            taken_from = LedgerCode.RECEIVABLE
        else:
            balance.debit(account=account, amount_cents=cents)
            allocation.canceled_reversed_cents += cents
            taken_from = LedgerCode.ACCOUNT_BALANCE
        allocation.save(update_fields=["reversed_cents", "canceled_reversed_cents"])
        debits.append(Posting(taken_from, cents, account, invoice))
    payment.save(update_fields=["balance_reversed_cents"])
    return debits


def take_back_by_force(
    payment: Payment, amount_cents: int, *, on: dt.date, source_id: str
) -> list[Posting]:
    """A bank has taken the money, whatever became of it meanwhile; returns debits of that amount.

    First what is left of the payment; then what is there of the account balance, where money of it
    may have gone; the rest becomes a bill of its own, so that it is owed and seen.
    """
    account = payment.account
    from_payment = min(amount_cents, sum(remaining(payment).values()))
    parts = split(payment, from_payment) if from_payment else {}
    account.refresh_from_db(fields=["balance_cents", "held_cents"])
    if parts.get(None, 0) > account.spendable_cents:
        parts[None] = account.spendable_cents
    parts = {key: cents for key, cents in parts.items() if cents}
    debits = take_back(payment, parts) if parts else []
    shortfall = amount_cents - sum(parts.values())
    from_balance = min(shortfall, account.spendable_cents)
    if from_balance:
        balance.debit(account=account, amount_cents=from_balance)
        debits.append(Posting(LedgerCode.ACCOUNT_BALANCE, from_balance, account))
        _note_taken(payment, from_balance)
        shortfall -= from_balance
    if shortfall:
        debits.append(_charge(payment, shortfall, on=on, source_id=source_id))
    return debits


def _note_taken(payment: Payment, cents: int) -> None:
    """What a bank took from the balance that canceled bills had become cannot go to the source too."""
    for part in _canceled(payment):
        taken = min(part.in_balance_cents, cents)
        cents -= taken
        part.canceled_reversed_cents += taken
        part.save(update_fields=["canceled_reversed_cents"])


def _charge(payment: Payment, cents: int, *, on: dt.date, source_id: str) -> Posting:
    """Bill an amount that came back unpaid, against the disputes account that took it."""
    invoice = issue_charge(
        account=payment.account,
        description=f"Returned payment {payment.reference}",
        amount_cents=cents,
        on=on,
        source="returned_payment",
        source_id=source_id,
        credit=LedgerCode.DISPUTES,
    )
    # The bill's own entry credited disputes; this debit lets the caller's entry credit all of it.
    return Posting(LedgerCode.DISPUTES, cents, payment.account, invoice)


def charge_returned_item_fee(payment: Payment, *, on: dt.date) -> None:
    """Bill the fee for a bank debit that came back, where it is switched on: once for a payment,
    whether it was returned before it settled or after. The caller holds the lock on the account.
    """
    if settings.RETURNED_ITEM_FEE_CENTS and not returned_item_fee_cents(payment):
        issue_charge(
            account=payment.account,
            description=f"Returned-item fee, payment {payment.reference}",
            amount_cents=settings.RETURNED_ITEM_FEE_CENTS,
            on=on,
            source=RETURNED_ITEM_FEE,
            source_id=str(payment.pk),
        )


def returned_item_fee_cents(payment: Payment) -> int:
    """The fee that was billed because the payment's bank returned it; 0 where none was."""
    fee = Invoice.objects.filter(source=RETURNED_ITEM_FEE, source_id=str(payment.pk))
    return fee.values_list("total_cents", flat=True).first() or 0


def issue_charge(
    *,
    account: BillingAccount,
    description: str,
    amount_cents: int,
    on: dt.date,
    source: str,
    source_id: str,
    credit: LedgerCode = LedgerCode.BILLED_REVENUE,
) -> Invoice:
    """A bill of one line to the guarantor: a fee, or money that came back unpaid."""
    return bills.issue(
        account=account,
        patient=account.guarantor,
        kind=Invoice.Kind.CHARGE,
        number=f"{'RT' if source == 'returned_payment' else 'FE'}-{source_id}",
        issued_on=on,
        due_on=on + CHARGE_DUE_AFTER,
        service_from=on,
        service_to=on,
        lines=[
            LineDraft(
                service_on=on,
                description=description,
                charge_cents=amount_cents,
                patient_cents=amount_cents,
            )
        ],
        source=source,
        source_id=source_id,
        credit=credit,
    )
