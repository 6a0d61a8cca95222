"""The staff pages: Django's admin behind the portal's own log-in."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

View = Callable[..., HttpResponse]


def _second_step_required(view: View) -> View:
    """Log-in asks for the second step itself; here it is only seen to that there is one."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        from accounts.models import User  # models need the app registry; this module is earlier
        from accounts.services import second_steps

        if isinstance(request.user, User) and second_steps.has_one(request.user):
            return view(request, *args, **kwargs)
        return redirect("mfa_activate_totp")

    return asked


class StaffSite(admin.AdminSite):
    """There is one log-in, one log-out and one way to change a password: the portal's.

    Django's own admin log-in knows neither our rate limits nor confirmed addresses, so it is never
    shown: who is not logged in goes to the portal's, and a member who asks for it gets 403.
    """

    site_header = _("KPPay staff")
    site_title = _("KPPay staff")
    index_title = _("Records")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Ask who it is before Django does, which would lead through its own log-in.

        Who has no second step sees the page that sets one up, and nothing else.
        """
        return secure_admin_login(_second_step_required(super().admin_view(view, cacheable)))

    @method_decorator(secure_admin_login)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:index")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        from accounts.views.entrance import (
            LogOut,  # views need the app registry; this module is earlier
        )

        return LogOut.as_view()(request)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("account_change_password")

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("admin:index")
