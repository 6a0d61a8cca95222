"""The lease of a payment: whoever holds it, and nobody else, talks to Stripe about the payment.

One that nobody has sent yet becomes "submitted" in the statement that takes its lease: no moment lies
between the right to ask and the row that says so, in which the next holder could call it never sent.
"""

import datetime as dt

from django.db import connection

from accounts.models import Region
from common.clock import now
from common.db import columns, rows, rows_of
from payments.models import RESERVING, Payment, PaymentEvent, State
from payments.services.settlement import check_after

_TAKE = f"""
    WITH free AS (
        SELECT id, state = 'created' AND amount_cents > from_balance_cents AND created_at > %s AS leaves
        FROM payments_payment
        WHERE id = %s AND (lease_until IS NULL OR lease_until < %s)
          AND state = ANY(%s) AND review_reason = ''
        FOR NO KEY UPDATE
    ), taken AS (
        UPDATE payments_payment payment
        SET lease_until = %s,
            state = CASE WHEN leaves THEN 'submitted' ELSE state END,
            submitted_at = CASE WHEN leaves THEN %s ELSE submitted_at END,
            next_check_at = CASE WHEN leaves THEN %s ELSE next_check_at END,
            checks = CASE WHEN leaves THEN 0 ELSE checks END
        FROM free WHERE payment.id = free.id
        RETURNING leaves, {columns(Payment, "payment")}
    ), event AS (
        INSERT INTO payments_paymentevent (payment_id, at, from_state, to_state, via, detail)
        SELECT id, submitted_at, 'created', state, %s, '' FROM taken WHERE leaves
    )
    SELECT {columns(Payment, "taken")}, {columns(Region, "region")}
    FROM taken JOIN accounts_region region ON region.id = taken.region_id
"""  # noqa: S608  # nosec B608  names of columns
_GIVE_BACK = f"""
    UPDATE payments_payment SET lease_until = NULL WHERE id = %s AND lease_until = %s
    RETURNING {columns(Payment)}
"""  # noqa: S608  # nosec B608  names of columns


def take(
    payment_id: int,
    *,
    at: dt.datetime,
    until: dt.datetime,
    send_since: dt.datetime,
    via: PaymentEvent.Via,
) -> Payment | None:
    """Take the lease of a payment without an outcome, for a commit of its own; None where it is taken.

    One that was opened after `send_since` and not sent yet is about to be: it is submitted by this.
    The payment comes with its region, whose keys every call to Stripe needs.
    """
    moment = now()
    which = (send_since, payment_id, at, list(RESERVING))
    becomes = (until, moment, moment + check_after(State.SUBMITTED, checks=0), via)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [*which, *becomes])
        row = cursor.fetchone()
    if row is None:
        return None
    payment, payment.region = rows_of(row, Payment, Region)
    return payment


def give_back(payment: Payment) -> Payment | None:
    """End the lease that `take` gave; returns the payment as it stands, None where it is another's."""
    found = rows(Payment, _GIVE_BACK, [payment.pk, payment.lease_until])
    return found[0] if found else None
