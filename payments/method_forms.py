"""What people fill in about payment methods. Numbers of cards and accounts never come here."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from common.forms import MoneyField
from payments import gateway
from payments.authorizations import Terms
from payments.models import PaymentMethod

NEW = "new"
CTOKEN = r"^ctoken_[A-Za-z0-9_]{1,70}$"
_LOST = _("Your payment details did not reach us. Enter them again.")


def not_reached(error: gateway.GatewayError) -> str:
    """Why a token led nowhere."""
    if isinstance(error, gateway.Refused):
        return str(_LOST)
    return now_("We cannot reach our payment service right now. Nothing was charged. Try again.")


class TokenForm(forms.Form):
    """The token that Stripe's frame made of the payer's method; never a number of a card."""

    confirmation_token = forms.RegexField(
        CTOKEN,
        error_messages={"required": _("Enter your payment details."), "invalid": _LOST},
        widget=forms.HiddenInput,
    )


class PayWithForm(forms.Form):
    """A saved method, or a new one by its token. Cleans to `saved` (None for a new one)."""

    method = forms.ChoiceField(
        label=_("Payment method"),
        required=False,
        widget=forms.RadioSelect,
        error_messages={
            "invalid_choice": _("This payment method cannot be used any more. Choose another one.")
        },
    )
    confirmation_token = forms.RegexField(
        CTOKEN, required=False, error_messages={"invalid": _LOST}, widget=forms.HiddenInput
    )
    keep = forms.BooleanField(label=_("Keep this for next time"), required=False)

    def __init__(self, data: Any, *, usable: list[PaymentMethod], chosen: int | None = None) -> None:
        """`chosen` is the key of the method that the page offers first; else the first usable one."""
        keys = [method.pk for method in usable]
        first = chosen if chosen in keys else next(iter(keys), NEW)
        super().__init__(data, initial={"method": str(first)})
        self._usable = {str(method.pk): method for method in usable}
        choice = cast(forms.ChoiceField, self.fields["method"])
        choice.choices = [(key, key) for key in (*self._usable, NEW)]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        data["saved"] = self._usable.get(data.get("method", ""))
        if data["saved"] is None and not data.get("confirmation_token"):
            key = "method" if self._usable and not data.get("method") else None
            message = _("Choose how to pay.") if key else _("Enter your payment details.")
            raise ValidationError({key: message} if key else message)
        return data


class AgreeForm(forms.Form):
    """Agreeing to a text; counts only for the text that was on the page."""

    agree = forms.BooleanField(
        label=_("I agree to this"),
        error_messages={"required": _("Tick the box to agree. Without that we may not go on.")},
    )
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, terms: Terms, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._terms = terms

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("shown") != self._terms.sha256:
            self.data = {}  # the box is empty again
            raise ValidationError(_("The text has changed meanwhile. Read it again before you agree."))
        return data


class AmountsForm(forms.Form):
    """The two deposits, each less than a dollar, in any order."""

    first = MoneyField(label=_("First deposit"), max_cents=99)
    second = MoneyField(label=_("Second deposit"), max_cents=99)

    def answer(self) -> dict[str, Any]:
        return {"amounts": (self.cleaned_data["first"], self.cleaned_data["second"])}


class CodeForm(forms.Form):
    """The code in the text of the deposit."""

    code = forms.CharField(
        label=_("Code"),
        help_text=_("Six characters that start with SM, in the text of the deposit."),
        max_length=6,
        validators=[
            RegexValidator(r"^[Ss][Mm][A-Za-z0-9]{4}$", _("Enter SM and the four characters after it."))
        ],
    )

    def answer(self) -> dict[str, Any]:
        return {"code": self.cleaned_data["code"].upper()}


def deposits_form(method: PaymentMethod, data: Any) -> AmountsForm | CodeForm:
    """What the receiver of the micro-deposits is asked for."""
    kind = AmountsForm if method.verify_by == PaymentMethod.VerifyBy.AMOUNTS else CodeForm
    return kind(data)
