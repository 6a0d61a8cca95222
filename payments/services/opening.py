"""Opening a payment: the one commit before any money is asked for, whoever pays.

The row, its parts, what is set aside on bills and held of the account balance: all or nothing.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

from django.db import transaction

from accounts.models import User
from billing.models import BillingAccount, Invoice
from billing.services import balance
from billing.services import invoices as bills
from common import references
from common.clock import now
from common.locks import lock_ids, lock_one
from payments.exceptions import BalanceTooLow, BillBusy, BillNotPayable, MixedBills
from payments.models import (
    Allocation,
    Authorization,
    Checkout,
    Payment,
    PaymentEvent,
    PaymentMethod,
    State,
)
from payments.services.settlement import check_after

REFERENCE_LENGTH = 11  # and a check character: three blocks of four
Via = PaymentEvent.Via


@transaction.atomic
def open_payment(
    *,
    account: BillingAccount,
    amounts: Mapping[int, int],
    payer: Payment.Payer,
    paid_by: User | None,
    via: Via,
    from_balance_cents: int = 0,
    to_balance_cents: int = 0,
    checkout: Checkout | None = None,
    method: PaymentMethod | None = None,
    authorization: Authorization | None = None,
    at: dt.datetime | None = None,
) -> Payment:
    """Commit to paying `amounts` (cents by invoice id), and adding `to_balance_cents` to the balance.

    The method is the checkout's, or a saved `method` under the `authorization` that its owner gave;
    without either, the balance pays all. Raises BillBusy, BillNotPayable,
    MixedBills or BalanceTooLow, and then nothing has changed.
    """
    account = lock_one(BillingAccount.objects.filter(pk=account.pk))
    invoices = lock_ids(Invoice, amounts)
    if len(invoices) != len(amounts):
        raise BillNotPayable("a bill is gone")
    check_amounts(account, {invoices[pk]: cents for pk, cents in amounts.items()})
    payment = Payment.objects.create(
        reference=references.generate("KP-", REFERENCE_LENGTH),
        region_id=account.region_id,
        account=account,
        checkout=checkout,
        payer=payer,
        paid_by=paid_by,
        amount_cents=sum(amounts.values()) + to_balance_cents,
        from_balance_cents=from_balance_cents,
        to_balance_cents=to_balance_cents,
        next_check_at=(at or now()) + check_after(State.CREATED, checks=0),
        **(_saved(method, authorization) if method else _method_of(checkout)),
    )
    PaymentEvent.objects.create(payment=payment, to_state=State.CREATED, via=via)
    Allocation.objects.bulk_create(
        Allocation(payment=payment, invoice=invoices[pk], amount_cents=cents)
        for pk, cents in amounts.items()
    )
    try:
        bills.reserve_all({invoices[pk]: cents for pk, cents in amounts.items()})
    except bills.NotOwed as error:
        raise BillNotPayable(str(error)) from error
    if from_balance_cents:
        try:
            balance.hold(account=account, amount_cents=from_balance_cents)
        except balance.NotEnough as error:
            raise BalanceTooLow(account.account_number) from error
    return payment


def _saved(method: PaymentMethod, authorization: Authorization | None) -> dict[str, object]:
    return {
        "method_kind": method.kind,
        "method_brand": method.brand,
        "method_last4": method.last4,
        "saved_method": method,
        "authorization": authorization,
    }


def _method_of(checkout: Checkout | None) -> dict[str, object]:
    if checkout is None:
        return {"method_kind": "balance"}
    return {
        field: getattr(checkout, field)
        for field in (
            "confirmation_token",
            "method_kind",
            "method_brand",
            "method_last4",
            "saved_method",
            "save_method",
            "authorization",
        )
    }


def check_amounts(account: BillingAccount, amounts: Mapping[Invoice, int]) -> None:
    """What PostgreSQL would refuse, said early and with the reason."""
    if len({invoice.is_premium for invoice in amounts}) > 1:
        raise MixedBills(account.account_number)
    for invoice in amounts:
        if invoice.account_id != account.pk:
            raise BillNotPayable(str(invoice.pk))
    _check_free(amounts)
    for invoice, amount_cents in amounts.items():
        if not 0 < amount_cents <= invoice.payable_cents:
            raise BillNotPayable(invoice.number)


def _check_free(invoices: Iterable[Invoice]) -> None:
    """In one query, however many bills."""
    busy = Allocation.objects.filter(invoice__in=[invoice.pk for invoice in invoices], in_flight=True)
    reference = busy.values_list("payment__reference", flat=True).first()
    if reference is not None:
        raise BillBusy(reference)
