"""The mails about payments: one function a mail, each queued in the caller's transaction.

Subjects and bodies say amount, date, reference and method; never a service, a provider, a patient or
a diagnosis (design: security, outbound minimum).
"""

from typing import Any

from django.conf import settings
from django.utils import translation
from post_office.models import Email

from accounts.models import User
from common import mail
from common.clock import business_date
from payments import declines, methods
from payments.models import Dispute, Payment, Receipt, Refund, State

DEFAULT_LANGUAGE = "en"


def receipt(*, receipt: Receipt, pdf: bytes, to: str) -> Email:
    """The money has moved: the receipt, in its mailed edition, as an attachment."""
    payment = receipt.payment
    return mail.send(
        to=to,
        template="payments/receipt",
        context=_facts(payment, receipt.language),
        language=receipt.language,
        attachments=[mail.Attachment(file_name(payment), pdf, "application/pdf")],
    )


def declined(*, payment: Payment) -> Email | None:
    """The bank said no after the payer had left; nothing was charged. None where we have no address."""
    return _to_payer(payment, "payments/declined")


def not_charged(*, payment: Payment) -> Email | None:
    """A payment was given up and can never charge. None where we have no address."""
    return _to_payer(payment, "payments/not_charged")


def tell_resolved(*, payment: Payment) -> Email | None:
    """What became of a payment that the payer was not there to see.

    Nothing for a settled payment: its receipt tells.
    """
    match payment.state:
        case State.FAILED:
            return declined(payment=payment)
        case State.CANCELED:
            return not_charged(payment=payment)
    return None


def refunded(*, refund: Refund) -> Email | None:
    """Money has gone back to its source, or to the account balance."""
    return _about_refund(refund, "payments/refunded")


def refund_failed(*, refund: Refund) -> Email | None:
    """The source could not take it; it is account balance now."""
    return _about_refund(refund, "payments/refund_failed")


def returned(*, payment: Payment, dispute: Dispute) -> Email | None:
    """The bank took a settled payment back; what it had paid is owed again."""
    explanation = declines.explain(dispute.reason, kind=payment.method_kind)
    return _to_payer(
        payment,
        "payments/returned",
        returned_cents=dispute.amount_cents,
        fee_cents=settings.RETURNED_ITEM_FEE_CENTS if dispute.is_return else 0,
        happened=explanation.happened,
        next_step=explanation.next_step,
    )


def _about_refund(refund: Refund, template: str) -> Email | None:
    return _to_payer(
        refund.payment,
        template,
        refund_reference=refund.reference,
        refund_cents=refund.amount_cents,
        to_balance=refund.destination == Refund.Destination.BALANCE,
    )


def recipient(payment: Payment) -> User | None:
    """Who is told about a payment: whoever made it; its owner where the portal made it by itself."""
    if payment.payer == Payment.Payer.SYSTEM:
        return payment.account.guarantor.user
    return payment.paid_by


def file_name(payment: Payment) -> str:
    """A receipt's file name: the reference is made of letters, digits and hyphens."""
    return f"receipt-{payment.reference}.pdf"


def _to_payer(payment: Payment, template: str, **more: Any) -> Email | None:
    payer = recipient(payment)
    if payer is None:
        return None
    language = payer.language or DEFAULT_LANGUAGE
    context = {**_facts(payment, language), **more}
    return mail.send(to=payer.email, template=template, context=context, language=language)


def _facts(payment: Payment, language: str) -> dict[str, Any]:
    region = payment.region
    with translation.override(language):
        method = methods.describe(
            kind=payment.method_kind, brand=payment.method_brand, last4=payment.method_last4
        )
    return {
        "reference": payment.reference,
        "amount_cents": payment.amount_cents,
        "date": business_date(region.time_zone, payment.settled_at or payment.created_at),
        "method": method,
        "phone": region.phone,
        "tty": region.tty,
    }
