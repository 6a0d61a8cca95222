"""What a decline means, in words: what happened, and what to do. A code never stands alone.

Codes: Stripe's decline codes and error codes; Nacha's return codes for bank debits. A card reported
lost or stolen is told apart by the bank only; we say what we say for every refusal without a reason, as
Stripe asks.
"""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Explanation:
    """Two sentences for a person."""

    happened: str | Promise
    next_step: str | Promise


RETURN_CODE = re.compile(r"R\d\d")  # Nacha's

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


_ANOTHER_WAY = _("Pay with a card, or from another bank account.")
_NO_FUNDS = Explanation(
    _("There was not enough money available in this bank account."),
    _("Pay a smaller amount, pay another way, or try again when the money is there."),
)
_CLOSED = Explanation(_("This bank account has been closed."), _ANOTHER_WAY)
_NOT_FOUND = Explanation(
    _("Your bank could not find this account."),
    _("Add the account once more and check its numbers, or pay another way."),
)
_NOT_AUTHORIZED = Explanation(
    _("Your bank was told that this debit was not authorized."),
    _("Pay another way. To use this account again, tell your bank to allow it, then add it once more."),
)
_STOPPED = Explanation(
    _("A stop was placed on this payment at your bank."),
    _("Pay another way. To use this account again, ask your bank, then add it once more."),
)
_FROZEN = Explanation(
    _("This bank account cannot be used at the moment; your bank has frozen it."), _ANOTHER_WAY
)
_NO_DEBITS = Explanation(_("This bank account does not allow electronic debits."), _ANOTHER_WAY)
_CANNOT_PROCESS = Explanation(_("Your bank could not process this debit."), _ANOTHER_WAY)
_BANK_REFUSED = Explanation(_("Your bank did not pay this debit."), _ANOTHER_WAY)

# Why a bank account can never be debited again, by Nacha return code (Nacha Operating Rules, appendix
# four): wrong or closed account, no authorization, stopped by its owner. Behind each code, Stripe's
# words for the same thing where it passes on no code. The owner may add the account once more, which
# is a new authorization.
_FOR_GOOD: dict[tuple[str, ...], Explanation] = {
    ("R02", "account_closed", "bank_account_closed"): _CLOSED,
    ("R03", "R04", "no_account", "account_number_invalid"): _NOT_FOUND,
    ("bank_account_invalid_details", "incorrect_account_details"): _NOT_FOUND,
    ("R05", "R07", "R10", "R11", "R29", "R51", "debit_not_authorized"): _NOT_AUTHORIZED,
    ("R08", "customer_initiated"): _STOPPED,
    ("R16", "bank_account_frozen"): _FROZEN,
    ("R20", "bank_account_restricted", "bank_account_unusable"): _NO_DEBITS,
    ("R31", "bank_cannot_process"): _CANNOT_PROCESS,
    ("payment_method_bank_account_blocked",): _BANK_REFUSED,
    ("tokenized_account_number_deactivated",): _BANK_REFUSED,
}
# After these nothing is tried again with the same bank account.
BLOCKING_CODES = frozenset(code for codes in _FOR_GOOD for code in codes)

# Why a saved card is never charged again. The networks call the first ones "issuer will never approve"
# (Visa's decline category 1; Mastercard's "do not try again"): no more attempts with the number. The
# second ones end every charge that the cardholder is not there for. An expired card is not among them:
# its network may renew it.
DEAD_CARD_CODES = frozenset(
    {
        "incorrect_number",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "pickup_card",
        "restricted_card",
        "stolen_card",
    }
)
REVOKED_CARD_CODES = frozenset(
    {"revocation_of_all_authorizations", "revocation_of_authorization", "stop_payment_order"}
)


def blocks(code: str, *, kind: str) -> bool:
    """Whether a method of this kind is never used again after a refusal; its owner may add it anew."""
    if kind == "us_bank_account":
        return code in BLOCKING_CODES
    return code in DEAD_CARD_CODES or code in REVOKED_CARD_CODES


_BANK_EXPLANATIONS: dict[str, Explanation] = {
    **{code: words for codes, words in _FOR_GOOD.items() for code in codes},
    "R01": _NO_FUNDS,
    "R09": _NO_FUNDS,
    "insufficient_funds": _NO_FUNDS,
    "charge_exceeds_source_limit": Explanation(
        _("This payment is above what can be taken from this bank account for now."),
        _("Pay a smaller amount, or pay another way."),
    ),
    "invalid_currency": Explanation(
        _("This bank account cannot be used for payments in US dollars."), _ANOTHER_WAY
    ),
    "bank_account_unverified": Explanation(
        _("This bank account has not been verified."),
        _("Verify it under “Payment methods” first, or pay another way."),
    ),
    "payment_method_microdeposit_failed": Explanation(
        _("The two small deposits could not be sent to this bank account."),
        _("Add the account once more and check its numbers."),
    ),
    "payment_method_microdeposit_verification_attempts_exceeded": Explanation(
        _("The answers about the deposits did not match too many times."),
        _("Add the account once more: new deposits will be sent."),
    ),
    "payment_method_microdeposit_verification_timeout": Explanation(
        _("The account was not verified within ten days."),
        _("Add the account once more: new deposits will be sent."),
    ),
}


def explain(code: str, *, kind: str = "") -> Explanation:
    """The explanation of a code for a kind of method; a general one where the bank gave no reason.

    Codes: those of cards above; of bank debits, Nacha's return codes and Stripe's words for them.
    """
    is_bank = kind == "us_bank_account" or RETURN_CODE.fullmatch(code)
    if is_bank:
        return _BANK_EXPLANATIONS.get(code, _BANK_REFUSED)
    return _EXPLANATIONS.get(code) or _BANK_EXPLANATIONS.get(code, _REFUSED)


def every_explanation(*, bank: bool) -> list[Explanation]:
    """All that a bank account's debit, or else a card, may be refused for; each once, in this order."""
    known = _BANK_EXPLANATIONS if bank else _EXPLANATIONS
    return list(dict.fromkeys([*known.values(), _BANK_REFUSED if bank else _REFUSED]))
