"""What PostgreSQL refuses whoever asks: the promises that no bug of ours may break."""

import datetime as dt

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from autopay.models import Draft, DraftAttempt, DraftState, Enrollment, Run, RunState
from demo.stripe.core import Sandbox
from tests.support.autopay import DUE, Calendar, announced, enrolled, run
from tests.support.factories import make_region

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(sandbox: Sandbox, calendar: Calendar) -> Draft:
    return announced(enrolled(sandbox, limit_cents=150_00))


def test_a_region_has_one_run_a_day() -> None:
    Run.objects.create(region=make_region(), as_of=DUE)
    with pytest.raises(IntegrityError, match="one_run_a_day"):
        Run.objects.create(region=make_region(), as_of=DUE)


def test_a_bill_has_one_draft_of_an_enrollment(draft: Draft) -> None:
    with pytest.raises(IntegrityError, match="one_draft_of_a_bill"):
        Draft.objects.create(
            enrollment=draft.enrollment, invoice=draft.invoice, draw_on=DUE, amount_cents=1
        )


@pytest.mark.parametrize("late_by", [1, 30])
def test_no_draw_stands_within_ten_days_of_its_notice(draft: Draft, late_by: int) -> None:
    too_late = draft.draw_on - dt.timedelta(days=10) + dt.timedelta(days=late_by)
    with pytest.raises(IntegrityError, match="draft_announced_ten_days_before"):
        Draft.objects.filter(pk=draft.pk).update(noticed_on=too_late)


def test_no_draw_stands_without_a_notice(draft: Draft) -> None:
    with pytest.raises(IntegrityError, match="draft_announced_ten_days_before"):
        Draft.objects.filter(pk=draft.pk).update(noticed_on=None)


def test_nothing_is_submitted_without_a_payment(draft: Draft) -> None:
    with pytest.raises(IntegrityError, match="draft_sent_has_a_payment"):
        Draft.objects.filter(pk=draft.pk).update(state=DraftState.SUBMITTED)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"noticed_cents": 119_99}, "attempt_within_what_was_announced"),
        ({"limit_cents": 119_99}, "attempt_within_the_limit"),
    ],
)
def test_no_attempt_is_above_its_notice_or_its_limit(
    draft: Draft, calendar: Calendar, change: dict[str, int], rule: str
) -> None:
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    made = DraftAttempt.objects.get()
    made.pk, made.number = None, 2
    for field, value in change.items():
        setattr(made, field, value)
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        made.save()


def test_a_canceled_enrollment_never_draws_again(draft: Draft) -> None:
    stands = draft.enrollment
    Enrollment.objects.filter(pk=stands.pk).update(state="canceled", ended_at=stands.created_at)
    with pytest.raises(ProgrammingError, match="Invalid transition"):
        Enrollment.objects.filter(pk=stands.pk).update(state="active", ended_at=None)


def test_a_canceled_draft_is_never_drawn(draft: Draft) -> None:
    Draft.objects.filter(pk=draft.pk).update(state="canceled", reason="enrollment")
    with pytest.raises(ProgrammingError, match="Invalid transition"):
        Draft.objects.filter(pk=draft.pk).update(state="noticed")


def test_a_held_run_goes_on_only_with_a_reason() -> None:
    held = Run.objects.create(region=make_region(), as_of=DUE)
    Run.objects.filter(pk=held.pk).update(state=RunState.HELD, held_because="ten times the usual")
    with pytest.raises(IntegrityError, match="run_decided_with_a_reason"):
        Run.objects.filter(pk=held.pk).update(state=RunState.RELEASED)
