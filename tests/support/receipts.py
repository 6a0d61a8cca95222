"""Payments that have settled and wait for their receipt, arranged through the services."""

from collections.abc import Mapping

from billing.models import BillingAccount, Invoice
from demo.stripe.core import Sandbox
from payments.models import PaymentEvent, Receipt
from payments.services import checkout as checkouts
from payments.services import submission
from tests.support import paying


def settle(sandbox: Sandbox, parts: Mapping[Invoice, int]) -> Receipt:
    """Pay these amounts on these bills of one account in one payment; returns its receipt.

    Inside a test's transaction nobody is woken: the receipt is due.
    """
    account: BillingAccount = next(iter(parts)).account
    checkout = checkouts.start(account=account, started_by=account.guarantor.user, amounts=parts)
    paying.give_card(sandbox, checkout, paying.CARD)
    payment = paying.confirm(checkout)
    submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    return Receipt.objects.select_related("payment").get(payment=payment)


def editions(receipt: Receipt) -> tuple[bytes, bytes]:
    """The itemised document and the mailed one of a receipt that was rendered."""
    from post_office.models import Email

    receipt.refresh_from_db()
    assert receipt.pdf is not None
    (attachment,) = Email.objects.get(pk=receipt.mail_id).attachments.all()
    with attachment.file.open("rb") as file:
        return bytes(receipt.pdf), file.read()
