"""The mails about the account balance, each queued in the caller's transaction."""

from post_office.models import Email

from accounts.models import User
from billing.models import BillingAccount
from common import mail
from payments.emails import DEFAULT_LANGUAGE


def auto_apply_switched(*, account: BillingAccount, on: bool, to: User) -> Email:
    """Whether the balance pays bills by itself from now on, and how to change that."""
    region = account.region
    return mail.send(
        to=to.email,
        template="payments/auto_apply",
        context={"on": on, "phone": region.phone, "tty": region.tty},
        language=to.language or DEFAULT_LANGUAGE,
    )
