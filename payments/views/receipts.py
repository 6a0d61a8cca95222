"""The receipt of a payment: downloaded as a PDF, or mailed once more."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.pdf import PdfUnavailable
from payments import emails
from payments.access import payment_required
from payments.models import Payment, Receipt
from payments.services import receipts

RETRY_AFTER_SECONDS = 3


@require_safe
@payment_required
def download(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The itemised receipt. One that no worker has rendered yet is rendered now."""
    receipt = _receipt_of(payment)
    try:
        if receipt.rendered_at is None:
            receipts.render(receipt_id=receipt.pk)
            receipt.refresh_from_db()
        document = receipts.current(receipt=receipt)
    except PdfUnavailable:
        return _preparing(request, receipt)
    if document is None:  # a worker is at it
        return _preparing(request, receipt)
    name = emails.file_name(receipt.payment)
    return HttpResponse(
        document,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


@require_POST
@payment_required
def mail_again(request: HttpRequest, payment: Payment) -> HttpResponse:
    """Mail the receipt to the address of the person who asks."""
    receipt = _receipt_of(payment)
    address = request.user.get_username()
    try:
        receipts.mail_again(receipt=receipt, to=address)
    except receipts.NotMailedYet:
        messages.info(request, _("The receipt is being prepared. It will reach you by e-mail shortly."))
    except receipts.ResentTooOften:
        messages.warning(
            request,
            _("This receipt was sent a moment ago. Please look into your mail, or download it here."),
        )
    except PdfUnavailable:
        messages.warning(request, _("The receipt cannot be sent right now. Please try again later."))
    else:
        messages.success(request, _("The receipt is on its way to %(address)s.") % {"address": address})
    return redirect("payments:show", receipt.payment.reference)


def _receipt_of(payment: Payment) -> Receipt:
    """404 where the payment has not settled."""
    try:
        return payment.receipt
    except Receipt.DoesNotExist as missing:
        raise Http404 from missing


def _preparing(request: HttpRequest, receipt: Receipt) -> HttpResponse:
    """A page that asks again by itself, without a script."""
    response = render(
        request, "payments/receipt_preparing.html", {"payment": receipt.payment}, status=503
    )
    response["Retry-After"] = response["Refresh"] = str(RETRY_AFTER_SECONDS)
    return response
