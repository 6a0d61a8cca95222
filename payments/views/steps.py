"""The steps that a payment takes, as the step list shows them."""

from collections.abc import Sequence

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from billing.models import Invoice
from payments.models import Checkout, Payment
from payments.queries import MEDICAL, PREMIUM, SHOWN_BILLS, Draft

BILLS = gettext_lazy("Bills and amounts")
MONEY = gettext_lazy("Amount")
METHOD = gettext_lazy("Payment method")
REVIEW = gettext_lazy("Review and pay")

PAYING_BILLS: Sequence[Promise] = (BILLS, METHOD, REVIEW)
ADDING_MONEY: Sequence[Promise] = (MONEY, METHOD, REVIEW)
FROM_BALANCE: Sequence[Promise] = (BILLS, REVIEW)


def steps_of(draft: Draft) -> Sequence[Promise]:
    """No step for a method where the account balance pays all."""
    if draft.checkout.to_balance_cents:
        return ADDING_MONEY
    return PAYING_BILLS if draft.charge_cents else FROM_BALANCE


def first_step(checkout: Checkout) -> str:
    """The address of a checkout's first step, with what was chosen there filled in."""
    if checkout.to_balance_cents:
        return reverse("payments:add_money", query={"amount": _dollars(checkout.to_balance_cents)})
    return reverse("payments:choose", query={"draft": str(checkout.pk)})


def pay_again(payment: Payment, bills: Sequence[Invoice]) -> str:
    """Where the payer of a payment that came to nothing begins once more."""
    if payment.to_balance_cents:
        return reverse("payments:add_money", query={"amount": _dollars(payment.to_balance_cents)})
    if len(bills) > SHOWN_BILLS:
        kind = PREMIUM if bills[0].is_premium else MEDICAL
        return reverse("payments:choose", query={"kind": kind})
    return reverse("payments:choose", query={"bill": [bill.pk for bill in bills]})


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
