"""What allauth asks us: where to go, what to say, and who gets a member record."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from accounts import languages, sessions
from accounts.models import User
from accounts.services import registration
from common import clock, mail


class AccountAdapter(DefaultAccountAdapter):
    """Our answers. Mail goes to the outbox; links lead to SITE_URL, whatever Host header came in."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _(
            "This e-mail address and password do not go together. Check both and try again."
        ),
        "too_many_login_attempts": _(
            "Too many tries. Wait five minutes and try again, or use “Forgot your password?”."
        ),
        "incorrect_password": _("This is not your password. Try again."),
        "enter_current_password": _("This is not your current password. Try again."),
        "duplicate_email": _("This is already your e-mail address."),
        "rate_limited": _("That was very often. Wait a moment, then try again."),
    }

    # --- Where to go ---

    def is_safe_url(self, url: str | None) -> bool:
        """Only pages of this host: `next` leads nowhere else, not even to another host of ours."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        if request.user.is_staff:
            return reverse("admin:index")
        return super().get_login_redirect_url(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """A changed password ends every session, this one too."""
        return reverse("account_login")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        return reverse("account_email" if self.request.user.is_authenticated else "account_login")

    # --- Mail ---

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """allauth's "account/email/password_reset" is our templates/mail/accounts/password_reset."""
        name = template_prefix.rpartition("/")[2]
        with transaction.atomic():
            mail.send(
                to=email,
                template=f"accounts/{name}",
                context=context,
                language=languages.recipient(context.get("user")),
            )

    # --- Log-in, confirmation ---

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **how)
        languages.take_up(request, response, user)
        return response

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        sessions.start(request.session, now=clock.now())

    def reauthenticate(self, user: User, password: str) -> bool:
        """A new session key whenever the password was given again (ASVS 7.2.4)."""
        if not super().reauthenticate(user, password):
            return False
        sessions.change_key(self.request.session)
        return True

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """The address is theirs: with it comes the member record that they claimed, if any.

        False, and nothing changes, where the address or the record belongs to someone else by now.
        """
        user = email_address.user
        try:
            with transaction.atomic():
                if not registration.make_way(email=email_address.email, user=user):
                    return False
                registration.confirm(user=user)
                confirmed = bool(super().confirm_email(request, email_address))
                transaction.set_rollback(not confirmed)
                return confirmed
        except registration.MemberTaken:
            registration.withdraw(user=user)
            return False
