"""The mails about payments: one function a mail, each queued in the caller's transaction.

Subjects and bodies say amount, date, reference and method; never a service, a provider, a patient or
a diagnosis (design: security, outbound minimum).
"""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import translation
from post_office.models import Email

from common import mail
from common.clock import business_date
from payments import declines, methods
from payments.aftermath import twice_back_cents
from payments.models import Dispute, Payment, Receipt, Refund, State
from payments.services import receipt_links, reversal

DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told about a payment, and in which language."""

    email: str
    language: str


def receipt(*, receipt: Receipt, pdf: bytes, to: str) -> Email:
    """The money has moved: the receipt, in its mailed edition, as an attachment.

    A guest's has a link that opens the payment's page once; others open it after they log in.
    """
    payment = receipt.payment
    to_guest = bool(payment.guest_email) and to == payment.guest_email
    link = {"page_url": _page_of(payment)} if to_guest else {}
    return mail.send(
        to=to,
        template="payments/guest_receipt" if to_guest else "payments/receipt",
        context={**_facts(payment, receipt.language), **link},
        language=receipt.language,
        attachments=[mail.Attachment(file_name(payment), pdf, "application/pdf")],
    )


def declined(*, payment: Payment) -> Email | None:
    """The bank said no after the payer had left; nothing was charged. None where we have no address."""
    why = declines.explain(payment.decline_code, kind=payment.method_kind)
    return _to_payer(
        payment,
        "payments/declined",
        happened=why.happened,
        next_step=why.next_step,
        fee_cents=reversal.returned_item_fee_cents(payment),
    )


def not_charged(*, payment: Payment) -> Email | None:
    """A payment was given up and can never charge. None where we have no address."""
    return _to_payer(payment, "payments/not_charged")


def on_its_way(*, payment: Payment) -> Email | None:
    """The answer was lost, and the bank has the debit after all. None where we have no address."""
    return _to_payer(payment, "payments/on_its_way", expected_on=payment.expected_on)


def tell_resolved(*, payment: Payment) -> Email | None:
    """What became of a payment that the payer was not there to see.

    Nothing for a settled payment: its receipt tells. Nothing where the bank asks for a step: it is
    taken, or given up within half an hour, and that is told. Nothing for a draw of autopay: autopay
    tells, and says what happens next.
    """
    if payment.payer == Payment.Payer.AUTOPAY:
        return None
    match payment.state:
        case State.FAILED:
            return declined(payment=payment)
        case State.CANCELED:
            return not_charged(payment=payment)
        case State.PROCESSING:
            return on_its_way(payment=payment)
    return None


def refunded(*, refund: Refund) -> Email | None:
    """Money has gone back to its source, or to the account balance; or never was there."""
    if refund.destination == Refund.Destination.NOWHERE:
        return _about_refund(refund, "payments/recorded_in_error")
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
        excess_cents=twice_back_cents(payment, [dispute]),
        fee_cents=reversal.returned_item_fee_cents(payment) if dispute.is_return else 0,
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
        # What had paid a bill that was canceled since, or was added to the balance, is owed by nobody.
        owed_again=refund.parts.filter(
            allocation__isnull=False, allocation__invoice__voided_at=None
        ).exists(),
    )


def recipient(payment: Payment) -> Recipient | None:
    """Who is told: whoever made the payment; its owner where the portal made it by itself.

    None where nobody has given us an address, as a guest may.
    """
    if payment.payer == Payment.Payer.GUEST:
        guest = Recipient(payment.guest_email, payment.guest_language or DEFAULT_LANGUAGE)
        return guest if guest.email else None
    by_itself = payment.payer in (Payment.Payer.SYSTEM, Payment.Payer.AUTOPAY, Payment.Payer.STAFF)
    user = payment.account.guarantor.user if by_itself else payment.paid_by
    return Recipient(user.email, user.language or DEFAULT_LANGUAGE) if user else None


def file_name(payment: Payment) -> str:
    """A receipt's file name: the reference is made of letters, digits and hyphens."""
    return f"receipt-{payment.reference}.pdf"


def _to_payer(payment: Payment, template: str, **more: Any) -> Email | None:
    payer = recipient(payment)
    if payer is None:
        return None
    context = {**_facts(payment, payer.language), "page_url": _page_of(payment), **more}
    return mail.send(to=payer.email, template=template, context=context, language=payer.language)


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


def _page_of(payment: Payment) -> str:
    """Where whoever paid sees the payment; a guest by a link that works once, for a day."""
    if payment.payer == Payment.Payer.GUEST:
        return receipt_links.issue(payment=payment)
    return reverse("payments:show", args=[payment.reference])
