"""Ends log-ins that have lasted too long (accounts.sessions)."""

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.flows.logout import logout
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, SESSION_KEY
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from accounts import sessions
from common import clock

GetResponse = Callable[[HttpRequest], HttpResponse]


class SessionLimitsMiddleware:
    """Log out who was away too long, say so, and come back to the page after log-in.

    A page that refreshes itself sends `X-Poll` with its requests; they do not count as activity.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Ask the session before the user: pages for everyone then cost no query.
        if SESSION_KEY not in request.session or not request.user.is_authenticated:
            return self.get_response(request)
        now = clock.now()
        reason = sessions.over(request.session, request.user, now=now)
        if reason:
            return _end(request, reason)
        if "X-Poll" not in request.headers and sessions.touch(request.session, now=now):
            UserSession.objects.create_from_request(request)
        return self.get_response(request)


def _end(request: HttpRequest, reason: str) -> HttpResponse:
    logout(request, show_message=False)
    messages.info(
        request,
        _("We logged you out because nothing happened for a while. Log in to go on.")
        if reason == "idle"
        else _("We logged you out because your log-in had lasted long enough. Log in to go on."),
    )
    target = reverse("account_login")
    path = _page_of(request)
    if path and path not in {target, reverse("account_logout")}:
        target += "?" + urlencode({REDIRECT_FIELD_NAME: path}, safe="/")
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(target)
    return HttpResponseRedirect(target)


def _page_of(request: HttpRequest) -> str:
    """The path of the page that the person looks at; empty where we cannot tell."""
    if request.method in {"GET", "HEAD"} and "HX-Request" not in request.headers:
        return request.get_full_path()
    url = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}):
        return ""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
