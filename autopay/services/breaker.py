"""The circuit breaker: a run that is out of line with earlier ones is held until a supervisor looks.

Compared are the number of draws, their total, the largest draw, and the largest sum of one account on
the day, each with its median in the latest runs. Out of line is more than three times the usual, and
more than the settings call small; and ten times the usual, small or not. Ceilings of the settings count
for a draw and an account on any day, and for a whole run until the region has a history.

What a held run would have drawn is withheld from every other run, also where it is dated anew, until
somebody has decided about it.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet, Sum

from accounts.models import Region, User
from accounts.roles import Role
from autopay import emails
from autopay.exceptions import NoReason, NotAllowed, NotHeld
from autopay.models import (
    Draft,
    DraftAttempt,
    DraftState,
    EnrollmentState,
    Reason,
    Run,
    RunState,
)
from autopay.services import moves
from autopay.services.locking import lock_draft
from common.clock import now
from common.locks import lock, lock_one
from common.money import format_cents

log = structlog.get_logger(__name__)

HISTORY = 10  # the latest runs that drew anything
ENOUGH_HISTORY = 3
# Out of line: above so many times the usual, unless it is small; so many times the usual, in any case.
TIMES, TIMES_IN_ANY_CASE = 3, 10
# A region of which less is usual is taken for one of which this is: one ordinary draw.
LEAST_USUAL_CENTS = 50_00


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run comes to; amounts in cents."""

    count: int = 0
    total_cents: int = 0
    largest_cents: int = 0
    largest_account_cents: int = 0


def due_drafts(region: Region, as_of: dt.date) -> "QuerySet[Draft]":
    """What a region's run of a day would draw: announced and due, or due to be tried again.

    Not what another run withholds that waits for a decision, or was released and goes on.
    """
    held = Run.objects.filter(region=region, state=RunState.HELD, as_of__lt=as_of)
    since = held.aggregate(last=Max("as_of"))["last"] or dt.date.min
    return Draft.objects.filter(
        Q(state=DraftState.NOTICED, draw_on__lte=as_of, draw_on__gt=since)
        | Q(state=DraftState.FAILED, next_try_on__lte=as_of, next_try_on__gt=since),
        Q(held_by__isnull=True)
        | ~Q(held_by__state__in=(RunState.HELD, RunState.RELEASED))
        | Q(held_by__as_of=as_of),
        enrollment__state=EnrollmentState.ACTIVE,
        enrollment__account__region=region,
    )


def figures(*, region: Region, as_of: dt.date) -> Figures:
    """Of everything still due in a region on a day, and everything that the day's run sent already."""
    return figures_of(due_drafts(region, as_of), region=region, as_of=as_of)


def figures_of(due: "QuerySet[Draft]", *, region: Region, as_of: dt.date) -> Figures:
    """Of these draws, and everything that the day's run sent already."""
    of_day = DraftAttempt.objects.filter(run__region=region, run__as_of=as_of)
    sent = of_day.exclude(payment__state="canceled")
    of_due = due.aggregate(n=Count("pk"), total=Sum("amount_cents"), largest=Max("amount_cents"))
    of_sent = sent.aggregate(n=Count("pk"), total=Sum("amount_cents"), largest=Max("amount_cents"))
    accounts: dict[int, int] = {}
    for rows, account in ((due, "enrollment__account"), (sent, "draft__enrollment__account")):
        for key, cents in rows.values_list(account).annotate(total=Sum("amount_cents")):
            accounts[key] = accounts.get(key, 0) + cents
    return Figures(
        count=of_due["n"] + of_sent["n"],
        total_cents=(of_due["total"] or 0) + (of_sent["total"] or 0),
        largest_cents=max(of_due["largest"] or 0, of_sent["largest"] or 0),
        largest_account_cents=max(accounts.values(), default=0),
    )


def out_of_line(
    found: Figures, *, region: Region, before: dt.date, also: Sequence[tuple[dt.date, Figures]] = ()
) -> list[str]:
    """Why a run is to be held, in words for staff; empty where it is not.

    `also` are days that are not over and will count in the history when the run begins.
    """
    latest = (
        Run.objects.filter(region=region, as_of__lt=before, state=RunState.DONE, count__gt=0)
        .order_by("-as_of")
        .values_list("as_of", "count", "total_cents", "largest_cents", "largest_account_cents")[
            :HISTORY
        ]
    )
    days = [(day, Figures(*row)) for day, *row in latest] + [day for day in also if day[1].count]
    days.sort(key=lambda day: day[0], reverse=True)
    return compared(found, [figures for _day, figures in days[:HISTORY]])


def compared(found: Figures, history: Sequence[Figures]) -> list[str]:
    """What is out of line with a region's latest runs, and with the ceilings."""
    most = _most(history)
    reasons = []
    if found.count > most.count:
        reasons.append(f"{found.count} draws, expected at most {most.count}")
    for cents, most_cents, words in (
        (found.total_cents, most.total_cents, "{} in all"),
        (found.largest_cents, most.largest_cents, "a draw of {}"),
        (found.largest_account_cents, most.largest_account_cents, "{} from one account"),
    ):
        if cents > most_cents:
            expected = f"expected at most {format_cents(most_cents)}"
            reasons.append(f"{words.format(format_cents(cents))}, {expected}")
    return reasons


def _most(history: Sequence[Figures]) -> Figures:
    """What a run may come to without anybody looking at it."""
    given = settings.AUTOPAY_CEILINGS
    draw, account = given["draw_cents"], given["account_cents"]
    if len(history) < ENOUGH_HISTORY:
        return Figures(given["run_count"], given["run_cents"], draw, account)

    def in_line(name: str, small: str, least: int = LEAST_USUAL_CENTS) -> int:
        usual = max(int(median(getattr(run, name) for run in history)), least)
        return max(usual * TIMES, min(given[small], usual * TIMES_IN_ANY_CASE - 1))

    return Figures(
        count=in_line("count", "small_count", least=1),
        total_cents=in_line("total_cents", "small_cents"),
        largest_cents=min(draw, in_line("largest_cents", "small_draw_cents")),
        largest_account_cents=min(account, in_line("largest_account_cents", "small_account_cents")),
    )


@transaction.atomic
def check(*, run_id: int) -> bool:
    """Compare a run with its history; returns whether it may draw. Held runs raise an alert, once."""
    run = lock_run(run_id)
    if run.state == RunState.HELD:
        _withhold(run)
        return False
    if run.state == RunState.CANCELED:
        return False
    found = figures(region=run.region, as_of=run.as_of)
    _write(run, found)
    reasons = [] if run.was_decided else out_of_line(found, region=run.region, before=run.as_of)
    if reasons:
        run.state, run.held_at = RunState.HELD, now()
        run.held_because = "; ".join(reasons)[:300]
        log.error("autopay.run_held", region=run.region.code, day=str(run.as_of), why=run.held_because)
    elif run.state == RunState.DONE and due_drafts(run.region, run.as_of).exists():
        run.state, run.finished_at = RunState.OPEN, None
    run.save()
    if reasons:
        _withhold(run)
    return not reasons


@transaction.atomic
def end_late(*, run_id: int) -> None:
    """End a run whose day has passed: what it left is a later run's, and its history what it sent."""
    run = lock_run(run_id)
    if run.state != RunState.OPEN:
        return
    count_sent(run)
    run.state, run.finished_at = RunState.DONE, now()
    run.save()


def count_sent(run: Run) -> None:
    """Of a day that has passed, the history is what was sent."""
    _write(run, figures_of(Draft.objects.none(), region=run.region, as_of=run.as_of))


def _write(run: Run, found: Figures) -> None:
    run.count, run.total_cents = found.count, found.total_cents
    run.largest_cents, run.largest_account_cents = found.largest_cents, found.largest_account_cents


def _withhold(run: Run) -> None:
    """No other run draws what this one would, whatever its day becomes: see Draft.held_by."""
    due = lock(due_drafts(run.region, run.as_of).exclude(held_by=run))
    Draft.objects.filter(pk__in=[draft.pk for draft in due]).update(held_by=run)


def lock_run(pk: int) -> Run:
    return lock_one(Run.objects.select_related("region").filter(pk=pk))


@transaction.atomic
def release_run(*, run: Run, by: User, reason: str) -> Run:
    """Let a held run go on; its draws are made by the next pass.

    Those whose day is so long ago that their notice counts no more are announced anew first, and drawn
    ten days after that or later (autopay.schedule.is_stale).
    Raises NotAllowed (supervisors decide), NoReason or NotHeld.
    """
    return _decide(run, RunState.RELEASED, by, reason)


@transaction.atomic
def cancel_run(*, run: Run, by: User, reason: str) -> Run:
    """Make none of a held run's draws, whatever became of their accounts or days since; each owner is
    told that nothing was taken. Raises as above.
    """
    run = _decide(run, RunState.CANCELED, by, reason)
    _withhold(run)
    for pk in list(run.drafts.order_by("pk").values_list("pk", flat=True)):
        draft = lock_draft(pk)
        if draft.held_by_id != run.pk or not draft.is_open:
            continue
        was_to_come = draft.state != DraftState.HELD
        moves.cancel(draft, Reason.RUN_CANCELED)
        if was_to_come:
            emails.not_made(draft=draft)
    return run


def _decide(run: Run, state: RunState, by: User, reason: str) -> Run:
    if not may_decide(by):
        raise NotAllowed(by.pk)
    if not reason.strip():
        raise NoReason(str(run))
    run = lock_run(run.pk)
    if run.state != RunState.HELD:
        raise NotHeld(run.state)
    run.state, run.decided_by, run.decided_at = state, by, now()
    run.decision_reason = reason.strip()[:300]
    run.save()
    log.info("autopay.run_decided", region=run.region.code, day=str(run.as_of), state=str(state))
    return run


def may_decide(user: User) -> bool:
    """Whether somebody is a supervisor (or has all rights)."""
    return user.is_active and (
        user.is_superuser or user.groups.filter(name=Role.SUPERVISOR.value).exists()
    )
