"""What a payer fills in, and what stands in the way, said in words."""

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from common.money import format_cents
from payments.exceptions import (
    AmountOutOfRange,
    BalanceTooLow,
    BillBusy,
    CannotPay,
    MethodNotUsable,
    MixedBills,
    NotReviewed,
)
from payments.services.checkout import MAX_CENTS, MIN_CENTS


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


_SENTENCES = {
    MixedBills: _("Premiums and medical bills are paid separately. Pay one of them first."),
    BalanceTooLow: _(
        "Your account balance is less than you wanted to use. Choose again how much of it."
    ),
    NotReviewed: _("Choose how to pay before you confirm."),
    MethodNotUsable: _("This payment method cannot be used any more. Choose another one."),
}


def sentence(error: CannotPay) -> str:
    """Why a payment did not start, for the person who wanted it; safe HTML, as it may hold a link."""
    if isinstance(error, BillBusy):
        return format_html(
            _(
                "Another payment of this bill has not ended yet: "
                '<a href="{url}">payment {reference}</a>. You can pay again when it has.'
            ),
            url=reverse("payments:show", args=[error.reference]),
            reference=error.reference,
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
    return str(
        _SENTENCES.get(
            type(error), _("A bill was paid or changed meanwhile. Check what is owed and choose again.")
        )
    )
