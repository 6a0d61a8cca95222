"""Opening the account that a household's bills go to."""

from django.db import IntegrityError

from accounts.models import Member, Region
from billing.models import BillingAccount


class AccountConflict(RuntimeError):
    """The account number or the guarantor already belongs to another account."""


def open_account(*, region: Region, account_number: str, guarantor: Member) -> BillingAccount:
    """The account of a guarantor; opened if new. Raises AccountConflict."""
    try:
        account, _ = BillingAccount.objects.get_or_create(
            region=region, account_number=account_number, defaults={"guarantor": guarantor}
        )
    except IntegrityError:
        raise AccountConflict(f"the guarantor of account {account_number} has another one") from None
    if account.guarantor_id != guarantor.pk:
        raise AccountConflict(f"account {account_number} has another guarantor")
    return account
