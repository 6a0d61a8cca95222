"""The owner of an account lets its balance pay bills by itself, or no longer; each is told by mail."""

from django.db import transaction

from accounts.models import User
from billing.models import BillingAccount
from common.locks import lock_one
from payments import balance_emails
from payments.services.balance import set_auto_apply


@transaction.atomic
def switch(*, account: BillingAccount, on: bool, by: User) -> bool:
    """Switch it, and tell by mail; returns whether that changed anything (a second click does not)."""
    account = lock_one(BillingAccount.objects.filter(pk=account.pk))
    if account.auto_apply_balance == on:
        return False
    set_auto_apply(account=account, on=on)
    balance_emails.auto_apply_switched(account=account, on=on, to=by)
    return True
