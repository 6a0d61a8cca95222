"""How much of an account balance came past Stripe: nobody gets that back on a card.

Recorded money stands in the balance, or has paid bills. It is spent last, and what comes back from
bills (a refund to the balance, a canceled bill) is recorded money first: so a check that never was
leaves through no card, whichever way round the books; and what was recorded in error can be taken
back from wherever it stands by now.
"""

from django.db.models import Sum

from billing.models import BillingAccount, EntryKind, JournalLine, LedgerCode
from billing.services import balance
from billing.services.ledger import Posting
from payments import methods
from payments.models import Payment, Refund, RefundPart, State
from payments.services.reversal import PartKey, remaining, take_back

# One that went to the account balance whole is refunded, and its money may still be there.
_TAKEABLE = (State.SUCCEEDED, State.PARTLY_REFUNDED, State.REFUNDED)


class CameOtherwise(RuntimeError):
    """It is the money of a check, or cash: no card has paid it."""


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
    in_balance = total = 0
    for kind, source_id, cents in _moves(account):
        total += cents
        if kind == EntryKind.REFUND_PROMISED and source_id in in_error:
            left = in_balance + cents  # below nothing where it was spent: then it stands in bills
            in_bills, in_balance = max(0, in_bills + min(left, 0)), max(left, 0)
        elif cents <= 0:
            kept = min(in_balance, total)
            in_bills, in_balance = in_bills + in_balance - kept, kept
        elif kind == EntryKind.PAYMENT_SETTLED:
            in_balance += added.get(source_id, 0)
        else:
            came_back = min(cents, in_bills)
            in_bills, in_balance = in_bills - came_back, in_balance + came_back
    return in_balance


def check_leaves_by_card(payment: Payment, from_balance_cents: int) -> None:
    """A check or cash leaves through no card: neither by its own payment, nor where it stands in the
    balance in place of what a card had added. Raises CameOtherwise.
    """
    if methods.is_recorded(payment.method_kind):
        raise CameOtherwise(payment.reference)
    recorded = recorded_cents(payment.account) if from_balance_cents else 0
    if recorded and from_balance_cents > payment.account.spendable_cents - recorded:
        raise CameOtherwise(f"{payment.reference} was spent")


def takeable(payment: Payment) -> dict[PartKey, int]:
    """What can be taken back of a check or cash that was recorded in error, in cents by part.

    What is left of the payment; and of what became account balance since (a canceled bill, a refund to
    the balance) as much as is there. Empty where nothing is, or where it was not recorded by staff.
    """
    if not methods.is_recorded(payment.method_kind) or payment.state not in _TAKEABLE:
        return {}
    parts = remaining(payment)
    own = parts.get(None, 0)
    there = min(recorded_cents(payment.account), payment.account.spendable_cents) - own
    more = min(there, missing_cents(payment) - sum(parts.values()))
    return parts | {None: own + more} if more > 0 else parts


def missing_cents(payment: Payment) -> int:
    """What of a recorded payment was not taken back as recorded in error, in cents."""
    return payment.amount_cents - in_error_cents(payment)


def in_error_cents(payment: Payment) -> int:
    """What was taken back of a payment because it was recorded in error, in cents."""
    taken = payment.refunds.filter(destination=Refund.Destination.NOWHERE)
    return taken.aggregate(cents=Sum("amount_cents"))["cents"] or 0


def take_back_in_error(payment: Payment) -> tuple[dict[PartKey, int], list[Posting]]:
    """Take all that `takeable` tells; returns it with the debits for the caller's entry.

    Called inside a transaction that holds the locks on account and payment. Raises NothingLeft, and
    billing.services.balance.NotEnough where money added to the balance was spent.
    """
    parts = takeable(payment)
    more = parts.get(None, 0) - remaining(payment).get(None, 0)
    if more <= 0:
        return parts, take_back(payment, parts)
    own = {key: cents - more * (key is None) for key, cents in parts.items()}
    own = {key: cents for key, cents in own.items() if cents}
    debits = take_back(payment, own) if own else []
    balance.debit(account=payment.account, amount_cents=more)
    return parts, [*debits, Posting(LedgerCode.ACCOUNT_BALANCE, more, payment.account)]


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
