"""What became of draws: paid, refused, taken back, or given up before any bank was asked.

A settled draw is told by payments' receipt. Everything else is told here, with what happens next.
"""

import datetime as dt

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Region
from autopay import emails, refusal_emails, retries
from autopay.models import (
    Draft,
    DraftState,
    Enrollment,
    EnrollmentState,
    Reason,
    StopReason,
)
from autopay.retries import DISPUTED, After
from autopay.services import enrollment, moves
from autopay.services.locking import lock_draft, lock_enrollment, refusals_of
from common.batches import for_each
from payments.models import CAME_TO_NOTHING, SETTLED, Dispute, DisputeState, Payment, State
from payments.services import settlement
from payments.services.checkout import MIN_CENTS

log = structlog.get_logger(__name__)

# Why a payment was given up without Stripe refusing it: no answer, or a process that died.
UNSENT = ("", settlement.NEVER_SENT)

# What stops the enrollment, and why.
STOPS = {
    After.METHOD_EXPIRED: StopReason.METHOD_EXPIRED,
    After.METHOD_DEAD: StopReason.METHOD_DEAD,
    After.REVOKED: StopReason.REVOKED,
}

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
    if draft.enrollment.has_ended:  # and its proof says that this one was sent
        moves.cancel(draft, Reason.ENROLLMENT_CANCELED)
        emails.came_to_nothing(draft=draft)


def _refused(
    draft: Draft, payment: Payment, code: str, as_of: dt.date, *, taken_back: bool = False
) -> None:
    """A bank said no, or took the money back: what the table of rules says follows."""
    draft.state, draft.failure_code = DraftState.FAILED, code[:60]
    if payment.saved_method_id != draft.enrollment.method_id:
        _refused_by_the_old_method(draft, payment, code, as_of, taken_back=taken_back)
        return
    stands, kind = draft.enrollment, payment.method_kind
    refusals = refusals_of(draft)
    draft.tries = max(len(refusals), 1)
    since = draft.noticed_on or as_of
    found = retries.after(refusals, kind=kind, code=code, since=since, on=as_of)
    # A cancel that was confirmed is not undone by a refusal that came later.
    draft.next_try_on = None if stands.has_ended else found.next_try_on
    draft.save()
    log.info("autopay.refused", draft=draft.pk, code=code, after=str(found.after), tries=draft.tries)
    if found.after == After.CONFIRM:
        refusal_emails.confirm_yourself(draft=draft)
    else:
        refusal_emails.failed(draft=draft, kind=kind, taken_back=taken_back)
    if found.after in STOPS:
        enrollment.stop(enrollment=stands, reason=STOPS[found.after], detail=code)


def _refused_by_the_old_method(
    draft: Draft, payment: Payment, code: str, as_of: dt.date, *, taken_back: bool
) -> None:
    """Another one was chosen meanwhile. It may pay what the old one did not, never under the old one's
    notice and waits: announced anew; but not what its holder told the bank that they did not authorize.
    """
    kind, payable = payment.method_kind, draft.invoice.payable_cents
    found = retries.verdict(kind=kind, code=code, tries=1, first_try_on=as_of, on=as_of)
    draft.tries += 1
    draft.next_try_on = None
    draft.save()
    log.info("autopay.refused_by_old", draft=draft.pk, code=code, after=str(found.after))
    goes_on = draft.enrollment.state in (EnrollmentState.ACTIVE, EnrollmentState.PAUSED)
    is_taken_up = goes_on and found.after != After.REVOKED and payable >= MIN_CENTS
    refusal_emails.failed(draft=draft, kind=kind, taken_back=taken_back, by_another_method=is_taken_up)
    if is_taken_up:
        moves.plan_again(draft, amount_cents=payable, as_of=as_of)


def _taken_back(draft: Draft, payment: Payment, as_of: dt.date) -> None:
    """A settled draw came back: the bill is owed again (payments reversed the books)."""
    dispute = Dispute.objects.filter(payment=payment).order_by("-pk").first()
    is_return = dispute is not None and dispute.is_return
    code = dispute.reason if dispute is not None and is_return else DISPUTED
    _refused(draft, payment, code, as_of, taken_back=True)
