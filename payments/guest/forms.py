"""What a guest fills in."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator, validate_email
from django.utils.translation import gettext_lazy as _

from accounts.matching import comparable_member_number, comparable_name
from accounts.models import Region
from common.forms import DATE_PARTS, DateField3, MoneyField
from payments.forms import stranding
from payments.guest import finding
from payments.guest.paying import SIDES, Due
from payments.services.checkout import MAX_CENTS, MIN_CENTS

WITHOUT_CODE = ("account_number", "last_name", "date_of_birth")


class StartForm(forms.Form):
    """The area, and a pay code; or else whose account it is."""

    use_required_attribute = False  # which of the two ways is needed shows only when it is sent

    region = forms.ModelChoiceField(
        Region.objects.all(),
        to_field_name="code",
        label=_("Area"),
        empty_label=_("Choose the area on the bill"),
        error_messages={
            "required": _("Choose the area. It is at the top of the bill."),
            "invalid_choice": _("Choose an area from the list."),
        },
    )
    code = forms.CharField(
        label=_("Pay code"),
        max_length=40,
        help_text=_("13 letters and digits, on the bill next to the amount. Like BCDF-2345-GHJK-6."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        error_messages={"required": _("Enter the pay code, or open “I have no pay code”.")},
    )
    account_number = forms.CharField(
        label=_("Account number"),
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Enter the account number. It is at the top of every bill.")},
    )
    last_name = forms.CharField(
        label=_("Last name of the account's owner"),
        max_length=80,
        widget=forms.TextInput({"autocomplete": "off"}),
        error_messages={"required": _("Enter the last name of the account's owner.")},
    )
    date_of_birth = DateField3(
        label=_("Date of birth of the account's owner"),
        help_text=_("For example, 5 3 1984 is May 3, 1984."),
        past=True,
        error_messages={"required": _("Enter the date of birth of the account's owner.")},
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for name in WITHOUT_CODE if self.by_code else ["code"]:
            self.fields[name].required = not self.is_bound

    def clean(self) -> dict[str, Any]:
        """No label says "optional": each field is needed, for one of the two ways."""
        for field in self.fields.values():
            field.required = True
        return super().clean() or {}

    @property
    def by_code(self) -> bool:
        """A code was typed, or nothing at all."""
        typed = any(str(self.data.get(name, "")).strip() for name in _TYPED_WITHOUT_CODE)
        return bool(str(self.data.get("code", "")).strip()) or not typed

    @property
    def reference(self) -> str:
        """What was looked for, however it was typed."""
        name = "code" if self.by_code else "account_number"
        return comparable_member_number(self.cleaned_data[name])

    @property
    def person(self) -> str:
        """Whose account it is said to be, however it was typed; empty where a code was typed."""
        if self.by_code:
            return ""
        return f"{comparable_name(self.cleaned_data['last_name'])} {self.cleaned_data['date_of_birth']}"

    def clean_code(self) -> str:
        """A mistyped code is found out here, without a look-up."""
        code: str = self.cleaned_data["code"]
        if code and not finding.is_code(code):
            raise forms.ValidationError(CHECK_CODE)
        return code


_TYPED_WITHOUT_CODE = (
    "account_number",
    "last_name",
    *(f"date_of_birth_{part}" for part in DATE_PARTS),
)
CHECK_CODE = _("Check the code: there is a typing mistake in it.")
TOKEN = RegexValidator(
    r"^ctoken_[A-Za-z0-9_]{1,70}$", _("Your payment details did not reach us. Enter them again.")
)


class CardForm(forms.Form):
    """The token that Stripe's frame made of the guest's card or bank account; never a number."""

    confirmation_token = forms.CharField(
        validators=[TOKEN],
        widget=forms.HiddenInput,
        error_messages={"required": _("Enter your payment details.")},
    )


FULL, PART = "full", "part"


class AmountForm(forms.Form):
    """How much of which side; and the token of a card, where the page's script could make one."""

    kind = forms.ChoiceField(label=_("What do you want to pay?"), widget=forms.RadioSelect)
    how_much = forms.ChoiceField(
        label=_("How much do you want to pay?"),
        choices=[(FULL, _("All of it")), (PART, _("Another amount"))],
        initial=FULL,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how much you want to pay.")},
    )
    amount = MoneyField(label=_("Amount to pay"), required=False, min_cents=MIN_CENTS)
    confirmation_token = forms.CharField(required=False, validators=[TOKEN], widget=forms.HiddenInput)

    def __init__(self, data: Any, *, due: list[Due]) -> None:
        super().__init__(data)
        self._due = {side.kind: side.payable_cents for side in due}
        kind: Any = self.fields["kind"]
        kind.choices = [(name, SIDES[name]) for name in self._due]
        kind.initial = next(iter(self._due))
        if len(self._due) == 1:
            kind.required, kind.widget = False, forms.HiddenInput()
        amount: Any = self.fields["amount"]
        amount.max_cents = MAX_CENTS

    def clean(self) -> dict[str, Any]:
        """Add `amount_cents`; refuse what is not due."""
        data = super().clean() or {}
        data["kind"] = data.get("kind") or next(iter(self._due))
        payable_cents = self._due.get(data["kind"], 0)
        if data.get("how_much") == PART:
            amount = data.get("amount")
            if amount is None and "amount" not in self.errors:
                self.add_error("amount", _("Enter the amount you want to pay."))
            elif amount is not None and amount > payable_cents:
                self.add_error("amount", _("Enter what is due or less."))
            elif amount is not None and (
                why := stranding(payable_cents=payable_cents, paid_cents=amount)
            ):
                self.add_error("amount", why)
            data["amount_cents"] = amount
        else:
            self.errors.pop("amount", None)  # typed and then not chosen
            data["amount_cents"] = payable_cents
            if payable_cents > MAX_CENTS:
                self.add_error("how_much", _("This is more than one payment can be. Pay a part."))
        return data


ONE_ADDRESS = _("Enter one e-mail address like name@example.com.")


class MailForm(forms.Form):
    """One address for the receipt."""

    email = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        strip=False,
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={"required": _("Enter your e-mail address.")},
    )

    def clean_email(self) -> str:
        """Spaces around it are nothing; a line break or a second address is refused, not repaired."""
        email: str = self.cleaned_data["email"].strip(" ")
        try:
            validate_email(email)
        except forms.ValidationError:
            raise forms.ValidationError(ONE_ADDRESS) from None
        return email
