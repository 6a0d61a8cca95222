"""The circuit breaker: a run that is out of line with earlier ones is held until a supervisor looks.

Compared are the number of draws, their total, the largest draw, and the largest sum of one account on
the day. Before a region has enough history, and always for small figures, the settings' ceilings count.
"""

import datetime as dt
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
from common.locks import lock_one
from common.money import format_cents

log = structlog.get_logger(__name__)

HISTORY = 10  # the latest runs that drew anything
ENOUGH_HISTORY = 3
# Out of line: above so many times the median of the history.
TIMES = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run comes to; amounts in cents."""

    count: int = 0
    total_cents: int = 0
    largest_cents: int = 0
    largest_account_cents: int = 0


def due_drafts(region: Region, as_of: dt.date) -> "QuerySet[Draft]":
    """What a region's run of a day would draw: announced and due, or due to be tried again.

    Not what an earlier run holds that waits for a decision.
    """
    held = Run.objects.filter(region=region, state=RunState.HELD, as_of__lt=as_of)
    since = held.aggregate(last=Max("as_of"))["last"] or dt.date.min
    return Draft.objects.filter(
        Q(state=DraftState.NOTICED, draw_on__lte=as_of, draw_on__gt=since)
        | Q(state=DraftState.FAILED, next_try_on__lte=as_of, next_try_on__gt=since),
        enrollment__state=EnrollmentState.ACTIVE,
        enrollment__account__region=region,
    )


def figures(run: Run) -> Figures:
    """Of everything still due on the run's day, and everything that it has sent already."""
    due = due_drafts(run.region, run.as_of)
    sent = DraftAttempt.objects.filter(run=run).exclude(payment__state="canceled")
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


def out_of_line(found: Figures, *, region: Region, before: dt.date) -> list[str]:
    """Why a run is to be held, in words for staff; empty where it is not."""
    ceilings = settings.AUTOPAY_CEILINGS
    reasons = []
    if found.largest_cents > ceilings["draw_cents"]:
        reasons.append(f"a draw of {format_cents(found.largest_cents)}")
    if found.largest_account_cents > ceilings["account_cents"]:
        reasons.append(f"{format_cents(found.largest_account_cents)} from one account")
    history = list(
        Run.objects.filter(region=region, as_of__lt=before, state=RunState.DONE, count__gt=0)
        .order_by("-as_of")
        .values_list("count", "total_cents")[:HISTORY]
    )
    most_count, most_cents = ceilings["run_count"], ceilings["run_cents"]
    if len(history) >= ENOUGH_HISTORY:
        usual_count = median(count for count, _cents in history)
        usual_cents = median(cents for _count, cents in history)
        most_count = max(int(usual_count * TIMES), ceilings["small_count"])
        most_cents = max(int(usual_cents * TIMES), ceilings["small_cents"])
    if found.count > most_count:
        reasons.append(f"{found.count} draws, expected at most {most_count}")
    if found.total_cents > most_cents:
        reasons.append(
            f"{format_cents(found.total_cents)} in all, expected at most {format_cents(most_cents)}"
        )
    return reasons


@transaction.atomic
def check(*, run_id: int) -> bool:
    """Compare a run with its history; returns whether it may draw. Held runs raise an alert, once."""
    run = lock_run(run_id)
    if run.state in (RunState.HELD, RunState.CANCELED):
        return False
    found = figures(run)
    run.count, run.total_cents = found.count, found.total_cents
    run.largest_cents, run.largest_account_cents = found.largest_cents, found.largest_account_cents
    reasons = [] if run.was_decided else out_of_line(found, region=run.region, before=run.as_of)
    if reasons:
        run.state, run.held_at = RunState.HELD, now()
        run.held_because = "; ".join(reasons)[:300]
        log.error("autopay.run_held", region=run.region.code, day=str(run.as_of), why=run.held_because)
    elif run.state == RunState.DONE and due_drafts(run.region, run.as_of).exists():
        run.state, run.finished_at = RunState.OPEN, None
    run.save()
    return not reasons


def lock_run(pk: int) -> Run:
    return lock_one(Run.objects.select_related("region").filter(pk=pk))


@transaction.atomic
def release_run(*, run: Run, by: User, reason: str) -> Run:
    """Let a held run go on; its draws are made by the next pass.

    Raises NotAllowed (supervisors decide), NoReason or NotHeld.
    """
    return _decide(run, RunState.RELEASED, by, reason)


@transaction.atomic
def cancel_run(*, run: Run, by: User, reason: str) -> Run:
    """Make none of a held run's draws; each owner is told that nothing was taken. Raises as above."""
    run = _decide(run, RunState.CANCELED, by, reason)
    for pk in list(due_drafts(run.region, run.as_of).order_by("pk").values_list("pk", flat=True)):
        draft = lock_draft(pk)
        if draft.state in (DraftState.NOTICED, DraftState.FAILED):
            moves.cancel(draft, Reason.RUN_CANCELED)
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
