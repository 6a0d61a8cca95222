"""What a payer fills in, and what stands in the way, said in words."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
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
            gettext(
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
