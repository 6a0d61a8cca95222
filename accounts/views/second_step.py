"""Two-step sign-in: allauth's views in our manners. Members may have it, staff must."""

import json
from typing import Any

from allauth.mfa.base import views as mfa_views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as codes_views
from allauth.mfa.totp import views as totp_views
from allauth.mfa.webauthn import views as webauthn_views
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts import sessions
from accounts.models import User
from accounts.services import second_steps
from accounts.views.entrance import UNPROCESSABLE, RefusalStatus
from common.locks import lock_id


def _for_browser(context: dict[str, Any]) -> dict[str, Any]:
    """What static/js/passkey.js hands to the browser, as text for an attribute."""
    js_data: dict[str, Any] = context.get("js_data", {})
    asked = js_data.get("creation_options") or js_data.get("request_options")
    return context | {"passkey_options": json.dumps(dict(asked)) if asked else ""}


class Ask(mfa_views.AuthenticateView):
    """After the password: the code, or a passkey where there is one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        passkeys = Authenticator.objects.filter(
            user=self.stage.login.user, type=Authenticator.Type.WEBAUTHN
        )
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return _for_browser(context) | {"has_passkey": passkeys.exists()}

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


class AddPasskey(RefusalStatus, webauthn_views.AddWebAuthnView):
    """The browser makes it. Sessions that began without a second step end, as with an app."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return _for_browser(super().get_context_data(**kwargs)) | kwargs

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        second_steps.end_other_sessions(
            user=self.request.user, current_key=self.request.session.session_key
        )
        return response


class RemovePasskey(webauthn_views.RemoveWebAuthnView):
    """Never the last second step of somebody of the staff: they add another first."""

    success_url = reverse_lazy("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"is_needed": self._is_needed()}

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            lock_id(User, self.request.user.pk)  # two at once would each see the other
            if self._is_needed():
                return self.render_to_response(self.get_context_data(), status=UNPROCESSABLE)
            response: HttpResponse = super().form_valid(form)
            return response

    def _is_needed(self) -> bool:
        return bool(self.request.user.is_staff) and second_steps.is_only_one(self.object)


class AskForPasskeyAgain(RefusalStatus, webauthn_views.ReauthenticateWebAuthnView):
    """As the code before something important. The session gets another key."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return _for_browser(super().get_context_data(**kwargs)) | kwargs

    def form_valid(self, form: Any) -> HttpResponse:
        sessions.change_key(self.request.session)
        response: HttpResponse = super().form_valid(form)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=UNPROCESSABLE)


@method_decorator(never_cache, name="dispatch")
class Codes(codes_views.ViewRecoveryCodesView):
    """Recovery codes, shown once."""


class NewCodes(RefusalStatus, codes_views.GenerateRecoveryCodesView):
    """The old ones stop working."""
