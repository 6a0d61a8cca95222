"""Skipping one draw, and taking it up again: asked first, then done."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from autopay import presenting, schedule
from autopay.exceptions import AlreadySent, NotEnrolled
from autopay.models import Draft
from autopay.services import enrollment as services
from autopay.terms import choice_of
from autopay.views.finding import find_draft
from billing.access import account_required
from billing.models import BillingAccount
from common.clock import business_date
from payments.authorizations import consent_from


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def skip(request: HttpRequest, account: BillingAccount, pk: int) -> HttpResponse:
    """Do not draw this bill."""
    draft = find_draft(account, pk)
    if request.method == "POST":
        try:
            services.skip(draft=draft, by=cast(User, request.user), consent=consent_from(request))
        except (AlreadySent, NotEnrolled) as error:
            _say_too_late(request, error)
        else:
            messages.success(
                request, _("This draw is skipped. Please pay the bill yourself. We mailed you this.")
            )
        return redirect("autopay:index")
    return _ask(request, draft, template="autopay/skip.html")


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def unskip(request: HttpRequest, account: BillingAccount, pk: int) -> HttpResponse:
    """Draw a skipped bill after all."""
    draft = find_draft(account, pk)
    if request.method == "POST":
        try:
            services.unskip(draft=draft, by=cast(User, request.user), consent=consent_from(request))
        except (AlreadySent, NotEnrolled) as error:
            _say_too_late(request, error)
        else:
            messages.success(
                request, _("This bill is drawn after all. We mail you a notice with the date first.")
            )
        return redirect("autopay:index")
    return _ask(request, draft, template="autopay/unskip.html")


def _ask(request: HttpRequest, draft: Draft, *, template: str) -> HttpResponse:
    """What it is about, and what follows; `again_on` is when it would be drawn after all."""
    enrollment = draft.enrollment
    context = {
        "draft": draft,
        "on": draft.next_try_on or draft.draw_on,
        "again_on": schedule.draw_date(
            choice_of(enrollment).schedule,
            due_on=draft.invoice.due_on,
            as_of=business_date(enrollment.account.region.time_zone),
        ),
        "pay_url": presenting.pay_url(draft),
    }
    return render(request, template, context)


def _say_too_late(request: HttpRequest, error: AlreadySent | NotEnrolled) -> None:
    if isinstance(error, NotEnrolled):
        messages.error(request, _("This autopay was canceled. Nothing is drawn any more."))
    elif error.reference:
        messages.error(
            request,
            format_html(
                _('This draw was sent to your bank before: <a href="{}">payment {}</a>.'),
                reverse("payments:show", args=[error.reference]),
                error.reference,
            ),
        )
    else:
        messages.error(request, _("Nothing is left to draw here: the bill was paid or has changed."))
