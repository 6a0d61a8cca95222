"""The mails about bills, each queued in the caller's transaction.

They say a bill's number and amounts; never a service, a provider or a patient (design: security,
outbound minimum).
"""

from django.urls import reverse
from post_office.models import Email

from billing.models import Invoice
from common import mail


def canceled(*, invoice: Invoice, paid_cents: int) -> Email | None:
    """Nothing of the bill is owed any more, and what was paid on it is account balance.

    None where the account's owner has no log-in, and so no address.
    """
    account = invoice.account
    to = account.guarantor.user
    if to is None:
        return None
    return mail.send(
        to=to.email,
        template="billing/canceled",
        context={
            "number": invoice.number,
            "total_cents": invoice.total_cents,
            "paid_cents": paid_cents,
            "page_url": reverse("billing:detail", args=[invoice.pk]),
            "phone": account.region.phone,
            "tty": account.region.tty,
        },
        language=to.language,
    )
