"""Micro-deposits: the owner of a bank account says what arrived, and the account can be used.

Three answers about two amounts, ten about a code, within ten days (docs.stripe.com/payments/
ach-direct-debit). Each answer is counted before Stripe hears of it, so that none is free.
"""

import structlog
from django.db import transaction
from django.db.models import F

from payments import vault
from payments.gateway import Refused
from payments.models import PaymentMethod
from payments.services.methods import lock_method
from payments.services.setups import ask, settle_setup, tries_left

log = structlog.get_logger(__name__)
NOT_ARRIVED = "bank_account_unverified"
_WRONG = {
    "payment_method_microdeposit_verification_amounts_mismatch",
    "payment_method_microdeposit_verification_amounts_invalid",
    "payment_method_microdeposit_verification_descriptor_code_mismatch",
}


class CannotVerify(Exception):
    """Base: the account is not verified by this answer."""


class NothingToVerify(CannotVerify):
    """The account waits for no answer: verified, given up or removed meanwhile."""


class NotArrivedYet(CannotVerify):
    """The deposits are still on their way; no try was counted."""


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
) -> PaymentMethod:
    """Answer with two amounts in cents, or with the code; returns the verified method.

    Raises CannotVerify, or GatewayError where Stripe gave no answer (the try counts all the same).
    """
    method = _count_try(method)
    try:
        setup = vault.verify_setup(
            region=method.account.region, setup_id=str(method.setup_id), amounts=amounts, code=code
        )
    except Refused as error:
        log.info("method.deposits_refused", method=method.pk, code=error.code)
        if error.code == NOT_ARRIVED:
            PaymentMethod.objects.filter(pk=method.pk).update(verify_tries=F("verify_tries") - 1)
            raise NotArrivedYet(str(method.pk)) from error
        method = ask(method_pk=method.pk)
        left = tries_left(method)
        if method.status != PaymentMethod.Status.VERIFY or not left:
            raise NothingToVerify(error.code) from error
        if error.code in _WRONG:
            raise WrongAnswer(left) from error
        raise
    return settle_setup(method_pk=method.pk, setup=setup)


@transaction.atomic
def _count_try(method: PaymentMethod) -> PaymentMethod:
    method = lock_method(method.pk)
    if method.status != PaymentMethod.Status.VERIFY or not tries_left(method):
        raise NothingToVerify(method.status)
    method.verify_tries += 1
    method.save(update_fields=["verify_tries"])
    return method
