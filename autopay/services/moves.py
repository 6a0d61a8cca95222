"""Moving a draft, and what goes with each move. Called under the locks of autopay.services.locking."""

import datetime as dt

import structlog

from autopay import emails, refusal_emails, schedule
from autopay.models import Draft, DraftState, Notice, NoticeState, Reason
from autopay.terms import choice_of

log = structlog.get_logger(__name__)


def plan_again(draft: Draft, *, amount_cents: int, as_of: dt.date) -> None:
    """Date a draw anew, to be announced anew; the notice that stood is withdrawn.

    `as_of` is the region's day: the draw is at least ten days and one after it.
    """
    withdraw_notice(draft)
    draft.draw_on = schedule.draw_date(
        choice_of(draft.enrollment).schedule, due_on=draft.invoice.due_on, as_of=as_of
    )
    draft.amount_cents = amount_cents
    draft.noticed_cents = draft.noticed_on = draft.next_try_on = None
    draft.state, draft.reason = DraftState.PLANNED, ""
    draft.save()


def hold(draft: Draft, reason: Reason) -> None:
    """Not drawn until something changes. A bounced notice and a refused request are staff's too."""
    withdraw_notice(draft)
    draft.state, draft.reason = DraftState.HELD, reason
    draft.next_try_on = None
    draft.save()
    if reason == Reason.OVER_LIMIT:
        emails.over_limit(draft=draft)
        return
    log.error("autopay.draft_held", draft=draft.pk, reason=str(reason))
    if reason == Reason.NOT_TAKEN:
        refusal_emails.not_taken(draft=draft)
    elif reason in (Reason.NO_TRIES_LEFT, Reason.METHOD_REFUSED):
        refusal_emails.not_tried(draft=draft, reason=reason)


def skip(draft: Draft, reason: Reason) -> None:
    """Not drawn. Who was told that it would be is told that it will not."""
    was_announced = draft.noticed_cents is not None
    withdraw_notice(draft)
    draft.state, draft.reason = DraftState.SKIPPED, reason
    draft.next_try_on = None
    draft.save()
    if was_announced and reason != Reason.BY_MEMBER:
        emails.nothing_to_draw(draft=draft)


def cancel(draft: Draft, reason: Reason) -> None:
    """Never drawn."""
    withdraw_notice(draft)
    draft.state, draft.reason = DraftState.CANCELED, reason
    draft.next_try_on = None
    draft.save()


def withdraw_notice(draft: Draft) -> None:
    """The announcement that stands, if one does, counts no more."""
    Notice.objects.filter(draft=draft, state__in=[NoticeState.QUEUED, NoticeState.DELIVERED]).update(
        state=NoticeState.WITHDRAWN
    )
