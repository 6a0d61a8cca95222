"""What people call the card or the bank account that paid."""

from django.utils.translation import gettext as _

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


def describe(*, kind: str, brand: str, last4: str) -> str:
    """Such as "Visa ending in 4242", in the reader's language; a bank account's `brand` is its bank."""
    if kind == BANK_ACCOUNT:
        name = _("%(bank)s account") % {"bank": brand} if brand else _("Bank account")
    else:
        name = CARD_BRANDS.get(brand, _("Card"))
    return _("%(method)s ending in %(last4)s") % {"method": name, "last4": last4} if last4 else name
