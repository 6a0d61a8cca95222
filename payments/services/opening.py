"""Opening a payment: the one commit before any money is asked for, whoever pays.

The row, its parts, what is set aside on bills and held of the account balance: all or nothing.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

from django.db import connection

from accounts.models import User
from billing.models import BillingAccount, Invoice
from billing.services import balance
from billing.services import invoices as bills
from common import references
from common.clock import now
from common.db import insertion, values_of
from common.locks import lock_ids
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

# The payment, its first event, and what goes to which bill.
_OPEN = f"""
    WITH payment AS ({insertion(Payment)} RETURNING id, created_at, state), event AS (
        INSERT INTO payments_paymentevent (payment_id, at, from_state, to_state, via, detail)
        SELECT id, created_at, '', state, %s, '' FROM payment
    ), parts AS (
        INSERT INTO payments_allocation
            (payment_id, invoice_id, amount_cents, reversed_cents, in_flight)
        SELECT payment.id, part.*, 0, true FROM payment, unnest(%s::bigint[], %s::bigint[]) AS part
    )
    SELECT id FROM payment
"""  # noqa: S608  # nosec B608  names of columns


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

    In the caller's transaction, which has locked `account`, and which ends where this raises. The
    method is the checkout's, or a saved `method` under the `authorization` that its owner gave;
    without either, the balance pays all. Raises BillBusy, BillNotPayable,
    MixedBills or BalanceTooLow, and then nothing has changed.
    """
    invoices = lock_ids(Invoice, amounts)
    if len(invoices) != len(amounts):
        raise BillNotPayable("a bill is gone")
    check_amounts(account, {invoices[pk]: cents for pk, cents in amounts.items()})
    payment = Payment(
        reference=references.generate("KP-", REFERENCE_LENGTH),
        region_id=account.region_id,
        account=account,
        checkout=checkout,
        payer=payer,
        paid_by=paid_by,
        amount_cents=sum(amounts.values()) + to_balance_cents,
        from_balance_cents=from_balance_cents,
        to_balance_cents=to_balance_cents,
        created_at=now(),
        next_check_at=(at or now()) + check_after(State.CREATED, checks=0),
        **(_saved(method, authorization) if method else _method_of(checkout)),
    )
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [*values_of(payment), via, list(amounts), list(amounts.values())])
        (payment.pk,) = cursor.fetchone()
    payment._state.adding = False
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
    """In one query, however many bills; in none where nothing is set aside: nothing is in flight."""
    reserved = [invoice.pk for invoice in invoices if invoice.reserved_cents]
    if not reserved:
        return
    busy = Allocation.objects.filter(invoice__in=reserved, in_flight=True)
    reference = busy.values_list("payment__reference", flat=True).first()
    if reference is not None:
        raise BillBusy(reference)
