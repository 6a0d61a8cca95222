"""The run: what is due on a region's day is drawn, each bill once, however often this is started.

A draw is one transaction under the lock of the billing account: the bill is read again, the payment
and its attempt are written, the draft is submitted. Only then is Stripe asked, outside any transaction,
by the same steps as for a member who pays. A worker that dies between the two leaves a payment that
payments' reconciler takes up under the same key.
"""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog
from django.db import connection, connections, transaction

from accounts.models import Region
from autopay import refusal_emails, retries, schedule
from autopay.exceptions import ClockSetBack, FutureRun
from autopay.models import (
    Draft,
    DraftState,
    Reason,
    Run,
    RunState,
    StopReason,
)
from autopay.services import breaker, enrollment, moves, outcomes
from autopay.services.locking import Claimed, claim_draft
from common.clock import business_date, now
from common.failpoints import failpoint
from payments import gateway
from payments.exceptions import BillBusy, BillNotPayable, CannotPay, MethodNotUsable
from payments.models import Payment, PaymentEvent, PaymentMethod, State
from payments.services import submission
from payments.services.checkout import MIN_CENTS
from payments.services.methods import check_usable
from payments.services.opening import open_payment

log = structlog.get_logger(__name__)

# Stripe did not answer so many in a row: the rest waits for the next pass.
MOST_UNANSWERED = 5
# The attempt, and the draft's move.
_SUBMIT = """
    WITH attempt AS (
        INSERT INTO autopay_draftattempt (draft_id, number, payment_id, notice_id, run_id,
            amount_cents, noticed_cents, limit_cents, at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    )
    UPDATE autopay_draft
    SET state = 'submitted', payment_id = %s, next_try_on = NULL, amount_cents = %s WHERE id = %s
"""
# Of a day that has passed, nothing is left to be done for these.
ENDED = (RunState.DONE, RunState.CANCELED)
UNANSWERED = (State.CREATED, State.SUBMITTED, State.UNKNOWN)


@dataclass
class Pass:
    """What one pass of a run has to do and did; shared by its threads."""

    keys: Iterator[int]
    unanswered: int = 0  # in a row
    most_unanswered: int = MOST_UNANSWERED
    failures: list[Exception] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def stripe_is_away(self) -> bool:
        return self.unanswered >= self.most_unanswered

    def next_key(self) -> int | None:
        """The next draft; None where nothing is left to do."""
        with self.lock:
            return None if self.stripe_is_away else next(self.keys, None)

    def note(self, payment: Payment) -> None:
        with self.lock:
            self.unanswered = self.unanswered + 1 if payment.state in UNANSWERED else 0

    def note_failure(self, error: Exception) -> None:
        with self.lock:
            self.failures.append(error)


def run(*, region: Region, as_of: dt.date, today: dt.date, threads: int = 1) -> Run:
    """Draw what is due in a region on a day of its calendar; returns the run as it stands then.

    Safe to start twice at once, to kill at any line and to start again, days late too. `as_of` says
    what is due; the rules, and when a refusal is tried again, go by `today`, the region's day by the
    clock: for a run that was held and is released days later, too. Raises FutureRun, ClockSetBack, or
    an ExceptionGroup of what went wrong with single draws, after the others were made.
    """
    check_day(region=region, as_of=as_of, today=today)
    failures: list[Exception] = []
    for before in Run.objects.filter(region=region, as_of__lt=as_of).exclude(state__in=ENDED):
        match before.state:
            case RunState.RELEASED:
                failures += _pass(before, today, threads)
            case RunState.HELD:
                breaker.check(run_id=before.pk)
            case RunState.OPEN:
                breaker.end_late(run_id=before.pk)
    made, _new = Run.objects.get_or_create(region=region, as_of=as_of)
    if breaker.check(run_id=made.pk):
        failures += _pass(made, today, threads)
    if failures:
        raise ExceptionGroup("draws that failed", failures)
    return Run.objects.select_related("region").get(pk=made.pk)


def check_day(*, region: Region, as_of: dt.date, today: dt.date) -> None:
    """Whether a region may be run for a day, asked before anything is touched.

    Raises FutureRun; or ClockSetBack where a later day was run already. A demo that looked ahead ran a
    day that had not come: that says nothing about a clock.
    """
    if as_of > today:
        raise FutureRun(as_of.isoformat())
    later = Run.objects.filter(region=region, as_of__gt=as_of).order_by("-as_of")
    came = (run for run in later if run.as_of <= business_date(region.time_zone, run.started_at))
    last = next(came, None)
    if last is not None:
        log.error("autopay.clock_set_back", region=region.code, day=str(as_of), last=str(last.as_of))
        raise ClockSetBack(last.as_of)


def _pass(run: Run, today: dt.date, threads: int) -> list[Exception]:
    """Take up every draft that is due, close the run where nothing is left; returns what failed."""
    state = Pass(
        keys=iter(_due_keys(run)),
        most_unanswered=1 if _waits_for_stripe(run.region) else MOST_UNANSWERED,
    )
    if threads == 1:
        _work(run, today, state)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for _ in range(threads):
                pool.submit(_work_in_thread, run, today, state)
    if state.stripe_is_away:
        log.error("autopay.deferred", region=run.region.code, day=str(run.as_of))
    _close(run, today)
    return state.failures


def _due_keys(run: Run) -> list[int]:
    """The keys of what is due, those that were tried least first; checked again by claim."""
    due = breaker.due_drafts(run.region, run.as_of)
    return list(due.order_by("tries", "draw_on", "pk").values_list("pk", flat=True))


def _waits_for_stripe(region: Region) -> bool:
    """Whether Stripe has not answered earlier draws: then one is enough to try."""
    return Payment.objects.filter(
        region=region,
        payer=Payment.Payer.AUTOPAY,
        state__in=(State.SUBMITTED, State.UNKNOWN),
        review_reason="",  # else it waits for a person
    ).exists()


def _work_in_thread(run: Run, today: dt.date, state: Pass) -> None:
    try:
        _work(run, today, state, after_each=connections.close_all)
    finally:
        connections.close_all()


def _work(
    run: Run, today: dt.date, state: Pass, *, after_each: Callable[[], None] = lambda: None
) -> None:
    """Draw one after the other, until nothing is left or Stripe is away.

    One that fails keeps nobody else waiting. A thread gives its connection back after each.
    """
    while (key := state.next_key()) is not None:
        try:
            with gateway.background(lets_go=True):
                payment = draw(draft_id=key, run=run, today=today)
        except Exception as error:  # noqa: BLE001  raised by run
            state.note_failure(error)
        else:
            if payment is not None:
                state.note(payment)
        after_each()


def draw(*, draft_id: int, run: Run, today: dt.date) -> Payment | None:
    """Draw one draft, once; None where there is nothing to draw, or somebody else does."""
    payment = claim(draft_id=draft_id, run=run, today=today)
    if payment is None:
        return None
    failpoint("autopay.claimed")
    payment = submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.SCHEDULE)
    failpoint("autopay.submitted")
    if payment.has_outcome:
        outcomes.apply(draft_id=draft_id, as_of=today)
    return payment


def claim(*, draft_id: int, run: Run, today: dt.date) -> Payment | None:
    """Commit to one draw: the payment, its attempt, the draft's move; or find that it is not to be."""
    try:
        return _claim(draft_id, run, today)
    except (BillBusy, BillNotPayable):
        return None  # the member is paying it at this moment; the next pass sees what came of it
    except CannotPay as error:
        log.warning("autopay.cannot_pay", draft=draft_id, error=type(error).__name__)
        return None


@transaction.atomic
def _claim(draft_id: int, run: Run, today: dt.date) -> Payment | None:
    """Raises CannotPay, and then nothing has changed: the transaction ends with it."""
    claimed = claim_draft(draft_id, run_id=run.pk)
    if claimed is None or not claimed.run_draws:
        return None
    draft = claimed.draft
    if not _is_due(draft, run) or not draft.enrollment.draws:
        return None
    if not (
        _method_can_pay(draft, today)
        and _is_timely(draft, today)
        and _tries_are_left(claimed, today)
        and _amount_stands(draft, today)
    ):
        return None
    return _submit(claimed, run)


def _is_due(draft: Draft, run: Run) -> bool:
    if draft.state == DraftState.NOTICED:
        return draft.draw_on <= run.as_of
    return draft.next_try_on is not None and draft.next_try_on <= run.as_of


def _method_can_pay(draft: Draft, as_of: dt.date) -> bool:
    """A method that was removed, blocked or has expired since the notice stops the enrollment."""
    stands = draft.enrollment
    try:
        check_usable(stands.method, account=stands.account, on=as_of)
    except MethodNotUsable as error:
        reason = {
            PaymentMethod.Status.REMOVED: StopReason.METHOD_REMOVED,
            "expired": StopReason.METHOD_EXPIRED,
        }.get(str(error), StopReason.METHOD_DEAD)
        enrollment.stop(enrollment=stands, reason=reason)
        return False
    return True


def _is_timely(draft: Draft, as_of: dt.date) -> bool:
    """What was announced for a day long past is announced anew, also where nobody planned since."""
    day = draft.next_try_on or draft.draw_on
    if not schedule.is_stale(draw_on=day, as_of=as_of):
        return True
    if draft.invoice.payable_cents > 0:
        moves.plan_again(draft, amount_cents=draft.invoice.payable_cents, as_of=as_of)
    return False


def _tries_are_left(claimed: Claimed, as_of: dt.date) -> bool:
    """The bounds on tries, asked once more at the moment of the try."""
    draft = claimed.draft
    reason = retries.bar(claimed.refusals, kind=draft.enrollment.method.kind, on=as_of)
    if reason is None:
        return True
    log.warning("autopay.no_tries_left", draft=draft.pk, tries=len(claimed.refusals), why=str(reason))
    if draft.state == DraftState.FAILED:
        draft.next_try_on = None
        draft.save(update_fields=["next_try_on"])
        refusal_emails.not_tried(draft=draft, reason=reason)
    else:
        moves.hold(draft, reason)
    return False


def _amount_stands(draft: Draft, as_of: dt.date) -> bool:
    """Whether what is owed now may be drawn: under the notice, the limit, and Stripe's least charge."""
    payable, limit = draft.invoice.payable_cents, draft.enrollment.limit_cents
    if payable <= 0:
        voided = draft.invoice.voided_at is not None
        moves.skip(draft, Reason.NOTHING_OWED if voided else Reason.PAID)
        return False
    if payable > (draft.noticed_cents or 0):
        moves.plan_again(draft, amount_cents=payable, as_of=as_of)
        return False
    draft.amount_cents = payable
    if limit is not None and payable > limit:
        if draft.state == DraftState.FAILED:
            moves.plan_again(draft, amount_cents=payable, as_of=as_of)
        moves.hold(draft, Reason.OVER_LIMIT)
        return False
    if payable < MIN_CENTS:
        moves.skip(draft, Reason.TOO_SMALL)
        return False
    return True


def _submit(claimed: Claimed, run: Run) -> Payment:
    draft = claimed.draft
    stands = draft.enrollment
    amount_cents = draft.amount_cents
    from_balance = _from_balance(draft)
    pays_all = from_balance == amount_cents
    payment = open_payment(
        account=stands.account,
        amounts={draft.invoice_id: amount_cents},
        payer=Payment.Payer.AUTOPAY,
        paid_by=None,
        via=PaymentEvent.Via.SCHEDULE,
        from_balance_cents=from_balance,
        method=None if pays_all else stands.method,
        authorization=None if pays_all else stands.authorization,
    )
    attempt = [draft.pk, claimed.attempts + 1, payment.pk, claimed.notice_id, run.pk]
    bounds = [amount_cents, draft.noticed_cents, stands.limit_cents, payment.created_at]
    with connection.cursor() as cursor:
        cursor.execute(_SUBMIT, [*attempt, *bounds, payment.pk, amount_cents, draft.pk])
    failpoint("autopay.before_claim_commits")
    return payment


def _from_balance(draft: Draft) -> int:
    """What the account balance pays first; never so much that less is left than can be charged."""
    if not draft.enrollment.use_balance:
        return 0
    amount, spendable = draft.amount_cents, draft.enrollment.account.spendable_cents
    if spendable >= amount:
        return amount
    return max(0, min(spendable, amount - MIN_CENTS))


@transaction.atomic
def _close(run: Run, today: dt.date) -> None:
    locked = breaker.lock_run(run.pk)
    if locked.state not in (RunState.OPEN, RunState.RELEASED):
        return
    if breaker.due_drafts(locked.region, locked.as_of).exists():
        return
    if locked.as_of < today:  # what it was held for may have been announced anew since
        breaker.count_sent(locked)
    locked.state, locked.finished_at = RunState.DONE, now()
    locked.save()
