"""What follows a refusal: a table of rules, and no more tries than they allow.

Cards: at most four tries in any 30 days, and only after refusals that may pass
(docs.stripe.com/declines; the card networks' rules on repeated attempts). Bank debits: a debit returned
for want of money (R01, R09) is presented at most twice more, within 180 days of the first time (Nacha
Operating Rules 2.12.4). After R02, R03 and R04 the account is dead; after R05, R07, R10, R29 and R51
the authorization is.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from autopay.models.draft import Reason
from common.calendar import next_business_day
from payments.declines import BLOCKING_CODES, DEAD_CARD_CODES, REVOKED_CARD_CODES
from payments.methods import BANK_ACCOUNT


class After(StrEnum):
    """What a refusal means for the draw and for the enrollment."""

    TRY_AGAIN = "try_again"  # on the day that the verdict names
    NOT_AGAIN = "not_again"  # this draw is over; the enrollment goes on
    CONFIRM = "confirm"  # the bank wants the cardholder to confirm: nobody else can
    METHOD_EXPIRED = "method_expired"  # stops the enrollment until the card is renewed
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
EXPIRED_CARD = "expired_card"
CONFIRM = frozenset({"authentication_required", "payment_intent_authentication_failure"})
# A charge that its holder disputed, and the bank decided for them: whatever the reason that it gave.
DISPUTED = "disputed"

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
class Refusal:
    """A bank refused a bill's draw with a method; the day is the region's of the try."""

    on: dt.date
    code: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows; `next_try_on` where the draw is tried again."""

    after: After
    next_try_on: dt.date | None = None


def after(refusals: Sequence[Refusal], *, kind: str, code: str, since: dt.date, on: dt.date) -> Verdict:
    """What follows a refusal with this code, the last of `refusals` of the bill by this method.

    The waits go by the tries of a series: of a debit all there were, of a card those since the draw was
    announced, on `since`. No try is named that `bar` would stop.
    """
    series = [refusal for refusal in refusals if kind == BANK_ACCOUNT or refusal.on >= since]
    found = verdict(
        kind=kind,
        code=code,
        tries=max(len(series), 1),
        first_try_on=series[0].on if series else on,
        on=on,
    )
    if found.next_try_on and bar(refusals, kind=kind, on=found.next_try_on):
        return Verdict(After.NOT_AGAIN)
    return found


def verdict(*, kind: str, code: str, tries: int, first_try_on: dt.date, on: dt.date) -> Verdict:
    """What follows the `tries`-th refusal of a series, on a day of the region's calendar.

    `kind` is the method's; `tries` counts this refusal.
    """
    if code == DISPUTED:
        return Verdict(After.REVOKED)
    if kind == BANK_ACCOUNT:
        return _of_debit(code, tries, first_try_on, on)
    return _of_card(code, tries, first_try_on, on)


def bar(refusals: Sequence[Refusal], *, kind: str, on: dt.date) -> Reason | None:
    """Why a bill is not tried with a method on a day; None where it may be.

    `refusals` are all of this bill by this method, earliest first. One that does not pass by itself
    bars the two for good: another enrollment, or choosing the same method anew, is no other try.
    """
    passing = NO_FUNDS if kind == BANK_ACCOUNT else PASSING
    if any(refusal.code not in passing for refusal in refusals):
        return Reason.METHOD_REFUSED
    if not refusals:
        return None
    if kind == BANK_ACCOUNT:
        spent = len(refusals) >= DEBIT_TRIES or on - refusals[0].on >= DEBIT_WITHIN
    else:
        spent = sum(on - refusal.on < CARD_WITHIN for refusal in refusals) >= CARD_TRIES
    return Reason.NO_TRIES_LEFT if spent else None


def _of_card(code: str, tries: int, first_try_on: dt.date, on: dt.date) -> Verdict:
    if code in CONFIRM:
        return Verdict(After.CONFIRM)
    if code == EXPIRED_CARD:
        return Verdict(After.METHOD_EXPIRED)
    if code in DEAD_CARD_CODES:
        return Verdict(After.METHOD_DEAD)
    if code in REVOKED_CARD_CODES:
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
