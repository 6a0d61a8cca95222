"""What follows a refusal: a table of rules, and no more tries than they allow.

Cards: at most four tries in 30 days, and only after a refusal that may pass (docs.stripe.com/declines;
the card networks' rules on repeated attempts). Bank debits: a debit returned for want of money (R01,
R09) is presented at most twice more, within 180 days (Nacha Operating Rules 2.12.4). After R02, R03 and
R04 the account is dead; after R05, R07, R10, R29 and R51 the authorization is.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from common.calendar import next_business_day
from payments.declines import BLOCKING_CODES
from payments.methods import BANK_ACCOUNT


class After(StrEnum):
    """What a refusal means for the draw and for the enrollment."""

    TRY_AGAIN = "try_again"  # on the day that the verdict names
    NOT_AGAIN = "not_again"  # this draw is over; the enrollment goes on
    CONFIRM = "confirm"  # the bank wants the cardholder to confirm: nobody else can
    METHOD_DEAD = "method_dead"  # stops the enrollment
    REVOKED = "revoked"  # stops the enrollment


# Cards: refusals that may pass by themselves. What is not here is not tried again.
PASSING = frozenset(
    {
        "approve_with_id",
        "card_velocity_exceeded",
        "generic_decline",
        "insufficient_funds",
        "issuer_not_available",
        "processing_error",
        "reenter_transaction",
        "try_again_later",
        "withdrawal_count_limit_exceeded",
    }
)
DEAD_CARD = frozenset(
    {
        "expired_card",
        "incorrect_number",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "pickup_card",
        "restricted_card",
        "stolen_card",
    }
)
REVOKED_CARD = frozenset(
    {"revocation_of_all_authorizations", "revocation_of_authorization", "stop_payment_order"}
)
CONFIRM = frozenset({"authentication_required", "payment_intent_authentication_failure"})

# Bank debits, by Nacha's code or, where Stripe passes on none, by its words.
NO_FUNDS = frozenset({"R01", "R09", "insufficient_funds"})
REVOKED_DEBIT = frozenset(
    {"R05", "R07", "R08", "R10", "R11", "R29", "R51", "customer_initiated", "debit_not_authorized"}
)

CARD_TRIES, CARD_WITHIN = 4, dt.timedelta(days=30)
CARD_WAITS = (dt.timedelta(days=3), dt.timedelta(days=7), dt.timedelta(days=14))
DEBIT_TRIES, DEBIT_WITHIN = 3, dt.timedelta(days=180)  # the first presentment and two more
DEBIT_WAITS = (dt.timedelta(days=5), dt.timedelta(days=10))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows; `next_try_on` where the draw is tried again."""

    after: After
    next_try_on: dt.date | None = None


def verdict(*, kind: str, code: str, tries: int, first_try_on: dt.date, on: dt.date) -> Verdict:
    """What follows the `tries`-th refusal of a bill, on a day of the region's calendar.

    `kind` is the method's; `tries` counts this refusal, and those under earlier enrollments too.
    """
    if kind == BANK_ACCOUNT:
        return _of_debit(code, tries, first_try_on, on)
    return _of_card(code, tries, first_try_on, on)


def may_try(*, kind: str, tries: int, first_try_on: dt.date, on: dt.date) -> bool:
    """Whether one more try is within the bounds, asked again at the moment of the try."""
    most, within = (DEBIT_TRIES, DEBIT_WITHIN) if kind == BANK_ACCOUNT else (CARD_TRIES, CARD_WITHIN)
    return tries < most and on - first_try_on < within


def _of_card(code: str, tries: int, first_try_on: dt.date, on: dt.date) -> Verdict:
    if code in CONFIRM:
        return Verdict(After.CONFIRM)
    if code in DEAD_CARD:
        return Verdict(After.METHOD_DEAD)
    if code in REVOKED_CARD:
        return Verdict(After.REVOKED)
    if code in PASSING and tries <= len(CARD_WAITS):
        next_try_on = next_business_day(on + CARD_WAITS[tries - 1])
        if next_try_on - first_try_on < CARD_WITHIN:
            return Verdict(After.TRY_AGAIN, next_try_on)
    return Verdict(After.NOT_AGAIN)


def _of_debit(code: str, tries: int, first_try_on: dt.date, on: dt.date) -> Verdict:
    if code in REVOKED_DEBIT:
        return Verdict(After.REVOKED)
    if code in BLOCKING_CODES:
        return Verdict(After.METHOD_DEAD)
    if code in NO_FUNDS and tries <= len(DEBIT_WAITS):
        next_try_on = next_business_day(on + DEBIT_WAITS[tries - 1])
        if next_try_on - first_try_on < DEBIT_WITHIN:
            return Verdict(After.TRY_AGAIN, next_try_on)
    return Verdict(After.NOT_AGAIN)
