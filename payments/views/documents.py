"""PDFs of one payment besides its receipt: for an insurance claim, and while a bank works on it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing.downloads import pdf_response
from common.clock import business_date
from payments import methods
from payments.access import payment_required
from payments.claim_content import NothingToClaim, claim_of
from payments.models import SETTLED, Payment, State
from payments.receipt_content import NotSettled


@require_safe
@payment_required
def claim(request: HttpRequest, payment: Payment) -> HttpResponse:
    """What an administrator of an FSA or HSA asks for; of a payment that has arrived."""
    try:
        content = claim_of(payment)
    except (NotSettled, NothingToClaim) as missing:
        raise Http404 from missing
    return pdf_response(
        request,
        template="pdf/claim.html",
        context={"content": content},
        title=_("Itemized statement %(reference)s") % {"reference": payment.reference},
        name=f"claim-{payment.reference}.pdf",
    )


@require_safe
@payment_required
def confirmation(request: HttpRequest, payment: Payment) -> HttpResponse:
    """That a bank payment is processing. Once it has arrived there is a receipt instead."""
    if payment.state in SETTLED:
        return redirect("payments:receipt", payment.reference)
    if payment.state != State.PROCESSING:
        raise Http404
    region = payment.region
    return pdf_response(
        request,
        template="pdf/confirmation.html",
        context={
            "payment": payment,
            "region": region,
            "method": methods.describe_with_balance(
                kind=payment.method_kind,
                brand=payment.method_brand,
                last4=payment.method_last4,
                from_balance_cents=payment.from_balance_cents,
                amount_cents=payment.amount_cents,
            ),
            "started_on": business_date(region.time_zone, payment.created_at),
            "allocations": list(
                payment.allocations.select_related("invoice__patient").order_by("invoice_id")
            ),
        },
        title=_("Payment confirmation %(reference)s") % {"reference": payment.reference},
        name=f"confirmation-{payment.reference}.pdf",
    )
