"""PDFs that a person asks for at a page: rendered now, kept nowhere."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from billing import pdf

FALLBACK_LANGUAGE = "en"


def pdf_response(
    request: HttpRequest, *, template: str, context: Mapping[str, Any], title: str, name: str
) -> HttpResponse:
    """A PDF in the reader's language, opened in the browser under a plain file name.

    `name` is made of letters, digits and hyphens. Where this machine has no PDF engine, a page that
    says so (503).
    """
    language = translation.get_language() or FALLBACK_LANGUAGE
    try:
        content = pdf.render(template, context, title=title, language=language)
    except pdf.PdfUnavailable:
        return render(request, "billing/pdf_unavailable.html", status=503)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )
