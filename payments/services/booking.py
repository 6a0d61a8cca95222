"""What an outcome does to the bills, the account balance and the books.

Called inside the transaction that moves the payment, which holds the locks on account and payment.
"""

from django.db import connection, transaction

from billing.models import EntryKind, Invoice, LedgerCode
from billing.services import balance
from billing.services import invoices as bills
from billing.services.ledger import Posting, post
from common.clock import business_date, now
from common.db import columns, row_of
from common.failpoints import failpoint
from payments import emails, methods
from payments.emails import DEFAULT_LANGUAGE
from payments.models import Payment
from payments.wake import wake

# Allocations are final, so only the bills need a lock; by key, as everywhere.
_PARTS = f"""
    SELECT part.amount_cents, {columns(Invoice, "bill")}
    FROM payments_allocation part JOIN billing_invoice bill ON bill.id = part.invoice_id
    WHERE part.payment_id = %s ORDER BY bill.id FOR NO KEY UPDATE OF bill
"""  # noqa: S608  # nosec B608  names of columns
_ASK_FOR_RECEIPT = """
    INSERT INTO payments_receipt (payment_id, email, language, created_at)
    VALUES (%s, %s, %s, %s) RETURNING id
"""


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
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, [payment.pk])
        return {row_of(Invoice, row[1:]): row[0] for row in cursor.fetchall()}


def _ask_for_receipt(payment: Payment) -> None:
    payer = emails.recipient(payment)
    email, language = (payer.email, payer.language) if payer else ("", DEFAULT_LANGUAGE)
    with connection.cursor() as cursor:
        cursor.execute(_ASK_FOR_RECEIPT, [payment.pk, email, language, now()])
        (key,) = cursor.fetchone()
    transaction.on_commit(lambda: failpoint("payments.after_settle"))
    wake("render_receipt", key)
    failpoint("payments.settle_before_commit")
