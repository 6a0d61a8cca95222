"""The mails about saved methods: security notices, queued in the caller's transaction.

They say which method, by its last four, and what to do if it was not the reader who did it.
"""

from typing import Any

from django.utils import translation
from post_office.models import Email

from accounts.models import User
from common import mail
from common.clock import business_date
from payments import declines, methods
from payments.models import PaymentMethod


def added(*, method: PaymentMethod) -> Email | None:
    """A method is ready to pay."""
    return _to_owner(method, "payments/method_added")


def deposits_sent(*, method: PaymentMethod) -> Email | None:
    """Micro-deposits are on their way to a bank account; their receiver has to say what arrived."""
    return _to_owner(method, "payments/method_deposits", arrive_on=method.deposits_on)


def not_added(*, method: PaymentMethod) -> Email | None:
    """A bank account whose micro-deposits came to nothing."""
    return _to_owner(method, "payments/method_not_added")


def removed(*, method: PaymentMethod) -> Email | None:
    """A method is gone."""
    return _to_owner(method, "payments/method_removed")


def blocked(*, method: PaymentMethod) -> Email | None:
    """The bank refuses a method for good."""
    with translation.override(_language(method)):
        happened = str(declines.explain(method.blocked_code, kind=method.kind).happened)
    return _to_owner(method, "payments/method_blocked", happened=happened)


def _to_owner(method: PaymentMethod, template: str, **more: Any) -> Email | None:
    owner = _owner(method)
    if owner is None:
        return None
    region, language = method.account.region, _language(method)
    with translation.override(language):
        facts = {
            "method": methods.name_of(method),
            "date": business_date(region.time_zone),
            "phone": region.phone,
            "tty": region.tty,
            **more,
        }
    return mail.send(to=owner.email, template=template, context=facts, language=language)


def _owner(method: PaymentMethod) -> User | None:
    return method.added_by or method.account.guarantor.user


def _language(method: PaymentMethod) -> str:
    owner = _owner(method)
    return (owner.language if owner else "") or "en"
