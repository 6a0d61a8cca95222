"""Micro-deposits: the owner of a bank account says what arrived, and the account can be used.

Three answers about two amounts, ten about a code, within ten days (docs.stripe.com/payments/
ach-direct-debit). Each answer is counted before Stripe hears of it, so that none is free.
"""

import datetime as dt

import structlog
from django.db import transaction

from common.clock import business_date, now
from payments import vault
from payments.gateway import Refused
from payments.models import PaymentMethod
from payments.services.methods import lock_method
from payments.services.setups import ask, settle_setup, tries_left

log = structlog.get_logger(__name__)

_WRONG = {
    "payment_method_microdeposit_verification_amounts_mismatch",
    "payment_method_microdeposit_verification_amounts_invalid",
    "payment_method_microdeposit_verification_descriptor_code_mismatch",
    "incorrect_code",
}


class CannotVerify(Exception):
    """Base: the account is not verified by this answer."""


class NothingToVerify(CannotVerify):
    """The account waits for no answer: verified, given up or removed meanwhile."""


class NotArrivedYet(CannotVerify):
    """The deposits are on their way until `on`; no answer was counted."""

    def __init__(self, on: dt.date) -> None:
        super().__init__(on.isoformat())
        self.on = on


class WrongAnswer(CannotVerify):
    """Something else arrived; so many tries are left."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(str(tries_left))
        self.tries_left = tries_left


def verify(
    *,
    method: PaymentMethod,
    amounts: tuple[int, int] | None = None,
    code: str = "",
    at: dt.datetime | None = None,
) -> PaymentMethod:
    """Answer with two amounts in cents, or with the code; returns the verified method.

    Raises CannotVerify, or GatewayError where Stripe gave no answer (the try counts all the same).
    """
    method = _count_try(method, at or now())
    try:
        setup = vault.verify_setup(
            region=method.account.region, setup_id=str(method.setup_id), amounts=amounts, code=code
        )
    except Refused as error:
        log.info("method.deposits_refused", method=method.pk, code=error.code)
        method = ask(method_pk=method.pk)
        left = tries_left(method)
        if method.status == PaymentMethod.Status.VERIFY and left and error.code in _WRONG:
            raise WrongAnswer(left) from error
        raise NothingToVerify(error.code) from error
    return settle_setup(method_pk=method.pk, setup=setup)


@transaction.atomic
def _count_try(method: PaymentMethod, at: dt.datetime) -> PaymentMethod:
    method = lock_method(method.pk)
    if method.status != PaymentMethod.Status.VERIFY or not tries_left(method):
        raise NothingToVerify(method.status)
    if method.deposits_on and business_date(method.account.region.time_zone, at) < method.deposits_on:
        raise NotArrivedYet(method.deposits_on)
    method.verify_tries += 1
    method.save(update_fields=["verify_tries"])
    return method
