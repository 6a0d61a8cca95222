"""What a decline means, in words: what happened, and what to do. A code never stands alone.

Codes: Stripe's decline codes and error codes for cards. A card reported lost or stolen is told apart
by the bank only; we say what we say for every refusal without a reason, as Stripe asks.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Explanation:
    """Two sentences for a person."""

    happened: str | Promise
    next_step: str | Promise


_ANOTHER = _("Use another card, or ask your bank about this one.")
_REFUSED = Explanation(_("Your bank did not approve this payment."), _ANOTHER)

_EXPLANATIONS: dict[str, Explanation] = {
    "insufficient_funds": Explanation(
        _("There was not enough money available on this card."),
        _("Pay a smaller amount, use another card, or try again later."),
    ),
    "expired_card": Explanation(
        _("This card has expired."), _("Check the expiration date, or use another card.")
    ),
    "incorrect_cvc": Explanation(
        _("The security code did not match the card."),
        _("Check the 3 or 4 digits on your card and enter them again."),
    ),
    "incorrect_number": Explanation(
        _("The card number did not match a card."), _("Check the number and enter it again.")
    ),
    "incorrect_zip": Explanation(
        _("The ZIP code did not match the card."),
        _("Enter the ZIP code that your bank sends the card's statements to."),
    ),
    "processing_error": Explanation(
        _("Your bank had a problem with this payment."), _("Try again in a few minutes.")
    ),
    "try_again_later": Explanation(
        _("Your bank had a problem with this payment."), _("Try again in a few minutes.")
    ),
    "card_velocity_exceeded": Explanation(
        _("This card has reached its limit for now."),
        _("Use another card, or ask your bank when it can be used again."),
    ),
    "withdrawal_count_limit_exceeded": Explanation(
        _("This card has reached its limit for now."),
        _("Use another card, or ask your bank when it can be used again."),
    ),
    "card_not_supported": Explanation(
        _("This card cannot be used for this kind of payment."), _("Use another card.")
    ),
    "currency_not_supported": Explanation(
        _("This card cannot be used for payments in US dollars."), _("Use another card.")
    ),
    "payment_intent_authentication_failure": Explanation(
        _("Your bank could not confirm that it was you."),
        _("Try again and complete your bank's step, or use another card."),
    ),
    "authentication_required": Explanation(
        _("Your bank wants you to confirm this payment."),
        _("Try again and complete your bank's step."),
    ),
}


def explain(code: str) -> Explanation:
    """The explanation of a decline code; a general one where the bank gave no reason."""
    return _EXPLANATIONS.get(code, _REFUSED)
