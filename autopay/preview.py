"""What a run of a day would draw, and why it would not draw the rest: reads only."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Region
from autopay import schedule
from autopay.models import Draft, DraftState, EnrollmentState, Reason, Run, RunState
from autopay.services.breaker import Figures, due_drafts, figures, figures_of, out_of_line
from autopay.services.planning import why_not_tried
from payments.exceptions import MethodNotUsable
from payments.models import Allocation
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


@dataclass(frozen=True, slots=True)
class Day:
    """What counts for every line: what the run takes up, and what keeps it from drawing anything."""

    on: dt.date  # what is due
    today: dt.date  # what the rules go by
    taken_up: frozenset[int]
    stopped: str  # empty where the run draws


def preview(
    *, region: Region, as_of: dt.date, today: dt.date, account_number: str | None = None
) -> Iterator[Line]:
    """Every draft of a region that is not over, by day; `today` is the day on which it would be run."""
    drafts = _drafts(region)
    if account_number is not None:
        drafts = drafts.filter(enrollment__account__account_number=account_number)
    day = _day(region, as_of, today)
    for draft in drafts.iterator(chunk_size=500):
        why_not = _why_not(draft, day)
        yield Line(
            account_number=draft.enrollment.account.account_number,
            bill=draft.invoice.number,
            amount_cents=draft.invoice.payable_cents,
            on=draft.next_try_on or draft.draw_on,
            is_drawn=not why_not,
            why=why_not or f"announced on {draft.noticed_on}",
        )


def _drafts(region: Region) -> "QuerySet[Draft]":
    """Every draft that is not over, by day."""
    in_flight = Exists(Allocation.objects.filter(invoice=OuterRef("invoice"), in_flight=True))
    return (
        Draft.objects.filter(enrollment__account__region=region)
        .exclude(state__in=(DraftState.DRAWN, DraftState.CANCELED))
        .select_related(
            "invoice", "payment", "held_by", "enrollment__account__region", "enrollment__method"
        )
        .annotate(bill_is_busy=in_flight)
        .order_by("draw_on", "pk")
    )


def _day(region: Region, as_of: dt.date, today: dt.date) -> Day:
    """As the breaker would find it: a run that a supervisor released goes on first, and what earlier
    days have sent by then counts in the history.
    """
    runs = Run.objects.filter(region=region)
    going_on: set[int] = set()
    ended = []
    for run in runs.filter(as_of__lt=as_of, state__in=(RunState.OPEN, RunState.RELEASED)):
        drawn: set[int] = set()
        if run.state == RunState.RELEASED:
            due = set(due_drafts(region, run.as_of).values_list("pk", flat=True))
            going_on |= due
            of_run = Day(run.as_of, today, frozenset(due), "")
            drawn = {d.pk for d in _drafts(region).filter(pk__in=due) if not _why_not(d, of_run)}
        sent = figures_of(Draft.objects.filter(pk__in=drawn), region=region, as_of=run.as_of)
        ended.append((run.as_of, sent))
    stopped = _run_says_no(runs.filter(as_of=as_of).first(), region, as_of, ended)
    due_now = () if stopped else due_drafts(region, as_of).values_list("pk", flat=True)
    return Day(as_of, today, frozenset(due_now) | going_on, stopped)


def _run_says_no(
    run: Run | None, region: Region, as_of: dt.date, ended: Sequence[tuple[dt.date, Figures]]
) -> str:
    if run is not None and run.state == RunState.CANCELED:
        return f"the run of {as_of} was canceled: {run.decision_reason}"
    if run is not None and run.state == RunState.HELD:
        return f"the run of {as_of} is held: {run.held_because}"
    if run is not None and run.was_decided:
        return ""
    found = figures(region=region, as_of=as_of)
    reasons = out_of_line(found, region=region, before=as_of, also=ended)
    return f"the run of {as_of} would be held: {'; '.join(reasons)}" if reasons else ""


def _why_not(draft: Draft, day: Day) -> str:
    """Empty where it would be drawn."""
    return (
        _enrollment_says_no(draft)
        or _state_says_no(draft, day.on)
        or _breaker_says_no(draft, day)
        or _method_says_no(draft, day.today)
        or _notice_says_no(draft, day.today)
        or _tries_say_no(draft, day.today)
        or _amount_says_no(draft)
    )


def _breaker_says_no(draft: Draft, day: Day) -> str:
    if draft.pk in day.taken_up:
        return ""
    if draft.is_withheld and draft.held_by is not None:
        return f"the run of {draft.held_by.as_of} is held: {draft.held_by.held_because}"
    return day.stopped or "an earlier run is held, or goes on first"


def _notice_says_no(draft: Draft, today: dt.date) -> str:
    is_stale = schedule.is_stale(draw_on=draft.next_try_on or draft.draw_on, as_of=today)
    return "its day is too long ago: announced again" if is_stale else ""


def _tries_say_no(draft: Draft, today: dt.date) -> str:
    reason = why_not_tried(draft, on=today)
    return str(reason.label) if reason else ""


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
    if payable <= 0 or draft.bill_is_busy:  # type: ignore[attr-defined]
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
