"""What a person agrees to, in full: one bank debit, or keeping a method for later.

The text is built from what will really happen, shown whole, and stored as it was shown with its
version, hash, language, time, address and browser, before anything is sent (Nacha Operating Rules
2.3.2 and 2.5.17, WEB entries; 12 CFR 1005.10(b) for debits that recur).
"""

import datetime as dt
import hashlib
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest
from django.utils import formats
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Region, User
from billing.models import BillingAccount
from common.money import format_cents
from payments.gateway import Consent
from payments.methods import BANK_ACCOUNT
from payments.models import Authorization, Checkout

# Changes with every change of wording (tests/payments/test_authorizations.py and
# tests/autopay/test_enrolling.py hold the wording).
VERSION = "2026-12"
Purpose = Authorization.Purpose


@dataclass(frozen=True, slots=True)
class Terms:
    """A text that somebody is asked to agree to, in the reader's language."""

    purpose: Authorization.Purpose
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs)

    @property
    def sha256(self) -> str:
        """Also goes through the form: agreeing counts only for the text that was on the page."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Agreement:
    """Somebody agreed to these terms, from there."""

    terms: Terms
    consent: Consent


def needs_authorization(checkout: Checkout) -> bool:
    """Whether "Pay" alone does not say enough: a bank debit, or a method to be kept."""
    return checkout.method_kind == BANK_ACCOUNT or checkout.save_method


def for_payment(
    *, region: Region, kind: str, method: str, charge_cents: int, on: dt.date, keep: bool
) -> Terms | None:
    """What must be agreed to before a payment; None where pressing "Pay" says it all.

    `kind` and `method` (in words) are the method's; `on` is the region's day on which it is sent.
    """
    parts: list[str] = []
    if kind == BANK_ACCOUNT:
        parts += _debit(region, method, charge_cents, on)
    if keep:
        parts += _keep(region, kind, method)
    if not parts:
        return None
    return Terms(Purpose.DEBIT if kind == BANK_ACCOUNT else Purpose.SAVE, tuple(parts))


def for_saving(*, region: Region, kind: str, method: str) -> Terms:
    """What must be agreed to before a method is added without a payment."""
    return Terms(Purpose.SAVE, tuple(_keep(region, kind, method)))


def _debit(region: Region, method: str, cents: int, on: dt.date) -> list[str]:
    date = formats.date_format(on, "DATE_FORMAT")
    return [
        _(
            "I authorize %(payee)s to debit %(amount)s electronically (ACH) from my account, "
            "%(method)s, once, on %(date)s or on the next banking day."
        )
        % {
            "payee": region.legal_entity,
            "amount": format_cents(cents),
            "method": method,
            "date": date,
        },
        _("I own this account or may authorize debits from it."),
        _(
            "The debit is for this payment only. To revoke this authorization, I call %(phone)s "
            "(TTY %(tty)s) before the debit has been sent to my bank. After that, it cannot be stopped."
        )
        % _telephone(region),
        *_returned_item_fee(),
    ]


def _keep(region: Region, kind: str, method: str) -> list[str]:
    facts = {"payee": region.legal_entity, "method": method, **_telephone(region)}
    if kind != BANK_ACCOUNT:
        return [
            _(
                "I ask %(payee)s to keep my card, %(method)s, for later payments. It is charged only "
                "when I choose it for a payment, or under an autopay agreement that I accept "
                "separately."
            )
            % facts,
            _how_to_remove(facts),
        ]
    return [
        _(
            "I ask %(payee)s to keep my bank account, %(method)s, for later payments, and authorize "
            "electronic debits (ACH) from it. It is debited only when I choose it for a payment and "
            "agree to the amount and the date, or under an autopay agreement that I accept separately."
        )
        % facts,
        _how_to_remove(facts),
        *_returned_item_fee(),
    ]


def _how_to_remove(facts: dict[str, str]) -> str:
    return _(
        "I can end this at any time: by removing it under “Payment methods”, or by calling %(phone)s "
        "(TTY %(tty)s)."
    ) % {"phone": facts["phone"], "tty": facts["tty"]}


def _returned_item_fee() -> list[str]:
    cents = settings.RETURNED_ITEM_FEE_CENTS
    if not cents:
        return []
    return [
        _("If my bank returns a debit, I owe a returned-item fee of %(fee)s.")
        % {"fee": format_cents(cents)}
    ]


def _telephone(region: Region) -> dict[str, str]:
    return {"phone": region.phone, "tty": region.tty}


def consent_from(request: HttpRequest) -> Consent:
    """The address and the browser of the person who agrees."""
    return Consent(
        ip_address=get_adapter().get_client_ip(request),
        user_agent=request.headers.get("User-Agent", "")[:400] or "unknown",
    )


def record(*, account: BillingAccount, agreement: Agreement, given_by: User | None) -> Authorization:
    """Store what was agreed to, word for word, in the language that it was read in."""
    terms, consent = agreement.terms, agreement.consent
    return Authorization.objects.create(
        account=account,
        given_by=given_by,
        purpose=terms.purpose,
        version=VERSION,
        language=(get_language() or settings.LANGUAGE_CODE)[:2],
        text=terms.text,
        sha256=terms.sha256,
        ip_address=consent.ip_address,
        user_agent=consent.user_agent,
    )


def consent_of(authorization: Authorization) -> Consent:
    """From where a stored authorization was given, for Stripe's mandate."""
    return Consent(ip_address=authorization.ip_address, user_agent=authorization.user_agent)
