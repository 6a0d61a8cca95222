"""Planning: which bills will be drawn, when, and for how much.

Running it again changes nothing; it follows the bills: paid, reduced, raised, canceled, new.
"""

import datetime as dt

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from post_office.models import STATUS

from accounts.models import Region
from autopay import letters, retries, schedule
from autopay.models import (
    Draft,
    DraftState,
    Enrollment,
    EnrollmentState,
    Notice,
    NoticeState,
    Reason,
    Run,
    RunState,
    Scope,
)
from autopay.services import moves
from autopay.services.locking import lock_drafts, lock_enrollment, refusals_of
from autopay.terms import choice_of
from billing.models import Invoice
from common.batches import for_each
from payments.services.checkout import MIN_CENTS

STANDING = (NoticeState.QUEUED, NoticeState.DELIVERED)
# What another method may well pay.
METHODS_FAULT = (Reason.NOT_TAKEN, Reason.NO_TRIES_LEFT, Reason.METHOD_REFUSED)
# Skipped because there was nothing to charge: planned again where more is owed later.
NOTHING_TO_CHARGE = (Reason.PAID, Reason.NOTHING_OWED, Reason.TOO_SMALL)


def plan_region(*, region: Region, as_of: dt.date) -> int:
    """Plan every enrollment of a region for which something has changed; returns how many."""
    return for_each(
        list(_to_plan(region, as_of)),
        lambda pk: plan_one(enrollment_id=pk, as_of=as_of),
        failing="enrollments that could not be planned",
    )


@transaction.atomic
def plan_one(*, enrollment_id: int, as_of: dt.date) -> bool:
    """Plan one enrollment under its locks; false where it draws nothing."""
    enrollment = lock_enrollment(enrollment_id)
    if not enrollment.draws:
        return False
    plan(enrollment=enrollment, as_of=as_of)
    return True


def plan(*, enrollment: Enrollment, as_of: dt.date) -> None:
    """Bring the drafts of a locked enrollment in line with its bills."""
    drafts = lock_drafts(enrollment)
    for draft in drafts:
        follow_bill(draft, as_of=as_of)
    chosen = choice_of(enrollment).schedule
    for invoice in _new_bills(enrollment):
        draft = Draft.objects.create(
            enrollment=enrollment,
            invoice=invoice,
            amount_cents=invoice.payable_cents,
            draw_on=schedule.draw_date(chosen, due_on=invoice.due_on, as_of=as_of),
            held_by=_withholding(invoice),
        )
        _check_limit(draft)


def _withholding(invoice: Invoice) -> Run | None:
    """The run that waits for a supervisor with this bill in it, under an earlier enrollment."""
    return Run.objects.filter(drafts__invoice=invoice, state=RunState.HELD).first()


def follow_bill(draft: Draft, *, as_of: dt.date) -> None:
    """What a bill's change means for its draw: raised, reduced, paid, canceled, owed again."""
    payable = draft.invoice.payable_cents
    if draft.is_open and payable <= 0:
        voided = draft.invoice.voided_at is not None
        moves.skip(draft, Reason.NOTHING_OWED if voided else Reason.PAID)
        return
    match draft.state:
        case DraftState.PLANNED:
            _follow_planned(draft, payable, as_of)
        case DraftState.NOTICED:
            _follow_noticed(draft, payable, as_of)
        case DraftState.FAILED if draft.next_try_on and _has_lapsed(draft, draft.next_try_on, as_of):
            moves.plan_again(draft, amount_cents=payable, as_of=as_of)
            _check_limit(draft)
        case DraftState.FAILED if payable >= MIN_CENTS and _pays_since_renewal(draft, as_of):
            moves.plan_again(draft, amount_cents=payable, as_of=as_of)
            _check_limit(draft)
        case DraftState.HELD if _is_free_again(draft, payable, as_of):
            moves.plan_again(draft, amount_cents=payable, as_of=as_of)
        case DraftState.SKIPPED if draft.reason in NOTHING_TO_CHARGE and payable >= MIN_CENTS:
            moves.plan_again(draft, amount_cents=payable, as_of=as_of)  # owed again, or more of it
            _check_limit(draft)


def _follow_planned(draft: Draft, payable: int, as_of: dt.date) -> None:
    waiting = _standing_notice(draft)
    if payable != draft.amount_cents or (waiting is None and not _can_be_announced(draft, as_of)):
        moves.plan_again(draft, amount_cents=payable, as_of=as_of)
    _check_limit(draft)


def _follow_noticed(draft: Draft, payable: int, as_of: dt.date) -> None:
    raised = payable > (draft.noticed_cents or 0)
    if raised or _has_lapsed(draft, draft.draw_on, as_of):
        moves.plan_again(draft, amount_cents=payable, as_of=as_of)
    elif payable != draft.amount_cents:
        draft.amount_cents = payable  # less than announced needs no other notice
        draft.save(update_fields=["amount_cents"])
    _check_limit(draft)


def _has_lapsed(draft: Draft, day: dt.date, as_of: dt.date) -> bool:
    """Whether the notice of a draw counts no more; what waits for a supervisor keeps its day."""
    return not draft.is_withheld and schedule.is_stale(draw_on=day, as_of=as_of)


def _can_be_announced(draft: Draft, as_of: dt.date) -> bool:
    """Whether a notice that is written today is delivered in time, if all goes well."""
    return draft.draw_on >= schedule.earliest_announced(as_of)


def _check_limit(draft: Draft) -> None:
    limit = draft.enrollment.limit_cents
    if limit is not None and draft.amount_cents > limit:
        moves.hold(draft, Reason.OVER_LIMIT)


def _pays_since_renewal(draft: Draft, as_of: dt.date) -> bool:
    """Whether a draw was refused because its card had expired, and the card was renewed since."""
    return (
        draft.failure_code == retries.EXPIRED_CARD
        and draft.next_try_on is None
        and draft.payment is not None
        and draft.enrollment.method.renewed_at is not None
        and draft.enrollment.method.renewed_at > draft.payment.created_at
        and why_not_tried(draft, on=schedule.earliest_announced(as_of)) is None
    )


def _is_free_again(draft: Draft, payable: int, as_of: dt.date) -> bool:
    """Whether what kept a draw on hold is over."""
    limit, reader = draft.enrollment.limit_cents, letters.reader(draft.enrollment)
    match draft.reason:
        case Reason.OVER_LIMIT:
            return limit is None or payable <= limit
        case Reason.METHOD_REFUSED:  # its card had expired, and was renewed since
            return why_not_tried(draft, on=schedule.earliest_announced(as_of)) is None
        case Reason.NO_ADDRESS:
            return reader is not None
        case Reason.NOTICE_BOUNCED:
            last = draft.notices.select_related("mail").order_by("-number").first()
            return reader is not None and (
                last is None or last.sent_to != reader.email or _arrived(last)
            )
    return False


def _arrived(notice: Notice) -> bool:
    """Whether staff had the mail of a bounced notice sent once more, and the server took it: the
    address is right again. What the mail says is out of date by now, and counts for no draw.
    """
    return notice.mail is not None and notice.mail.status == STATUS.sent


def redate(*, enrollment: Enrollment, as_of: dt.date) -> None:
    """Another schedule was chosen: every draw to come has its day anew."""
    chosen = choice_of(enrollment).schedule
    for draft in lock_drafts(enrollment):
        if draft.state in (DraftState.PLANNED, DraftState.NOTICED):
            day = schedule.draw_date(chosen, due_on=draft.invoice.due_on, as_of=as_of)
            if day != draft.draw_on and draft.invoice.payable_cents > 0:
                moves.plan_again(draft, amount_cents=draft.invoice.payable_cents, as_of=as_of)
    plan(enrollment=enrollment, as_of=as_of)


def take_up_again(*, enrollment: Enrollment, as_of: dt.date, also_refused: bool = False) -> None:
    """After a pause or a stop: draws whose day has come meanwhile are dated and announced anew.

    With `also_refused`, those too that the old method could not pay, unless this one may not be tried
    for them either.
    """
    for draft in lock_drafts(enrollment):
        missed = (draft.state == DraftState.NOTICED and draft.draw_on <= as_of) or (
            draft.next_try_on is not None and draft.next_try_on <= as_of
        )
        refused = (
            also_refused
            and (
                draft.state == DraftState.FAILED
                or (draft.state == DraftState.HELD and draft.reason in METHODS_FAULT)
            )
            and why_not_tried(draft, on=schedule.earliest_announced(as_of)) is None
        )
        if (missed or refused) and draft.invoice.payable_cents >= MIN_CENTS:
            moves.plan_again(draft, amount_cents=draft.invoice.payable_cents, as_of=as_of)
    if enrollment.draws:
        plan(enrollment=enrollment, as_of=as_of)


def why_not_tried(draft: Draft, *, on: dt.date) -> Reason | None:
    """Why the enrollment's method may not be tried for a bill on a day; None where it may."""
    return retries.bar(refusals_of(draft), kind=draft.enrollment.method.kind, on=on)


def _new_bills(enrollment: Enrollment) -> "QuerySet[Invoice]":
    """Payable bills of the scope without a draft; one that a payment is busy with waits for it."""
    return (
        enrollment.bills()
        .filter(open_cents__gte=F("reserved_cents") + MIN_CENTS)
        .exclude(allocations__in_flight=True)
        .exclude(Exists(Draft.objects.filter(enrollment=enrollment, invoice=OuterRef("pk"))))
        .order_by("due_on", "pk")
    )


def _to_plan(region: Region, as_of: dt.date) -> "QuerySet[Enrollment, int]":
    """Enrollments with a bill without a draft, or a draft that its bill or the calendar left behind."""
    bills = Invoice.objects.filter(
        account=OuterRef("account"), open_cents__gte=F("reserved_cents") + MIN_CENTS
    ).exclude(Exists(Draft.objects.filter(enrollment=OuterRef(OuterRef("pk")), invoice=OuterRef("pk"))))
    premium = Q(kind=Invoice.Kind.PREMIUM)
    drafts = Draft.objects.filter(enrollment=OuterRef("pk"))
    payable = F("invoice__open_cents") - F("invoice__reserved_cents")
    to_come = [DraftState.PLANNED, DraftState.NOTICED]
    first_day = schedule.earliest_announced(as_of)
    stale = as_of - dt.timedelta(days=schedule.MOST_DAYS_LATE)
    standing = Exists(Notice.objects.filter(draft=OuterRef("pk"), state__in=STANDING))
    free = Q(held_by__isnull=True) | ~Q(held_by__state=RunState.HELD)
    owed = Q(invoice__open_cents__gte=F("invoice__reserved_cents") + MIN_CENTS)
    left_behind = (
        Q(state__in=to_come) & ~Q(amount_cents=payable)
        | Q(state=DraftState.PLANNED, draw_on__lt=first_day) & ~standing
        | Q(state=DraftState.NOTICED, draw_on__lt=stale) & free
        | Q(state=DraftState.FAILED, next_try_on__lt=stale) & free
        | Q(state=DraftState.HELD)
        | Q(state=DraftState.FAILED, next_try_on__isnull=False, invoice__open_cents=0)
        | Q(state=DraftState.FAILED, failure_code=retries.EXPIRED_CARD, next_try_on__isnull=True)
        & Q(payment__created_at__lt=F("enrollment__method__renewed_at"))
        & owed
        | Q(state=DraftState.SKIPPED, reason__in=NOTHING_TO_CHARGE) & owed
    )
    return (
        Enrollment.objects.filter(account__region=region, state=EnrollmentState.ACTIVE)
        .filter(
            Q(scope=Scope.PREMIUMS) & Exists(bills.filter(premium))
            | Q(scope=Scope.MEDICAL) & Exists(bills.exclude(premium))
            | Exists(drafts.filter(left_behind))
        )
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def _standing_notice(draft: Draft) -> Notice | None:
    return Notice.objects.filter(draft=draft, state__in=STANDING).first()
