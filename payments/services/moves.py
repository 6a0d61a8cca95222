"""Moving a payment's state, with its event: the member's timeline and the auditor's trail."""

from django.db import connection

from accounts.models import Region
from billing.models import BillingAccount
from common.clock import now
from common.db import columns, rows_of
from common.locks import check_in_transaction
from payments.models import Payment, PaymentEvent, State

# What a move writes: the state with its times, and what the caller learned together with it.
_WRITTEN = (
    "state",
    "checks",
    "submitted_at",
    "settled_at",
    "ended_at",
    "next_check_at",
    "expected_on",
    "decline_code",
    "method_kind",
    "method_brand",
    "method_last4",
    "lease_until",
)
# The move and its event in one statement: neither is ever without the other.
_MOVE = f"""
    WITH moved AS (
        UPDATE payments_payment SET {", ".join(f"{column} = %s" for column in _WRITTEN)}
        WHERE id = %s RETURNING id
    )
    INSERT INTO payments_paymentevent (payment_id, at, from_state, to_state, via, detail)
    SELECT id, %s, %s, %s, %s, %s FROM moved
"""  # noqa: S608  # nosec B608  the columns are the ones above

# Row locks are taken in the order in which they are named: the account's, then the payment's. Whoever
# waits for the first has not taken the second, and sees both as they are once it has them.
_LOCK = f"""
    SELECT {columns(Payment, "payment")}, {columns(BillingAccount, "account")},
        {columns(Region, "region")}
    FROM payments_payment payment
    JOIN billing_billingaccount account ON account.id = payment.account_id
    JOIN accounts_region region ON region.id = account.region_id
    WHERE payment.id = %s
    FOR NO KEY UPDATE OF account, payment
"""  # noqa: S608  # nosec B608  names of columns


def lock_payment(payment_id: int) -> Payment:
    """Lock the account, then the payment: the order of every path that moves money.

    The payment comes with its account and region as they are under the lock.
    """
    check_in_transaction(Payment)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [payment_id])
        row = cursor.fetchone()
    if row is None:
        raise Payment.DoesNotExist(payment_id)
    payment, account, region = rows_of(row, Payment, BillingAccount, Region)
    payment.account = account
    account.region = region
    if payment.region_id == account.region_id:
        payment.region = region
    return payment


def move(payment: Payment, target: str, *, via: PaymentEvent.Via, detail: str = "") -> None:
    """Set state and times, and record the move. PostgreSQL refuses what MOVES does not allow.

    Of what the caller set before, the columns of _WRITTEN are written with it.
    """
    at, before = now(), payment.state
    payment.state = target
    payment.checks = 0
    if target == State.SUBMITTED:
        payment.submitted_at = at
    if target == State.SUCCEEDED and payment.settled_at is None:
        payment.settled_at = at
    if target == State.FAILED:
        payment.decline_code = detail[:60]
    if payment.has_outcome:
        payment.next_check_at = None
        payment.ended_at = payment.ended_at or at
        payment.lease_until = None  # nobody has anything to ask any more
    written = [getattr(payment, column) for column in _WRITTEN]
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [*written, payment.pk, at, before, target, via, detail[:80]])
