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
from payments.services.checkout import MAX_CENTS, MIN_CENTS, stranded_cents

_SENTENCES = {
    MixedBills: _("Premiums and medical bills are paid separately. Pay one of them first."),
    BalanceTooLow: _(
        "Your account balance is less than you wanted to use. Choose again how much of it."
    ),
    NotReviewed: _("Choose how to pay before you confirm."),
    MethodNotUsable: _("This payment method cannot be used any more. Choose another one."),
}


def stranding(*, payable_cents: int, paid_cents: int) -> str:
    """Why an amount would leave too little to be paid later, and what to do; "" where it would not."""
    left = stranded_cents(payable_cents=payable_cents, paid_cents=paid_cents)
    if not left:
        return ""
    facts = {
        "left": format_cents(left),
        "least": format_cents(MIN_CENTS),
        "all": format_cents(payable_cents),
        "part": format_cents(payable_cents - MIN_CENTS),
    }
    if payable_cents < 2 * MIN_CENTS:
        return (
            gettext(
                "That would leave %(left)s, too little for a card or bank account to pay later. "
                "Pay all of it: %(all)s."
            )
            % facts
        )
    return (
        gettext(
            "That would leave %(left)s, too little for a card or bank account to pay later. Pay all "
            "of it, %(all)s, or %(part)s at most, so that at least %(least)s is left."
        )
        % facts
    )


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
    if isinstance(error, AmountOutOfRange) and error.charge_cents < MIN_CENTS:
        facts = {"amount": format_cents(error.charge_cents), "least": format_cents(MIN_CENTS)}
        return (
            gettext(
                "%(amount)s is too little for a card or bank account: they pay %(least)s or more. Pay "
                "it together with another bill or from your account balance, or call us to pay."
            )
            % facts
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
