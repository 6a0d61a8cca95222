"""Two-step sign-in: allauth's views in our manners. Members may have it, staff must."""

from typing import Any

from allauth.mfa.base import views as mfa_views
from allauth.mfa.recovery_codes import views as codes_views
from allauth.mfa.totp import views as totp_views
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts import sessions
from accounts.services import second_steps
from accounts.views.entrance import UNPROCESSABLE, RefusalStatus


class Ask(mfa_views.AuthenticateView):
    """After the password: the code."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        response.status_code = UNPROCESSABLE
        return response


class AskAgain(RefusalStatus, mfa_views.ReauthenticateView):
    """Before something important changes. The session gets another key, as after a password."""

    def form_valid(self, form: Any) -> HttpResponse:
        sessions.change_key(self.request.session)
        response: HttpResponse = super().form_valid(form)
        return response


class Overview(mfa_views.IndexView):
    """Whether two-step sign-in is on, and what can be done about it."""


class SetUpApp(RefusalStatus, totp_views.ActivateTOTPView):
    """Scan, type a code. Sessions that began without a second step end: nobody stays in by one."""

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        second_steps.end_other_sessions(
            user=self.request.user, current_key=self.request.session.session_key
        )
        return response


class RemoveApp(RefusalStatus, totp_views.DeactivateTOTPView):
    """Staff may, to set up another; until then they see only that page."""


@method_decorator(never_cache, name="dispatch")
class Codes(codes_views.ViewRecoveryCodesView):
    """Recovery codes, shown once."""


class NewCodes(RefusalStatus, codes_views.GenerateRecoveryCodesView):
    """The old ones stop working."""
