"""Log-in, log-out, links from mails, password: allauth's views with our statuses and manners."""

from typing import Any

from allauth.account import views as allauth_views
from allauth.usersessions.views import ListUserSessionsView
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.devices import describe
from accounts.models import Member

# The pages of a site that a browser must forget when its user logs out (ASVS 14.3.1).
CLEAR_SITE_DATA = '"cache", "storage"'
GONE, CONFLICT, UNPROCESSABLE = 410, 409, 422


class RefusalStatus:
    """A form that was refused does not answer 200."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        response.status_code = UNPROCESSABLE
        return response


class LogIn(RefusalStatus, allauth_views.LoginView):
    pass


class LogOut(allauth_views.LogoutView):
    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post(*args, **kwargs)
        response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
        return response


@method_decorator(never_cache, name="dispatch")
class ConfirmAddress(allauth_views.ConfirmEmailView):
    """A link from a mail. Opening it only asks; the button confirms, so no mail scanner can."""

    def logout_other_user(self, confirmation: Any) -> None:
        """Looking at the page logs nobody out."""
        if self.request.method == "POST":
            super().logout_other_user(confirmation)

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(*args, **kwargs)
        except Http404:
            self.object = None
            return self.render_to_response(self.get_context_data())

    def respond(self, success: bool) -> HttpResponse:
        if not success:
            return render(self.request, "account/refused.html", status=CONFLICT)
        return super().respond(success)

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Expired, used and invented links look alike."""
        if self.object is None:
            kwargs["status"] = GONE
        return super().render_to_response(context, **kwargs)


class ChangeAddress(RefusalStatus, allauth_views.EmailView):
    pass


class ChangePassword(RefusalStatus, allauth_views.PasswordChangeView):
    pass


class ResetPassword(RefusalStatus, allauth_views.PasswordResetView):
    pass


@method_decorator(never_cache, name="dispatch")
class NewPassword(RefusalStatus, allauth_views.PasswordResetFromKeyView):
    """A link from a mail: choose a new password, once, and log in with it."""

    success_url = reverse_lazy("account_login")

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if context.get("token_fail"):
            kwargs["status"] = GONE
        return super().render_to_response(context, **kwargs)


class Reauthenticate(RefusalStatus, allauth_views.ReauthenticateView):
    pass


class Devices(ListUserSessionsView):
    """Where somebody is logged in, on the clock of the member's own region."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        member = Member.objects.select_related("region").filter(user=self.request.user).first()
        devices = [(describe(session.user_agent), session) for session in context["sessions"]]
        return context | {
            "devices": devices,
            "time_zone": member.region.time_zone if member else "UTC",
        }
