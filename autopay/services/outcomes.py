"""What became of draws: paid, refused, taken back, or given up before any bank was asked.

A settled draw is told by payments' receipt. Everything else is told here, with what happens next.
"""

import datetime as dt

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Region
from autopay import emails, retries
from autopay.models import (
    Draft,
    DraftAttempt,
    DraftState,
    Enrollment,
    EnrollmentState,
    Reason,
    StopReason,
)
from autopay.retries import After
from autopay.services import enrollment, moves
from autopay.services.locking import lock_draft, lock_enrollment
from common.batches import for_each
from common.clock import business_date
from payments.models import CAME_TO_NOTHING, SETTLED, Dispute, DisputeState, Payment, State

log = structlog.get_logger(__name__)

# Why a payment was given up without Stripe refusing it: no answer, or a process that died.
UNSENT = ("", "never sent")
# A disputed card charge, decided for its holder: nobody may charge it under this authorization.
DISPUTED = "disputed"

_PAID = """
    UPDATE autopay_draft draft SET state = 'drawn' FROM payments_payment payment
    WHERE draft.id = %s AND draft.state = 'submitted'
        AND payment.id = draft.payment_id AND payment.state = 'succeeded'
"""


def apply_due(*, region: Region, as_of: dt.date) -> int:
    """Take in the outcomes that nobody waited for; returns how many drafts moved."""
    of_region = Draft.objects.filter(enrollment__account__region=region)
    ended = of_region.filter(
        state=DraftState.SUBMITTED, payment__state__in=(*SETTLED, *CAME_TO_NOTHING)
    )
    taken_back = of_region.filter(state=DraftState.DRAWN, payment__state=State.RETURNED)
    keys = list(ended.union(taken_back).values_list("pk", flat=True))
    moved = for_each(
        keys,
        lambda pk: apply(draft_id=pk, as_of=as_of),
        failing="draws whose outcome could not be taken in",
    )
    for_each(
        _disputed_in_part(region).values_list("pk", flat=True),
        _stop_disputed,
        failing="enrollments that a lost dispute could not stop",
    )
    return moved


def _disputed_in_part(region: Region) -> QuerySet[Enrollment]:
    """Enrollments that stand, of which the holder disputed a draw and kept a part of it: the payment
    is not returned, and the draft stays drawn. Another method since brought another authorization.
    """
    return Enrollment.objects.filter(
        Exists(
            Dispute.objects.filter(
                payment__draft__enrollment=OuterRef("pk"),
                payment__authorization=OuterRef("authorization"),
                state=DisputeState.LOST,
                is_return=False,
            )
        ),
        account__region=region,
        state__in=(EnrollmentState.ACTIVE, EnrollmentState.PAUSED),
    )


@transaction.atomic
def _stop_disputed(enrollment_id: int) -> bool:
    stands = lock_enrollment(enrollment_id)
    if not _disputed_in_part(stands.account.region).filter(pk=stands.pk).exists():
        return False
    enrollment.stop(enrollment=stands, reason=StopReason.REVOKED, detail=DISPUTED)
    return True


def apply(*, draft_id: int, as_of: dt.date) -> bool:
    """Take in the outcome of a draft's payment; false where there is none, or it was taken in."""
    return _paid(draft_id) or _apply(draft_id, as_of)


def _paid(draft_id: int) -> bool:
    """The usual outcome, from which nothing follows: one row moves, and no other lock is needed."""
    with connection.cursor() as cursor:
        cursor.execute(_PAID, [draft_id])
        return bool(cursor.rowcount)


@transaction.atomic
def _apply(draft_id: int, as_of: dt.date) -> bool:
    draft = lock_draft(draft_id)
    payment = draft.payment
    if payment is None or not payment.has_outcome:
        return False
    if draft.state == DraftState.DRAWN and payment.state == State.RETURNED:
        _taken_back(draft, payment, as_of)
    elif draft.state != DraftState.SUBMITTED:
        return False
    elif payment.state == State.CANCELED:
        _given_up(draft, payment)
    elif payment.state == State.FAILED:
        _refused(draft, payment, payment.decline_code, as_of)
    else:
        draft.state = DraftState.DRAWN
        draft.save(update_fields=["state"])
        if payment.state == State.RETURNED:
            _taken_back(draft, payment, as_of)
    return True


def _given_up(draft: Draft, payment: Payment) -> None:
    """No bank was asked: the draw is as it was before. What Stripe would not take is staff's."""
    last = payment.events.order_by("pk").last()
    detail = last.detail if last is not None else ""
    draft.state = DraftState.NOTICED
    if detail not in UNSENT:
        draft.failure_code = detail[:60]
        moves.hold(draft, Reason.NOT_TAKEN)
        return
    log.warning("autopay.not_sent", draft=draft.pk, payment=payment.reference)
    draft.save(update_fields=["state"])
    if draft.enrollment.has_ended:
        moves.cancel(draft, Reason.ENROLLMENT_CANCELED)


def _refused(
    draft: Draft, payment: Payment, code: str, as_of: dt.date, *, taken_back: bool = False
) -> None:
    """A bank said no, or took the money back: what the table of rules says follows."""
    draft.state, draft.failure_code = DraftState.FAILED, code[:60]
    tries, first_on = tries_of(draft)
    draft.tries = tries = max(tries, 1)
    if code == DISPUTED:
        found = retries.Verdict(After.REVOKED)
    else:
        found = retries.verdict(
            kind=payment.method_kind, code=code, tries=tries, first_try_on=first_on, on=as_of
        )
    # A cancel that was confirmed is not undone by a refusal that came later.
    draft.next_try_on = None if draft.enrollment.has_ended else found.next_try_on
    draft.save()
    log.info("autopay.refused", draft=draft.pk, code=code, after=str(found.after), tries=tries)
    if found.after == After.CONFIRM:
        emails.confirm_yourself(draft=draft)
    else:
        emails.failed(draft=draft, kind=payment.method_kind, taken_back=taken_back)
    if payment.saved_method_id != draft.enrollment.method_id:
        return  # another method was chosen meanwhile
    if found.after == After.METHOD_DEAD:
        enrollment.stop(enrollment=draft.enrollment, reason=StopReason.METHOD_DEAD, detail=code)
    elif found.after == After.REVOKED:
        enrollment.stop(enrollment=draft.enrollment, reason=StopReason.REVOKED, detail=code)


def _taken_back(draft: Draft, payment: Payment, as_of: dt.date) -> None:
    """A settled draw came back: the bill is owed again (payments reversed the books)."""
    dispute = Dispute.objects.filter(payment=payment).order_by("-pk").first()
    is_return = dispute is not None and dispute.is_return
    code = dispute.reason if dispute is not None and is_return else DISPUTED
    _refused(draft, payment, code, as_of, taken_back=True)


def tries_of(draft: Draft) -> tuple[int, dt.date]:
    """How often a bank refused this bill with this method, under earlier enrollments too; since when.

    The day is the region's of the first refused attempt; today where there was none.
    """
    refused = DraftAttempt.objects.filter(
        draft__invoice_id=draft.invoice_id,
        payment__saved_method_id=draft.enrollment.method_id,
        payment__state__in=(State.FAILED, State.RETURNED),
    ).order_by("at")
    times = list(refused.values_list("at", flat=True))
    zone = draft.enrollment.account.region.time_zone
    return len(times), business_date(zone, times[0] if times else None)
