"""The mailbox's pages and the style guide; demo and test settings only."""

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from demo import mailbox
from demo.styleguide import sample_context

MAILS_A_PAGE = 25
FRAME_SANDBOX = "allow-top-navigation-by-user-activation"


@require_safe
def mail_list(request: HttpRequest) -> HttpResponse:
    """Every mail that was sent, the newest first."""
    page = Paginator(mailbox.names(), MAILS_A_PAGE).get_page(request.GET.get("page"))
    mails = [mailbox.read(name) for name in page]
    return render(request, "demo/mail_list.html", {"mails": mails, "page": page})


@require_safe
@csp_replace({"frame-src": [SELF]})
def mail_detail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: headers, text, the HTML edition in a frame, attachments."""
    return render(
        request, "demo/mail_detail.html", {"mail": _mail_or_404(name), "sandbox": FRAME_SANDBOX}
    )


# A mail brings its own styles and may hold anything: no script, no request, no form, no origin.
@require_safe
@xframe_options_sameorigin
@csp_replace(
    {
        "script-src": [NONE],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["data:"],
        "connect-src": [NONE],
        "font-src": [NONE],
        "manifest-src": [NONE],
        "form-action": [NONE],
        "frame-ancestors": [SELF],
        "sandbox": [FRAME_SANDBOX],
    }
)
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """A mail's HTML edition as its reader sees it; its links open in the whole window."""
    html = _mail_or_404(name).html
    return HttpResponse(html.replace("<head>", '<head><base target="_top">', 1))


@require_safe
def mail_attachment(request: HttpRequest, name: str, index: int) -> HttpResponse:
    """One attachment, as a download."""
    try:
        attachment = _mail_or_404(name).attachments[index]
    except IndexError:
        raise Http404 from None
    return HttpResponse(
        attachment.content,
        content_type=attachment.content_type,
        headers={"Content-Disposition": f'attachment; filename="{_safe(attachment.name)}"'},
    )


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state."""
    return render(request, "demo/styleguide.html", sample_context())


def _mail_or_404(name: str) -> mailbox.Mail:
    try:
        return mailbox.read(name)
    except mailbox.NoSuchMail as missing:
        raise Http404 from missing


def _safe(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
