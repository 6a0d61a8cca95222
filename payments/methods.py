"""What people call a card or a bank account, and how it stands, in words."""

import datetime as dt
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.money import format_cents
from payments import declines
from payments.models import PaymentMethod

# Stripe's codes of card networks; a network that is not here is called a card.
CARD_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "Eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
BANK_ACCOUNT = "us_bank_account"
CHECK, CASH = "check", "cash"  # recorded by staff; Stripe has no part in them
ACCOUNT_BALANCE = "balance"  # no method of anybody's: prepaid money pays all


def describe(*, kind: str, brand: str, last4: str) -> str:
    """Such as "Visa ending in 4242", in the reader's language; a bank account's `brand` is its bank,
    a check's its number.
    """
    if kind == ACCOUNT_BALANCE:
        return _("Account balance")
    if kind == CHECK:
        return _("Check %(number)s") % {"number": brand} if brand else _("Check")
    if kind == CASH:
        return _("Cash")
    if kind == BANK_ACCOUNT:
        name = _("%(bank)s account") % {"bank": brand} if brand else _("Bank account")
    else:
        name = CARD_BRANDS.get(brand, _("Card"))
    return _("%(method)s ending in %(last4)s") % {"method": name, "last4": last4} if last4 else name


def describe_with_balance(
    *, kind: str, brand: str, last4: str, from_balance_cents: int, amount_cents: int
) -> str:
    """What a payment of `amount_cents` is paid with: its method, and the account balance beside it."""
    name = describe(kind=kind, brand=brand, last4=last4)
    if not 0 < from_balance_cents < amount_cents:
        return name
    facts = {"method": name, "amount": format_cents(from_balance_cents)}
    return _("%(method)s, and %(amount)s from the account balance") % facts


def is_recorded(kind: str) -> bool:
    """Whether the money came to us past Stripe, and so cannot go back through it."""
    return kind in (CHECK, CASH)


def name_of(method: PaymentMethod) -> str:
    """What a saved method is called."""
    return describe(kind=method.kind, brand=method.brand, last4=method.last4)


def is_expired(method: PaymentMethod, *, on: dt.date) -> bool:
    """Whether a card can no longer pay on a day of its region's calendar.

    A card is good to the last day of the month that is printed on it; bank accounts do not expire.
    """
    if method.exp_year is None or method.exp_month is None:
        return False
    return (method.exp_year, method.exp_month) < (on.year, on.month)


def kept_already(kind: str) -> str:
    """What is said where somebody saves again what they had saved."""
    if kind == BANK_ACCOUNT:
        return _("You had saved this bank account already; we kept it up to date.")
    return _("You had saved this card already; we kept it up to date.")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a saved method stands: a tone of the status component, a word, and what it means."""

    tone: str
    word: str
    meaning: str = ""


def standing(method: PaymentMethod, *, on: dt.date) -> Standing:
    """In the reader's language, on a day of the region's calendar."""
    match method.status:
        case PaymentMethod.Status.ACTIVE if is_expired(method, on=on):
            return Standing("bad", _("Expired"), _("Add the new card, then remove this one."))
        case PaymentMethod.Status.ACTIVE:
            return Standing("good", _("Ready"), _expiry(method))
        case PaymentMethod.Status.VERIFY:
            return Standing("warn", _("To be verified"), _deposits(method, on))
        case PaymentMethod.Status.BLOCKED:
            why = declines.explain(method.blocked_code, kind=method.kind)
            return Standing("bad", _("Blocked"), f"{why.happened} {why.next_step}")
    return Standing("info", _("Being set up"), _("It can be used when this is done."))


def _expiry(method: PaymentMethod) -> str:
    if method.exp_year is None or method.exp_month is None:
        return ""
    return _("Good through %(month)s") % {"month": f"{method.exp_month:02d}/{method.exp_year}"}


def _deposits(method: PaymentMethod, on: dt.date) -> str:
    if method.deposits_on and on < method.deposits_on:
        return _("A small deposit arrives by %(date)s. Then tell us what you see.") % {
            "date": date_format(method.deposits_on, "DATE_FORMAT")
        }
    return _("A small deposit has arrived. Tell us what you see on your bank statement.")


def tries_in_words(left: int) -> str:
    """How many answers about micro-deposits may still be given."""
    return ngettext("You have %(count)d try left.", "You have %(count)d tries left.", left) % {
        "count": left
    }
