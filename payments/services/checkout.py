"""A checkout, step by step: bills and amounts, a method, and the click that opens the payment.

Nothing here talks to Stripe while a transaction is open. `confirm` commits the payment, and only then
may payments.services.submission ask for the money.
"""

from collections.abc import Mapping

from django.db import connection, transaction

from accounts.models import User
from billing.models import BillingAccount, Invoice
from common.clock import business_date
from common.db import columns, row_of
from common.locks import lock_id
from payments import authorizations, gateway
from payments.authorizations import Agreement, needs_authorization
from payments.exceptions import AmountOutOfRange, BalanceTooLow, BillNotPayable, NotReviewed
from payments.models import Checkout, CheckoutItem, Payment, PaymentEvent, PaymentMethod
from payments.services import methods
from payments.services.opening import check_amounts, open_payment

# docs.stripe.com/currencies: the smallest and the largest charge in US dollars.
MIN_CENTS, MAX_CENTS = 50, 99_999_999


def stranded_cents(*, payable_cents: int, paid_cents: int) -> int:
    """What a payment would leave that no card or bank account can pay later; 0 where all is well."""
    left = payable_cents - paid_cents
    return left if 0 < left < MIN_CENTS else 0


@transaction.atomic
def start(
    *,
    account: BillingAccount,
    started_by: User | None,
    amounts: Mapping[Invoice, int],
    from_balance_cents: int = 0,
    to_balance_cents: int = 0,
) -> Checkout:
    """Draft a payment of some cents on each bill, or of money into the account balance.

    Reserves nothing. Raises BillNotPayable (also for a bill of another account), BillBusy, MixedBills,
    BalanceTooLow or AmountOutOfRange.
    """
    total_cents = sum(amounts.values())
    check_amounts(account, amounts)
    if total_cents + to_balance_cents <= 0 or to_balance_cents < 0:
        raise BillNotPayable("amount")
    if not 0 <= from_balance_cents <= min(account.spendable_cents, total_cents):
        raise BalanceTooLow(account.account_number)
    to_charge = total_cents + to_balance_cents - from_balance_cents
    if to_charge and not MIN_CENTS <= to_charge <= MAX_CENTS:
        raise AmountOutOfRange(to_charge)
    checkout = Checkout.objects.create(
        account=account,
        started_by=started_by,
        from_balance_cents=from_balance_cents,
        to_balance_cents=to_balance_cents,
    )
    CheckoutItem.objects.bulk_create(
        CheckoutItem(checkout=checkout, invoice=invoice, amount_cents=amount_cents)
        for invoice, amount_cents in amounts.items()
    )
    return checkout


def check(*, checkout: Checkout) -> None:
    """Whether what was drafted can still be paid. Raises BillNotPayable or BillBusy."""
    items = checkout.items.select_related("invoice")
    check_amounts(checkout.account, {item.invoice: item.amount_cents for item in items})


def choose_method(*, checkout: Checkout, token: str, keep: bool = False) -> gateway.Method:
    """Note what the payer chose in Stripe's frame; a new choice replaces the old one.

    `keep` saves it once it has paid. Raises GatewayError where Stripe does not know the token or does
    not answer.
    """
    method = gateway.confirmation_method(region=checkout.account.region, token=token)
    Checkout.objects.filter(pk=checkout.pk, payment__isnull=True).update(
        confirmation_token=token,
        method_kind=method.kind,
        method_brand=method.brand[:40],
        method_last4=method.last4,
        saved_method=None,
        save_method=keep,
    )
    return method


def choose_saved_method(*, checkout: Checkout, method: PaymentMethod) -> None:
    """Pay with a method of the account; replaces an earlier choice. Raises MethodNotUsable."""
    _check_saved(checkout, method)
    Checkout.objects.filter(pk=checkout.pk, payment__isnull=True).update(
        confirmation_token="",
        method_kind=method.kind,
        method_brand=method.brand,
        method_last4=method.last4,
        saved_method=method,
        save_method=False,
    )


def _check_saved(checkout: Checkout, method: PaymentMethod | None) -> None:
    account = checkout.account
    methods.check_usable(method, account=account, on=business_date(account.region.time_zone))


# A checkout, the payment that it led to, and its bills with their amounts.
_WHOLE = f"""
    SELECT payment.id, item.bills, item.cents, {columns(Checkout, "checkout")}
    FROM payments_checkout checkout
    LEFT JOIN payments_payment payment ON payment.checkout_id = checkout.id
    CROSS JOIN LATERAL (
        SELECT array_agg(invoice_id ORDER BY id) AS bills, array_agg(amount_cents ORDER BY id) AS cents
        FROM payments_checkoutitem WHERE checkout_id = checkout.id
    ) item
    WHERE checkout.id = %s
"""  # noqa: S608  # nosec B608  names of columns


def _as_it_stands(checkout: Checkout) -> tuple[Checkout, int | None, dict[int, int]]:
    """The checkout now, the key of its payment, and its amounts in cents by bill."""
    with connection.cursor() as cursor:
        cursor.execute(_WHOLE, [checkout.pk])
        row = cursor.fetchone()
    if row is None:
        raise Checkout.DoesNotExist(checkout.pk)
    payment_id, bills, cents, *values = row
    return row_of(Checkout, values), payment_id, dict(zip(bills or [], cents or [], strict=True))


@transaction.atomic
def confirm(
    *,
    checkout: Checkout,
    reviewed: str,
    payer: Payment.Payer,
    paid_by: User | None,
    agreement: Agreement | None = None,
) -> Payment:
    """Open the payment that a checkout describes, once; the second call returns the same one.

    `reviewed` is the checkout's method_key as the payer saw it; `agreement` what the payer agreed to,
    stored here, before anything is sent. Raises NotReviewed, MethodNotUsable, BillBusy,
    BillNotPayable or BalanceTooLow, and then nothing has changed.
    """
    account = lock_id(BillingAccount, checkout.account_id)
    checkout, payment_id, amounts = _as_it_stands(checkout)
    if payment_id is not None:
        return Payment.objects.get(pk=payment_id)
    checkout.account = account
    to_charge = sum(amounts.values()) + checkout.to_balance_cents - checkout.from_balance_cents
    if to_charge and not (checkout.confirmation_token or checkout.saved_method_id):
        raise NotReviewed(str(checkout.pk))
    if reviewed != checkout.method_key:  # changed in another tab after this page was shown
        raise NotReviewed(str(checkout.pk))
    if not to_charge:
        checkout.method_kind = "balance"
        checkout.saved_method, checkout.save_method = None, False
    elif checkout.saved_method_id:
        _check_saved(checkout, checkout.saved_method)
    checkout.authorization = None
    if needs_authorization(checkout):
        if agreement is None:
            raise NotReviewed(str(checkout.pk))
        checkout.authorization = authorizations.record(
            account=account, agreement=agreement, given_by=paid_by
        )
        checkout.save(update_fields=["authorization"])
    return open_payment(
        account=account,
        amounts=amounts,
        payer=payer,
        paid_by=paid_by,
        via=PaymentEvent.Via.BROWSER,
        from_balance_cents=checkout.from_balance_cents,
        to_balance_cents=checkout.to_balance_cents,
        checkout=checkout,
    )
