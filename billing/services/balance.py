"""The account balance: prepaid money, moved under CHECKs so that no cent is spent twice.

Each function is one UPDATE; the caller posts the entry in the same transaction. What payments on
their way will use is held, and stays part of the balance until they settle.
"""

from django.db import IntegrityError, transaction
from django.db.models import F

from billing.models import BillingAccount


class NotEnough(RuntimeError):
    """The balance, without what is held, is less than that."""


def hold(*, account: BillingAccount, amount_cents: int) -> None:
    """Set a part of the balance aside for a payment that has started. Raises NotEnough."""
    _move(account, amount_cents, held_cents=F("held_cents") + amount_cents)


def release(*, account: BillingAccount, amount_cents: int) -> None:
    """Give back what a payment that came to nothing had held."""
    _move(account, amount_cents, held_cents=F("held_cents") - amount_cents)


def spend_held(*, account: BillingAccount, amount_cents: int) -> None:
    """A payment that held this much has settled."""
    _move(
        account,
        amount_cents,
        held_cents=F("held_cents") - amount_cents,
        balance_cents=F("balance_cents") - amount_cents,
    )


def credit(*, account: BillingAccount, amount_cents: int) -> None:
    """Money came in: added by its owner, refunded to the balance, or a refund that came back."""
    _move(account, amount_cents, balance_cents=F("balance_cents") + amount_cents)


def debit(*, account: BillingAccount, amount_cents: int) -> None:
    """Money goes out that was not held before. Raises NotEnough."""
    _move(account, amount_cents, balance_cents=F("balance_cents") - amount_cents)


def _move(account: BillingAccount, amount_cents: int, **changes: object) -> None:
    """PostgreSQL decides whether the money is there: 0 <= held <= balance."""
    if amount_cents <= 0:
        raise ValueError("an amount to move is positive")
    try:
        with transaction.atomic():
            BillingAccount.objects.filter(pk=account.pk).update(**changes)
    except IntegrityError as error:
        raise NotEnough(account.account_number) from error
    account.refresh_from_db(fields=["balance_cents", "held_cents"])
