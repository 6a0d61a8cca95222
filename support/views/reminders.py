"""Whether somebody is reminded of bills: a switch on a page, and a link in each reminder."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import User
from common.clock import now
from support.services import unsubscribing


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def choose(request: HttpRequest) -> HttpResponse:
    """The switch."""
    user = cast(User, request.user)
    if request.method == "POST":
        wanted = request.POST.get("wanted") == "yes"
        unsubscribing.choose(user=user, wanted=wanted, at=now())
        messages.success(
            request,
            _("We will remind you of bills.") if wanted else _("You will get no more reminders."),
        )
        return redirect("reminders")
    wanted = unsubscribing.wants_reminders(user)
    return render(request, "support/reminders.html", {"wanted": wanted})


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """From the mail, without logging in. Mail programs POST here by themselves (RFC 8058).

    The signed token is what allows it, so that no form's token is asked for.
    """
    try:
        user = unsubscribing.user_of(token)
    except unsubscribing.LinkDead:
        return render(request, "support/reminders_stop.html", {"dead": True}, status=404)
    if request.method == "POST":
        unsubscribing.choose(user=user, wanted=False, at=now())
    return render(request, "support/reminders_stop.html", {"done": request.method == "POST"})
