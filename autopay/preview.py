"""What a run of a day would draw, and why it would not draw the rest: reads only."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from accounts.models import Region
from autopay.models import Draft, DraftState, EnrollmentState, Reason, Run, RunState
from payments.exceptions import MethodNotUsable
from payments.services.checkout import MIN_CENTS
from payments.services.methods import check_usable


@dataclass(frozen=True, slots=True)
class Line:
    """One draft on the day, for staff; the amount is what is owed now, in cents."""

    account_number: str
    bill: str
    amount_cents: int
    on: dt.date
    is_drawn: bool
    why: str


def preview(*, region: Region, as_of: dt.date, account_number: str | None = None) -> Iterator[Line]:
    """Every draft of a region that is not over, by day."""
    drafts = (
        Draft.objects.filter(enrollment__account__region=region)
        .exclude(state__in=(DraftState.DRAWN, DraftState.CANCELED))
        .select_related("invoice", "payment", "enrollment__account__region", "enrollment__method")
        .order_by("draw_on", "pk")
    )
    if account_number is not None:
        drafts = drafts.filter(enrollment__account__account_number=account_number)
    held = Run.objects.filter(region=region, state=RunState.HELD, as_of__lte=as_of).first()
    for draft in drafts.iterator(chunk_size=500):
        why_not = _why_not(draft, as_of, held)
        yield Line(
            account_number=draft.enrollment.account.account_number,
            bill=draft.invoice.number,
            amount_cents=draft.invoice.payable_cents,
            on=draft.next_try_on or draft.draw_on,
            is_drawn=not why_not,
            why=why_not or f"announced on {draft.noticed_on}",
        )


def _why_not(draft: Draft, as_of: dt.date, held: Run | None) -> str:
    """Empty where it would be drawn."""
    return (
        _enrollment_says_no(draft)
        or _state_says_no(draft, as_of)
        or _amount_says_no(draft)
        or _method_says_no(draft, as_of)
        or (f"the run of {held.as_of} is held: {held.held_because}" if held else "")
    )


def _enrollment_says_no(draft: Draft) -> str:
    state = EnrollmentState(draft.enrollment.state)
    return "" if state == EnrollmentState.ACTIVE else f"autopay is {state.value}"


def _state_says_no(draft: Draft, as_of: dt.date) -> str:
    match draft.state:
        case DraftState.PLANNED:
            return "no notice was delivered yet"
        case DraftState.HELD | DraftState.SKIPPED:
            return str(Reason(draft.reason).label)
        case DraftState.SUBMITTED:
            return f"sent as {draft.payment}"
        case DraftState.FAILED if draft.next_try_on is None:
            return f"refused ({draft.failure_code}), not tried again"
    day = draft.next_try_on or draft.draw_on
    return f"not before {day}" if day > as_of else ""


def _amount_says_no(draft: Draft) -> str:
    payable, limit = draft.invoice.payable_cents, draft.enrollment.limit_cents
    if payable <= 0:
        return "nothing is owed, or a payment is on its way"
    if payable < MIN_CENTS:
        return "less is owed than can be charged"
    if payable > (draft.noticed_cents or 0):
        return "more is owed than was announced: announced again"
    if limit is not None and payable > limit:
        return "above the member's limit"
    return ""


def _method_says_no(draft: Draft, as_of: dt.date) -> str:
    try:
        check_usable(draft.enrollment.method, account=draft.enrollment.account, on=as_of)
    except MethodNotUsable as error:
        return f"the payment method cannot pay: {error}"
    return ""
