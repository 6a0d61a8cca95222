"""What a payer fills in, and what stands in the way, said in words."""

from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from billing.models import Invoice
from common.forms import MoneyField
from common.money import format_cents
from payments.exceptions import AmountOutOfRange, BillBusy, CannotPay
from payments.services.checkout import MAX_CENTS, MIN_CENTS

FULL, PART = "full", "part"


class BillChoice(forms.ModelChoiceField):
    """One of the account's bills that can be paid; the page draws the choices."""

    default_error_messages = {
        "required": _("Choose the bill you want to pay."),
        "invalid_choice": _("This bill cannot be paid. It may have been paid meanwhile."),
    }


class ChooseForm(forms.Form):
    """Which bill, and how much of it. Cleans to `bill` and `amount_cents`."""

    bill = BillChoice(label=_("Bill"), queryset=Invoice.objects.none(), widget=forms.RadioSelect)
    how_much = forms.ChoiceField(
        label=_("How much do you want to pay?"),
        choices=[(FULL, _("All that is owed on this bill")), (PART, _("Another amount"))],
        widget=forms.RadioSelect,
        initial=FULL,
    )
    amount = MoneyField(label=_("The other amount"), required=False)

    def __init__(self, *args: Any, bills: QuerySet[Invoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(BillChoice, self.fields["bill"]).queryset = bills

    def clean(self) -> dict[str, Any]:
        """Hold the amount against what the bill owes and what is already on its way."""
        data = super().clean() or {}
        bill = data.get("bill")
        if bill is None or "how_much" not in data or self.errors.get("amount"):
            return data
        if data["how_much"] == FULL:
            data["amount_cents"] = bill.payable_cents
        elif data.get("amount") is None:
            self.add_error("amount", _("Enter the amount you want to pay."))
        elif data["amount"] > bill.payable_cents:
            self.add_error(
                "amount",
                _("Enter %(amount)s or less: that is what can be paid on this bill.")
                % {"amount": format_cents(bill.payable_cents)},
            )
        else:
            data["amount_cents"] = data["amount"]
        return data


class MethodForm(forms.Form):
    """The token that Stripe's frame made of the payer's method; never a number of a card."""

    confirmation_token = forms.RegexField(
        r"^ctoken_[A-Za-z0-9_]{1,70}$",
        error_messages={
            "required": _("Enter your payment details."),
            "invalid": _("Your payment details did not reach us. Enter them again."),
        },
        widget=forms.HiddenInput,
    )


def sentence(error: CannotPay) -> str:
    """Why a payment did not start, for the person who wanted it."""
    if isinstance(error, BillBusy):
        return str(
            _(
                "Another payment of this bill has not ended yet (%(reference)s). "
                "You can pay again when it has."
            )
            % {"reference": error.reference}
        )
    if isinstance(error, AmountOutOfRange):
        limits = {"least": format_cents(MIN_CENTS), "most": format_cents(MAX_CENTS)}
        return str(
            _(
                "One payment can be from %(least)s to %(most)s. "
                "Choose another amount, or call us to pay."
            )
            % limits
        )
    return str(_("This bill was paid or changed meanwhile. Check what is owed and choose again."))
