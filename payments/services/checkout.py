"""From choosing bills to a payment that exists: drafts, and the one commit that starts the money.

Nothing here talks to Stripe while a transaction is open. `confirm` commits the intent to pay, and
only then may payments.services.submission ask for the money.
"""

from collections.abc import Mapping

from django.db import transaction

from accounts.models import User
from billing.models import BillingAccount, Invoice
from billing.services import invoices as bills
from common import references
from common.clock import now
from common.locks import lock_ids, lock_one
from payments import gateway
from payments.exceptions import BillBusy, BillNotPayable, NotReviewed
from payments.models import Allocation, Checkout, CheckoutItem, Payment, PaymentEvent, State
from payments.services.settlement import check_after

REFERENCE_LENGTH = 11  # and a check character: three blocks of four


@transaction.atomic
def start(
    *, account: BillingAccount, started_by: User | None, amounts: Mapping[Invoice, int]
) -> Checkout:
    """Draft a payment of some cents on each bill. Reserves nothing.

    Raises BillNotPayable (also for a bill of another account) and BillBusy.
    """
    for invoice, amount_cents in amounts.items():
        _check_payable(account, invoice, amount_cents)
    checkout = Checkout.objects.create(account=account, started_by=started_by)
    CheckoutItem.objects.bulk_create(
        CheckoutItem(checkout=checkout, invoice=invoice, amount_cents=amount_cents)
        for invoice, amount_cents in amounts.items()
    )
    return checkout


def _check_payable(account: BillingAccount, invoice: Invoice, amount_cents: int) -> None:
    """What PostgreSQL will hold against us at `confirm`, said early."""
    if invoice.account_id != account.pk:
        raise BillNotPayable(str(invoice.pk))
    busy = Allocation.objects.filter(invoice=invoice, in_flight=True).select_related("payment").first()
    if busy is not None:
        raise BillBusy(busy.payment.reference)
    if not 0 < amount_cents <= invoice.payable_cents:
        raise BillNotPayable(invoice.number)


def choose_method(*, checkout: Checkout, token: str) -> gateway.Method:
    """Keep what the payer chose in Stripe's frame; a new choice replaces the old one.

    Raises GatewayError where Stripe does not know the token or does not answer.
    """
    method = gateway.confirmation_method(region=checkout.account.region, token=token)
    Checkout.objects.filter(pk=checkout.pk, payment__isnull=True).update(
        confirmation_token=token,
        method_kind=method.kind,
        method_brand=method.brand,
        method_last4=method.last4,
    )
    return method


@transaction.atomic
def confirm(*, checkout: Checkout, payer: Payment.Payer, paid_by: User | None) -> Payment:
    """Commit the payment that a checkout describes, once; the second call returns the same one.

    Sets the amounts aside on the bills. Raises NotReviewed, BillBusy or BillNotPayable, and then
    nothing has changed.
    """
    account = lock_one(BillingAccount.objects.filter(pk=checkout.account_id))
    existing = Payment.objects.filter(checkout=checkout).first()
    if existing is not None:
        return existing
    checkout.refresh_from_db()
    if not checkout.confirmation_token:
        raise NotReviewed(str(checkout.pk))
    amounts = dict(checkout.items.values_list("invoice_id", "amount_cents"))
    invoices = lock_ids(Invoice, amounts)
    for invoice in invoices.values():
        _check_payable(account, invoice, amounts[invoice.pk])
    at = now()
    payment = Payment.objects.create(
        reference=references.generate("KP-", REFERENCE_LENGTH),
        region_id=account.region_id,
        account=account,
        checkout=checkout,
        payer=payer,
        paid_by=paid_by,
        amount_cents=sum(amounts.values()),
        confirmation_token=checkout.confirmation_token,
        method_kind=checkout.method_kind,
        method_brand=checkout.method_brand,
        method_last4=checkout.method_last4,
        next_check_at=at + check_after(State.CREATED, checks=0),
    )
    PaymentEvent.objects.create(payment=payment, to_state=State.CREATED, via=PaymentEvent.Via.BROWSER)
    Allocation.objects.bulk_create(
        Allocation(payment=payment, invoice=invoice, amount_cents=amounts[invoice.pk])
        for invoice in invoices.values()
    )
    for invoice in invoices.values():
        try:
            bills.reserve(invoice=invoice, amount_cents=amounts[invoice.pk])
        except bills.NotOwed as error:
            raise BillNotPayable(invoice.number) from error
    return payment
