"""A held run waits as long as it takes: nothing of it leaks into another day, and a supervisor's word
reaches all of it.
"""

import datetime as dt
from typing import Any

import pytest

from accounts.models import Region
from accounts.roles import Role
from autopay.models import Draft, DraftState, NoticeState, Reason, Run, RunState
from autopay.services import breaker, drawing, enrollment
from demo.stripe.core import Sandbox
from payments.models import Payment
from tests.support.autopay import (
    DUE,
    Calendar,
    announced,
    assert_invariants,
    by,
    enroll,
    enrolled,
    pass_days,
    run,
    work,
)
from tests.support.factories import make_staff
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(sandbox: Sandbox, calendar: Calendar) -> Run:
    """Draws of two accounts, the larger one above the ceiling, were due on DUE."""
    announced(enrolled(sandbox), 12_000_00)
    announced(enrolled(sandbox), 80_00)
    calendar.go_to(DUE)
    made = run(Region.objects.get(code="NCAL"))
    assert made.state == RunState.HELD
    return made


def told(draft: Draft) -> list[str]:
    return [mail.subject for mail in mails_to(draft.enrollment.account.guarantor.user.email)]


def wait(calendar: Calendar, region: Region, days: int) -> None:
    """Every day has its work, its own run too."""
    pass_days(calendar, region, until=DUE + dt.timedelta(days=days))


def test_what_a_run_holds_for_weeks_is_drawn_by_no_other(
    held: Run, calendar: Calendar, sandbox: Sandbox
) -> None:
    wait(calendar, held.region, 20)
    assert charged(sandbox) == {}
    assert {(draft.state, draft.draw_on) for draft in Draft.objects.all()} == {
        (DraftState.NOTICED, DUE)
    }
    assert held.drafts.count() == 2


def test_a_release_within_five_days_draws_what_was_announced(
    held: Run, calendar: Calendar, sandbox: Sandbox
) -> None:
    wait(calendar, held.region, 5)
    breaker.release_run(run=held, by=make_staff(Role.SUPERVISOR), reason="A hospital's bill")
    run(held.region)
    assert sorted(charged(sandbox).values()) == [80_00, 12_000_00]
    assert Draft.objects.filter(notices__state=NoticeState.WITHDRAWN).count() == 0
    assert_invariants(sandbox)


def test_a_later_release_announces_anew_and_draws_ten_days_after_that(
    held: Run, calendar: Calendar, sandbox: Sandbox
) -> None:
    wait(calendar, held.region, 8)
    breaker.release_run(run=held, by=make_staff(Role.SUPERVISOR), reason="A hospital's bill")
    run(held.region)
    assert charged(sandbox) == {}
    work(held.region)
    assert {draft.draw_on for draft in Draft.objects.all()} == {dt.date(2026, 12, 7)}

    pass_days(calendar, held.region, until=dt.date(2026, 12, 7))

    # What is as large as before is looked at again on its new day: no release is for ever.
    again = Run.objects.get(state=RunState.HELD)
    assert again.as_of == dt.date(2026, 12, 7)
    assert charged(sandbox) == {}
    breaker.release_run(run=again, by=make_staff(Role.SUPERVISOR), reason="Looked at before")
    run(held.region)
    assert sorted(charged(sandbox).values()) == [80_00, 12_000_00]
    for draft in Draft.objects.all():
        notice = draft.notices.get(state=NoticeState.DELIVERED)
        assert (draft.draw_on - notice.delivered_on).days >= 10
    assert_invariants(sandbox)


def test_a_late_release_that_sends_nothing_does_not_make_a_large_day_the_usual(
    held: Run, calendar: Calendar, sandbox: Sandbox
) -> None:
    wait(calendar, held.region, 8)
    breaker.release_run(run=held, by=make_staff(Role.SUPERVISOR), reason="A hospital's bill")
    run(held.region)
    held.refresh_from_db()
    assert held.state == RunState.DONE
    assert (held.count, held.total_cents, held.largest_cents, held.largest_account_cents) == (
        0,
        0,
        0,
        0,
    )


@pytest.mark.parametrize("days", [1, 8])
def test_a_cancel_reaches_every_draw_and_its_owner_whenever_it_comes(
    held: Run, calendar: Calendar, sandbox: Sandbox, days: int
) -> None:
    wait(calendar, held.region, days)
    breaker.cancel_run(run=held, by=make_staff(Role.SUPERVISOR), reason="A feed sent it twice")
    wait(calendar, held.region, days + 15)
    assert charged(sandbox) == {}
    assert not Payment.objects.exists()
    for draft in Draft.objects.all():
        assert (draft.state, draft.reason) == (DraftState.CANCELED, Reason.RUN_CANCELED)
        assert len([subject for subject in told(draft) if "is not made" in subject]) == 1


def test_a_cancel_reaches_who_paused_meanwhile_and_who_had_resumed(
    held: Run, calendar: Calendar, sandbox: Sandbox
) -> None:
    """Resuming dates what was missed anew; it is still the held run's."""
    first, second = Draft.objects.order_by("pk")
    for draft in (first, second):
        enrollment.pause(enrollment=draft.enrollment, **by(draft.enrollment))
    calendar.go_to(DUE + dt.timedelta(days=2))
    enrollment.resume(enrollment=second.enrollment, **by(second.enrollment))
    work(held.region)
    second.refresh_from_db()
    assert second.draw_on > DUE

    breaker.cancel_run(run=held, by=make_staff(Role.SUPERVISOR), reason="A feed sent it twice")

    assert set(Draft.objects.values_list("state", "reason")) == {
        (DraftState.CANCELED, Reason.RUN_CANCELED)
    }
    wait(calendar, held.region, 30)
    assert charged(sandbox) == {}


def test_whoever_cancels_and_enrolls_again_does_not_take_the_bill_out_of_the_run(
    held: Run, calendar: Calendar, sandbox: Sandbox
) -> None:
    small = Draft.objects.order_by("pk")[1]
    enrollment.cancel(enrollment=small.enrollment, **by(small.enrollment))
    again = enroll(small.enrollment.method).drafts.get()
    wait(calendar, held.region, 20)
    again.refresh_from_db()
    assert (again.invoice, again.held_by, again.state) == (small.invoice, held, DraftState.PLANNED)
    assert charged(sandbox) == {}

    breaker.cancel_run(run=held, by=make_staff(Role.SUPERVISOR), reason="A feed sent it twice")
    again.refresh_from_db()
    assert (again.state, again.reason) == (DraftState.CANCELED, Reason.RUN_CANCELED)
    wait(calendar, held.region, 40)
    assert charged(sandbox) == {}


def test_a_draw_that_was_dated_anew_is_not_made_before_the_release(
    held: Run, calendar: Calendar, sandbox: Sandbox
) -> None:
    small = Draft.objects.order_by("pk")[1]
    enrollment.pause(enrollment=small.enrollment, **by(small.enrollment))
    calendar.go_to(DUE + dt.timedelta(days=1))
    enrollment.resume(enrollment=small.enrollment, **by(small.enrollment))
    wait(calendar, held.region, 30)
    assert charged(sandbox) == {}
    assert "We will draw $80.00 on Nov. 30, 2026" not in told(small)  # nobody is told what may not be

    breaker.release_run(run=held, by=make_staff(Role.SUPERVISOR), reason="A hospital's bill")
    work(held.region)
    small.refresh_from_db()
    assert small.state == DraftState.NOTICED
    assert charged(sandbox) == {}


def test_a_draw_of_a_released_run_that_fails_does_not_keep_today_from_being_drawn(
    held: Run, calendar: Calendar, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would fail at every pass, and the region would draw nothing for days."""
    broken = Draft.objects.order_by("pk")[0]
    breaker.release_run(run=held, by=make_staff(Role.SUPERVISOR), reason="A hospital's bill")
    day = DUE + dt.timedelta(days=1)
    today = announced(enrolled(sandbox), 55_00, due_on=DUE + dt.timedelta(days=14))
    Draft.objects.filter(pk=today.pk).update(draw_on=day, noticed_on=day - dt.timedelta(days=10))
    calendar.go_to(day)
    draw = drawing.draw

    def fails_for_one(**given: Any) -> Payment | None:
        if given["draft_id"] == broken.pk:
            raise RuntimeError("a row that cannot be")
        return draw(**given)

    monkeypatch.setattr(drawing, "draw", fails_for_one)
    with pytest.raises(ExceptionGroup) as raised:
        run(held.region)
    assert [str(error) for error in raised.value.exceptions] == ["a row that cannot be"]
    today.refresh_from_db()
    assert today.state == DraftState.DRAWN
    assert sorted(charged(sandbox).values()) == [55_00, 80_00]
