"""What pages and other apps read of autopay. Days are on the region's calendar, amounts in cents."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.functional import Promise

from autopay.letters import scope_words
from autopay.models import (
    Draft,
    DraftState,
    Enrollment,
    EnrollmentEvent,
    EnrollmentState,
    Reason,
)
from autopay.models.draft import UPCOMING
from autopay.services.enrollment import Proof, proof_of
from billing.hooks import Draw as BillDraw
from billing.models import BillingAccount
from payments.methods import name_of
from payments.models import PaymentMethod

__all__ = ["Draw", "Proof", "proof_of"]  # and what is defined below


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw to come, or one that will not be made: what a member's page shows of it."""

    draft: Draft
    on: dt.date  # the next try's day, where it was refused before
    amount_cents: int
    state: str  # of DraftState
    is_announced: bool  # the notice was delivered: this amount, at most, on this day
    why_not: Promise | str  # why it is on hold; empty where it is not
    can_skip: bool


def enrollments(account: BillingAccount) -> list[Enrollment]:
    """Those that were not canceled, premiums first; at most two."""
    return list(
        Enrollment.objects.filter(account=account)
        .exclude(state=EnrollmentState.CANCELED)
        .select_related("method", "authorization", "account__region")
        .order_by("-scope")
    )


def upcoming(enrollment: Enrollment, *, limit: int = 3) -> list[Draw]:
    """The next draws, earliest first; those on hold among them, with the reason."""
    return [_draw(draft) for draft in _to_come(enrollment)[:limit]]


def _to_come(enrollment: Enrollment) -> list[Draft]:
    drafts = (
        Draft.objects.filter(enrollment=enrollment)
        .filter(state__in=(*UPCOMING, DraftState.FAILED))
        .select_related("invoice__patient", "enrollment", "payment")
    )
    still_open = [draft for draft in drafts if draft.is_open]
    return sorted(still_open, key=lambda draft: (draft.next_try_on or draft.draw_on, draft.pk))


def _draw(draft: Draft) -> Draw:
    return Draw(
        draft=draft,
        on=draft.next_try_on or draft.draw_on,
        amount_cents=draft.amount_cents,
        state=draft.state,
        is_announced=draft.state in (DraftState.NOTICED, DraftState.FAILED),
        why_not=Reason(draft.reason).label if draft.state == DraftState.HELD else "",
        can_skip=draft.is_open,
    )


def skipped(enrollment: Enrollment) -> list[Draft]:
    """What the member skipped and can take up again."""
    return list(
        enrollment.drafts.filter(
            state=DraftState.SKIPPED, reason=Reason.BY_MEMBER, invoice__open_cents__gt=0
        )
        .select_related("invoice__patient")
        .order_by("draw_on", "pk")
    )


def past(enrollment: Enrollment, *, limit: int = 12) -> list[Draft]:
    """What was sent, newest first: paid, on its way, or refused for good."""
    return list(
        enrollment.drafts.filter(
            state__in=(DraftState.SUBMITTED, DraftState.DRAWN, DraftState.FAILED),
            next_try_on__isnull=True,
        )
        .select_related("invoice__patient", "payment")
        .order_by("-draw_on", "-pk")[:limit]
    )


def changes(enrollment: Enrollment) -> list[EnrollmentEvent]:
    """Everything that was done to it, newest first."""
    return list(enrollment.events.select_related("by").order_by("-at", "-pk"))


def next_draw(account: BillingAccount) -> Draw | None:
    """The next draw of an account that nothing stands in the way of."""
    first = _to_be_drawn().filter(enrollment__account=account).first()
    return _draw(first) if first else None


def _to_be_drawn() -> "QuerySet[Draft]":
    """What will be drawn as things stand, earliest first."""
    return (
        Draft.objects.filter(
            Q(state__in=(DraftState.PLANNED, DraftState.NOTICED))
            | Q(state=DraftState.FAILED, next_try_on__isnull=False),
            enrollment__state=EnrollmentState.ACTIVE,
        )
        .select_related("enrollment__method", "invoice", "payment")
        .order_by(Coalesce("next_try_on", "draw_on"), "pk")
    )


def draws_of(invoice_ids: Collection[int]) -> dict[int, BillDraw]:
    """When and how these bills will be drawn (billing.hooks)."""
    drafts = _to_be_drawn().filter(invoice_id__in=invoice_ids)
    return {draft.invoice_id: _bill_draw(draft) for draft in drafts}


def next_of(account_id: int) -> BillDraw | None:
    """The next draw of an account, by its key (billing.hooks)."""
    first = _to_be_drawn().filter(enrollment__account=account_id).first()
    return _bill_draw(first) if first else None


def _bill_draw(draft: Draft) -> BillDraw:
    return BillDraw(
        on=draft.next_try_on or draft.draw_on,
        amount_cents=draft.amount_cents,
        method=name_of(draft.enrollment.method),
    )


def ended(account: BillingAccount) -> list[Enrollment]:
    """Those that were canceled, newest first."""
    return list(
        Enrollment.objects.filter(account=account, state=EnrollmentState.CANCELED).order_by("-ended_at")
    )


def uses_of(method: PaymentMethod) -> list[str]:
    """What would stop if a method were removed, in words for its owner (payments.hooks)."""
    return [
        scope_words(enrollment)
        for enrollment in Enrollment.objects.filter(
            method=method, state__in=(EnrollmentState.ACTIVE, EnrollmentState.PAUSED)
        ).order_by("-scope")
    ]


def drawn_by_themselves(invoice_ids: Collection[int]) -> set[int]:
    """Those of the bills that will be drawn, or are being drawn (payments.hooks)."""
    drafts = Draft.objects.filter(
        invoice_id__in=invoice_ids, enrollment__state=EnrollmentState.ACTIVE
    ).exclude(state=DraftState.HELD)
    return {
        draft.invoice_id for draft in drafts if draft.is_open or draft.state == DraftState.SUBMITTED
    }


def is_enrolled(account_id: int) -> bool:
    """Whether an account has autopay that draws (payments.hooks)."""
    return Enrollment.objects.filter(account_id=account_id, state=EnrollmentState.ACTIVE).exists()
