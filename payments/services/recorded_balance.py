"""How much of an account balance came past Stripe: nobody gets that back on a card.

Recorded money stands in the balance, or has paid bills. It is spent last, and what comes back from
bills (a refund to the balance, a canceled bill) is recorded money first: so a check that never was
leaves through no card, whichever way round the books.
"""

from django.db.models import Sum

from billing.models import BillingAccount, EntryKind, JournalLine, LedgerCode
from payments import methods
from payments.models import Payment, Refund, RefundPart


def recorded_cents(account: BillingAccount) -> int:
    """The part of the account's balance that came by check or cash, in cents."""
    recorded = Payment.objects.filter(
        account=account, method_kind__in=(methods.CHECK, methods.CASH), settled_at__isnull=False
    ).values_list("pk", "amount_cents", "to_balance_cents")
    added = {str(key): to_balance for key, _amount, to_balance in recorded}
    if not added:
        return 0
    in_error = _in_error(account)
    in_bills = sum(amount - to_balance for _key, amount, to_balance in recorded)
    in_bills -= sum(in_error.values())
    in_balance = balance = 0
    for kind, source_id, cents in _moves(account):
        balance += cents
        if kind == EntryKind.REFUND_PROMISED and source_id in in_error:
            in_balance = max(0, in_balance + cents)
        elif cents <= 0:
            kept = min(in_balance, balance)
            in_bills, in_balance = in_bills + in_balance - kept, kept
        elif kind == EntryKind.PAYMENT_SETTLED:
            in_balance += added.get(source_id, 0)
        else:
            came_back = min(cents, in_bills)
            in_bills, in_balance = in_bills - came_back, in_balance + came_back
    return in_balance


def _in_error(account: BillingAccount) -> dict[str, int]:
    """What was taken back because it was recorded in error: by refund, how much of it from bills."""
    found = dict.fromkeys(
        Refund.objects.filter(
            payment__account=account, destination=Refund.Destination.NOWHERE
        ).values_list("pk", flat=True),
        0,
    )
    parts = RefundPart.objects.filter(refund__in=found, allocation__isnull=False)
    found |= dict(parts.values_list("refund").annotate(cents=Sum("amount_cents")))
    return {str(key): cents for key, cents in found.items()}


def _moves(account: BillingAccount) -> list[tuple[str, str, int]]:
    """Every entry that moved the balance, in order: kind, source key, cents (more is positive)."""
    lines = JournalLine.objects.filter(account=account, ledger_account=LedgerCode.ACCOUNT_BALANCE)
    entries = lines.values("entry_id").annotate(cents=-Sum("amount_cents")).order_by("entry_id")
    return list(entries.values_list("entry__kind", "entry__source_id", "cents"))
