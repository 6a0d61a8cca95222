"""The mails about payments: one function a mail, each queued in the caller's transaction.

Subjects and bodies say amount, date, reference and method; never a service, a provider, a patient or
a diagnosis (design: security, outbound minimum).
"""

from typing import Any

from django.utils import translation
from post_office.models import Email

from common import mail
from common.clock import business_date
from payments import methods
from payments.models import Payment, Receipt, State

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


def file_name(payment: Payment) -> str:
    """A receipt's file name: the reference is made of letters, digits and hyphens."""
    return f"receipt-{payment.reference}.pdf"


def _to_payer(payment: Payment, template: str) -> Email | None:
    payer = payment.paid_by
    if payer is None:
        return None
    language = payer.language or DEFAULT_LANGUAGE
    return mail.send(
        to=payer.email, template=template, context=_facts(payment, language), language=language
    )


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
