"""Notices: what will be drawn, and when, told at least ten days before (12 CFR 1005.10(d)(1)).

A notice counts from the day on which we see, by the database's clock, that a mail server took it: never
from an earlier one than that happened on, whatever the clock of the machine that sent it. One that
bounces blocks its draw; one that was delivered too late for its day is withdrawn, and the draw is
announced anew for a later day.
"""

import datetime as dt

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from post_office.models import STATUS, Email

from accounts.models import Region
from autopay import emails, letters, schedule
from autopay.models import (
    Draft,
    DraftState,
    Enrollment,
    EnrollmentState,
    Notice,
    NoticeState,
    Reason,
    RunState,
)
from autopay.services import moves, planning
from autopay.services.locking import lock_draft
from common import clock
from common.batches import for_each
from common.locks import lock_one

log = structlog.get_logger(__name__)


def announce_due(*, region: Region, as_of: dt.date) -> int:
    """Write the notices whose time has come on a region's day; returns how many."""
    waiting = _waiting(as_of).filter(
        enrollment__account__region=region, enrollment__state=EnrollmentState.ACTIVE
    )
    return for_each(
        list(waiting.values_list("pk", flat=True)),
        lambda pk: announce(draft_id=pk, as_of=as_of),
        failing="notices that could not be written",
    )


def announce_at_once(*, enrollment: Enrollment, as_of: dt.date) -> None:
    """Write what a new enrollment's bills ask for now, in the caller's transaction."""
    for pk in _waiting(as_of).filter(enrollment=enrollment).values_list("pk", flat=True):
        announce(draft_id=pk, as_of=as_of)


def _waiting(as_of: dt.date) -> "QuerySet[Draft]":
    """Draws that are near and of which nobody was told."""
    near = as_of + dt.timedelta(days=schedule.ANNOUNCE_DAYS)
    standing = Notice.objects.filter(draft=OuterRef("pk"), state__in=planning.STANDING)
    return (
        Draft.objects.filter(state=DraftState.PLANNED, draw_on__lte=near)
        .exclude(Exists(standing))
        .exclude(held_by__state=RunState.HELD)
        .order_by("draw_on", "pk")
    )


@transaction.atomic
def announce(*, draft_id: int, as_of: dt.date) -> bool:
    """Write one notice, in the transaction that keeps it; false where there is none to write."""
    draft = lock_draft(draft_id)
    if not draft.enrollment.draws or draft.state != DraftState.PLANNED:
        return False
    planning.follow_bill(draft, as_of=as_of)
    if draft.state != DraftState.PLANNED or draft.draw_on > as_of + dt.timedelta(
        days=schedule.ANNOUNCE_DAYS
    ):
        return False
    if draft.is_withheld or Notice.objects.filter(draft=draft, state__in=planning.STANDING).exists():
        return False
    barred = planning.why_not_tried(draft, on=draft.draw_on)
    if barred is not None:
        moves.hold(draft, barred)
        return False
    mail, reader = emails.notice(draft=draft), letters.reader(draft.enrollment)
    if mail is None or reader is None:
        moves.hold(draft, Reason.NO_ADDRESS)
        return False
    Notice.objects.create(
        draft=draft,
        number=draft.notices.count() + 1,
        amount_cents=draft.amount_cents,
        draw_on=draft.draw_on,
        sent_to=reader.email,
        mail=mail,
    )
    return True


def follow_up(*, region: Region, as_of: dt.date) -> int:
    """See what became of the mails; returns how many notices were delivered, bounced or too late."""
    waiting = Notice.objects.filter(
        state=NoticeState.QUEUED, draft__enrollment__account__region=region
    ).exclude(mail__status__in=[STATUS.queued, STATUS.requeued])
    return for_each(
        list(waiting.order_by("pk").values_list("pk", flat=True)),
        lambda pk: _follow_up(pk, as_of),
        failing="notices that could not be followed up",
    )


@transaction.atomic
def _follow_up(notice_id: int, as_of: dt.date) -> bool:
    draft = lock_draft(Notice.objects.values_list("draft_id", flat=True).get(pk=notice_id))
    notice = lock_one(Notice.objects.filter(pk=notice_id))
    if notice.state != NoticeState.QUEUED:
        return False
    mail = Email.objects.filter(pk=notice.mail_id).first()
    if mail is not None and mail.status == STATUS.sent:
        zone = draft.enrollment.account.region.time_zone
        _delivered(draft, notice, clock.business_date(zone, clock.database_now()), as_of)
    elif mail is None or mail.status == STATUS.failed:
        bounced(draft, notice)
    else:
        return False
    return True


def _delivered(draft: Draft, notice: Notice, on: dt.date, as_of: dt.date) -> None:
    stands = (
        draft.state == DraftState.PLANNED
        and notice.draw_on == draft.draw_on
        and notice.amount_cents >= draft.amount_cents
    )
    in_time = schedule.announced_in_time(draw_on=notice.draw_on, delivered_on=on)
    if stands and in_time:
        notice.state, notice.delivered_on = NoticeState.DELIVERED, on
        notice.save(update_fields=["state", "delivered_on"])
        draft.state = DraftState.NOTICED
        draft.noticed_cents, draft.noticed_on = notice.amount_cents, on
        draft.save(update_fields=["state", "noticed_cents", "noticed_on"])
        return
    notice.state, notice.delivered_on = NoticeState.WITHDRAWN, on
    notice.save(update_fields=["state", "delivered_on"])
    if draft.state == DraftState.PLANNED:
        log.warning("autopay.notice_too_late", draft=draft.pk)
        moves.plan_again(draft, amount_cents=draft.amount_cents, as_of=as_of)


def bounced(draft: Draft, notice: Notice) -> None:
    """Nobody was told: the draw waits for another address, and staff see it."""
    notice.state = NoticeState.BOUNCED
    notice.save(update_fields=["state"])
    if draft.state in (DraftState.PLANNED, DraftState.NOTICED):
        moves.hold(draft, Reason.NOTICE_BOUNCED)
