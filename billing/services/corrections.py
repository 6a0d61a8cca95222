"""Asking for less: adjusting a bill, or writing off what will not be paid.

The bill's total stays what was billed; what is owed goes down, and the books say why.
"""

from django.db import transaction

from accounts.models import User
from billing.models import BillingAccount, Correction, EntryKind, Invoice, LedgerCode
from billing.services import invoices as bills
from billing.services.ledger import Posting, post
from common.clock import business_date
from common.locks import lock_one

_ENTRIES = {
    Correction.Kind.ADJUSTMENT: EntryKind.BILL_ADJUSTED,
    Correction.Kind.WRITE_OFF: EntryKind.BILL_WRITTEN_OFF,
}


@transaction.atomic
def correct(
    *, invoice: Invoice, kind: Correction.Kind, amount_cents: int, reason: str, made_by: User
) -> Correction:
    """Ask for `amount_cents` less of a bill.

    Raises invoices.NotOwed where that much is not owed, or is on its way; then nothing has changed.
    """
    if amount_cents <= 0:
        raise ValueError("a correction lowers what is owed")
    account = lock_one(BillingAccount.objects.filter(pk=invoice.account_id))
    locked = lock_one(Invoice.objects.filter(pk=invoice.pk))
    bills.give_up(invoice=locked, amount_cents=amount_cents)
    correction = Correction.objects.create(
        invoice=locked, kind=kind, amount_cents=amount_cents, reason=reason, made_by=made_by
    )
    post(
        kind=_ENTRIES[kind],
        source="correction",
        source_id=str(correction.pk),
        region=account.region,
        effective_on=business_date(account.region.time_zone),
        lines=[
            Posting(bills.BORNE_BY[kind], amount_cents, account, locked),
            Posting(LedgerCode.RECEIVABLE, -amount_cents, account, locked),
        ],
    )
    return correction
