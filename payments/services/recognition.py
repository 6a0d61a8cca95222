"""The same card or bank account saved twice: one row stays, and pays with what Stripe was given last.

Stripe's fingerprint says that two of its PaymentMethods are one card number, or one account at one
bank. It is compared within one billing account alone, so that nobody learns what another household
pays with; it is never shown and never logged.

Which row an added method is recognised in:
- An active one. Autopay and the default hang on it, so the row stays and takes over what is newer.
- Not one to be verified: nobody has shown yet whose account it is. It is put away once its like is
  active.
- Not a blocked one: a new agreement does not revive what its owner or a bank ended. It stays as the
  record of that, until its owner removes it.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from billing.models import BillingAccount
from common.clock import now
from common.locks import lock
from payments.gateway import Method
from payments.models import RESERVING, Payment, PaymentMethod
from payments.wake import wake

log = structlog.get_logger(__name__)
Status = PaymentMethod.Status


def shown(method: Method) -> dict[str, str | int | None]:
    """What may be shown of a method at Stripe, by the names of our columns."""
    return {
        "kind": method.kind,
        "brand": method.brand[:40],
        "last4": method.last4,
        "funding": method.funding[:10],
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
    }


def held(method: Method) -> dict[str, str | int | None]:
    """What we keep of a method at Stripe: what may be shown, and by what it is recognised."""
    return shown(method) | {"fingerprint": method.fingerprint}


def find_known(*, account: BillingAccount, method: Method) -> PaymentMethod | None:
    """The account's active method that this one is the same as. The caller has locked the account."""
    found = _alike(account, method, Status.ACTIVE)
    return found[0] if found else None


def take_over(*, known: PaymentMethod, spare: PaymentMethod, method: Method) -> None:
    """`known` pays with `method` from now on; `spare` becomes what `known` was, for Stripe to forget.

    The agreement that came with `spare` is in force from now on: Stripe's mandate was given by it.
    Where `known` was agreed to later (a debit takes days to settle), it is `method` that is forgotten.
    """
    spare.fingerprint = method.fingerprint
    newer = shown(method) | {"method_id": method.id, "authorization": spare.authorization}
    older = {field: getattr(known, field) for field in newer}
    if spare.authorization.given_at < known.authorization.given_at:
        _write(spare, newer)
    else:
        note_renewal(row=known, shown=newer)
        _write(known, newer)
        known.save()
        _write(spare, older)
    put_away(spare, same_as=known)


def put_away_waiting(*, active: PaymentMethod, method: Method) -> None:
    """Nobody needs to verify a bank account that can pay already."""
    for waiting in _alike(active.account, method, Status.VERIFY):
        put_away(waiting, same_as=active)


def put_away(spare: PaymentMethod, *, same_as: PaymentMethod) -> None:
    """Show a method no more, and have Stripe forget it or end its setup; nobody removed anything."""
    spare.status, spare.is_default, spare.blocked_code = Status.REMOVED, False, ""
    spare.same_as = same_as
    spare.removed_at = spare.next_check_at = now()
    spare.save()
    log.info("method.same_as_another", method=same_as.pk, put_away=spare.pk)
    wake("forget_method", spare.pk)


def may_be_forgotten(spare: PaymentMethod) -> bool:
    """Whether no payment under way can still be about to charge it.

    A payment that began before the exchange may have been sent with what Stripe held then.
    """
    return spare.same_as_id is None or not (
        Payment.objects.filter(
            saved_method=spare.same_as_id, created_at__lte=spare.removed_at, state__in=RESERVING
        ).exists()
    )


def note_renewal(*, row: PaymentMethod, shown: Mapping[str, Any]) -> None:
    """Keep when a card got another expiration date: what it was refused for before may be over."""
    if (row.exp_year, row.exp_month) != (shown["exp_year"], shown["exp_month"]):
        row.renewed_at = now()


def learn(*, row: PaymentMethod, method: Method) -> None:
    """Store a fingerprint that Stripe told later; where another active row has it, both stay as they
    are, since autopay may hang on either.
    """
    if not method.fingerprint:
        return
    others = (other for other in _alike(row.account, method, Status.ACTIVE) if other.pk != row.pk)
    row.fingerprint = "" if next(others, None) else method.fingerprint


def _alike(
    account: BillingAccount, method: Method, status: PaymentMethod.Status
) -> list[PaymentMethod]:
    if not method.fingerprint:
        return []
    return lock(
        PaymentMethod.objects.filter(
            account=account, kind=method.kind, fingerprint=method.fingerprint, status=status
        )
    )


def _write(row: PaymentMethod, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(row, field, value)
