"""What an outcome does to the bills, the account balance and the books.

Called inside the transaction that moves the payment, which holds the locks on account and payment.
"""

from django.db import transaction

from billing.models import EntryKind, Invoice, LedgerCode
from billing.services import balance
from billing.services import invoices as bills
from billing.services.ledger import Posting, post
from common.clock import business_date
from common.failpoints import failpoint
from common.locks import lock_ids
from payments import emails, methods
from payments.models import Payment, Receipt
from payments.wake import wake


def book(payment: Payment) -> None:
    """The money has arrived: pay the bills, move the balance, post the entry, ask for the receipt.

    Debit processor clearing with what was charged and account balance with what it paid; credit each
    bill's receivable, and account balance with what was added to it.
    """
    parts = _allocations(payment)
    account = payment.account
    bills.pay_all_reserved(parts)
    if payment.from_balance_cents:
        balance.spend_held(account=account, amount_cents=payment.from_balance_cents)
    if payment.to_balance_cents:
        balance.credit(account=account, amount_cents=payment.to_balance_cents)
    sides = [
        Posting(_came_to(payment), payment.charge_cents, account),
        Posting(LedgerCode.ACCOUNT_BALANCE, payment.from_balance_cents, account),
        *(Posting(LedgerCode.RECEIVABLE, -cents, account, invoice) for invoice, cents in parts.items()),
        Posting(LedgerCode.ACCOUNT_BALANCE, -payment.to_balance_cents, account),
    ]
    post(
        kind=EntryKind.PAYMENT_SETTLED,
        source="payment",
        source_id=str(payment.pk),
        region=payment.region,
        effective_on=business_date(payment.region.time_zone, payment.settled_at),
        lines=[side for side in sides if side.amount_cents],
    )
    _ask_for_receipt(payment)


def _came_to(payment: Payment) -> LedgerCode:
    """Where the money is: at Stripe until it pays out, or, by check and in cash, with our bank."""
    recorded = methods.is_recorded(payment.method_kind)
    return LedgerCode.BANK if recorded else LedgerCode.PROCESSOR_CLEARING


def release(payment: Payment) -> None:
    """Nothing was taken: give back what was set aside on bills and held of the balance."""
    bills.release_all(_allocations(payment))
    if payment.from_balance_cents:
        balance.release(account=payment.account, amount_cents=payment.from_balance_cents)


def _allocations(payment: Payment) -> dict[Invoice, int]:
    """The payment's bills, locked by key, each with its part."""
    amounts = dict(payment.allocations.values_list("invoice_id", "amount_cents"))
    return {invoice: amounts[invoice.pk] for invoice in lock_ids(Invoice, amounts).values()}


def _ask_for_receipt(payment: Payment) -> None:
    payer = emails.recipient(payment)
    receipt = Receipt.objects.create(
        payment=payment,
        email=payer.email if payer else "",
        language=payer.language if payer else "en",
    )
    transaction.on_commit(lambda: failpoint("payments.after_settle"))
    wake("render_receipt", receipt.pk)
    failpoint("payments.settle_before_commit")
