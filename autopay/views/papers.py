"""PDFs of autopay: the copy of what was agreed to, the proof that it was canceled."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from autopay import documents
from autopay.exceptions import NotEnrolled
from autopay.views.finding import find
from billing.access import account_required
from billing.downloads import FALLBACK_LANGUAGE
from billing.models import BillingAccount
from billing.pdf import PdfUnavailable


@require_safe
@account_required
def copy(request: HttpRequest, account: BillingAccount, reference: str) -> HttpResponse:
    """What was agreed to, word for word, in the language it was read in."""
    enrollment = find(account, reference)
    return _pdf(
        request,
        lambda: documents.authorization_pdf(enrollment),
        name=f"autopay-{enrollment.reference}.pdf",
    )


@require_safe
@account_required
def proof(request: HttpRequest, account: BillingAccount, reference: str) -> HttpResponse:
    """When autopay ended. One that has not been canceled has no proof of it."""
    enrollment = find(account, reference)
    language = translation.get_language() or FALLBACK_LANGUAGE
    try:
        return _pdf(
            request,
            lambda: documents.cancellation_pdf(enrollment, language=language),
            name=f"autopay-canceled-{enrollment.reference}.pdf",
        )
    except NotEnrolled as missing:
        raise Http404 from missing


def _pdf(request: HttpRequest, make: Callable[[], bytes], *, name: str) -> HttpResponse:
    """Opened in the browser; where this machine has no PDF engine, a page that says so (503)."""
    try:
        content = make()
    except PdfUnavailable:
        return render(request, "billing/pdf_unavailable.html", status=503)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )
