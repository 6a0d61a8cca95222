"""What people fill in to register and to log in. allauth's forms keep their logic, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn import forms as webauthn_forms
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import second_steps
from common.forms import DateField3

PASSWORD_HINT = _("At least 8 characters. Three or four words that you can remember are better.")


def email_field() -> forms.EmailField:
    return forms.EmailField(
        label=_("E-mail address"),
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={
            "required": _("Enter your e-mail address."),
            "invalid": _("Enter an e-mail address like name@example.com."),
        },
    )


def new_password_field() -> forms.CharField:
    return forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=PASSWORD_HINT,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        error_messages={"required": _("Choose a password.")},
    )


class _NewLogIn(forms.Form):
    """An e-mail address and a password for somebody who has no log-in yet."""

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        somebody = User(
            email=data.get("email", ""),
            first_name=data.get("first_name", ""),
            last_name=data.get("last_name", ""),
        )
        if data.get("password"):
            try:
                validate_password(data["password"], somebody)
            except ValidationError as error:
                self.add_error("password", error)
        return data


class RegistrationForm(_NewLogIn):
    """Who you are, and how you will log in."""

    identifying = ("first_name", "last_name", "date_of_birth", "member_number")

    first_name = forms.CharField(
        label=_("First name"),
        max_length=80,
        widget=forms.TextInput({"autocomplete": "given-name"}),
        error_messages={"required": _("Enter your first name.")},
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=80,
        widget=forms.TextInput({"autocomplete": "family-name"}),
        error_messages={"required": _("Enter your last name.")},
    )
    date_of_birth = DateField3(
        label=_("Date of birth"),
        help_text=_("For example, 5 3 1984 is May 3, 1984."),
        past=True,
        autocomplete="bday",
        error_messages={"required": _("Enter your date of birth.")},
    )
    member_number = forms.CharField(
        label=_("Member number"),
        max_length=40,
        help_text=_("It is on your member card and on every bill."),
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Enter your member number.")},
    )
    email = email_field()
    password = new_password_field()


class AnotherAddressForm(_NewLogIn):
    """The address was mistyped; the password is asked again because we do not keep it."""

    email = email_field()
    password = new_password_field()


class _InOurWords:
    """No placeholders (they vanish when one types), no second password box, our labels and hints."""

    words: dict[str, dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields: dict[str, forms.Field]
        self.fields.pop("password2", None)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.help_text = ""
            for attribute, value in self.words.get(name, {}).items():
                setattr(field, attribute, value)


class LogInForm(_InOurWords, allauth_forms.LoginForm):
    words = {"login": {"label": _("E-mail address")}, "password": {"label": _("Password")}}


class ReauthenticateForm(_InOurWords, allauth_forms.ReauthenticateForm):
    words = {"password": {"label": _("Password")}}


class ResetPasswordForm(_InOurWords, allauth_forms.ResetPasswordForm):
    words = {"email": {"label": _("E-mail address")}}


class NewPasswordForm(_InOurWords, allauth_forms.ResetPasswordKeyForm):
    words = {"password1": {"label": _("New password"), "help_text": PASSWORD_HINT}}


class ChangePasswordForm(_InOurWords, allauth_forms.ChangePasswordForm):
    words = {
        "oldpassword": {"label": _("Current password")},
        "password1": {"label": _("New password"), "help_text": PASSWORD_HINT},
    }


class ChangeAddressForm(_InOurWords, allauth_forms.AddEmailForm):
    words = {"email": {"label": _("New e-mail address")}}


CODE_INPUT = {"inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false"}


class _CodeOnce(_InOurWords):
    """No code lets anybody in twice, whatever became of the cache."""

    words = {"code": {"label": _("Code"), "help_text": _("Six digits from your authenticator app.")}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= CODE_INPUT

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        secret = self.secret_of_app()
        if secret and not second_steps.use_up(user=self.user, secret=secret, code=code):  # type: ignore[attr-defined]
            raise get_mfa_adapter().validation_error("incorrect_code")
        return code

    def secret_of_app(self) -> str:
        """Of the app that the code came from; empty where it was a recovery code."""
        used: Authenticator = self.authenticator  # type: ignore[attr-defined]
        return decrypt(used.data["secret"]) if used.type == Authenticator.Type.TOTP else ""


class SecondStepForm(_CodeOnce, mfa_forms.AuthenticateForm):
    words = {
        "code": {
            "label": _("Code"),
            "help_text": _("Six digits from your authenticator app, or one of your recovery codes."),
        }
    }


class SecondStepAgainForm(_CodeOnce, mfa_forms.ReauthenticateForm):
    words = SecondStepForm.words


@contextmanager
def _refusing_what_does_not_fit() -> Iterator[None]:
    """What no browser would say is a wrong passkey, and not an error of ours."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise get_mfa_adapter().validation_error("incorrect_passkey") from error
    except ValidationError as error:
        if getattr(error, "code", "") != "incorrect_code":  # too many tries, for one
            raise
        raise get_mfa_adapter().validation_error("incorrect_passkey") from error


class PasskeyForm(webauthn_forms.AuthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        with _refusing_what_does_not_fit():
            return super().clean_credential()


class PasskeyAgainForm(webauthn_forms.ReauthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        with _refusing_what_does_not_fit():
            return super().clean_credential()


class AddPasskeyForm(_InOurWords, webauthn_forms.AddWebAuthnForm):
    words = {
        "name": {"label": _("Name"), "help_text": _("For you to know it by, such as “My phone”.")},
    }

    def clean_name(self) -> str:
        return str(super().clean_name())[:40]

    def clean(self) -> dict[str, Any]:
        with _refusing_what_does_not_fit():
            data: dict[str, Any] = super().clean()
        return data


class SetUpAppForm(_CodeOnce, totp_forms.ActivateTOTPForm):
    def secret_of_app(self) -> str:
        secret: str = self.secret
        return secret
