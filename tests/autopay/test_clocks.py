"""A machine whose clock is off: it says so, does nothing, and decides about no legal day."""

import datetime as dt

import pytest
from django.utils import timezone
from post_office.models import STATUS, Email
from structlog.testing import capture_logs

from autopay import tasks
from autopay.models import DraftState, Notice, NoticeState, Run
from autopay.services import notices, planning
from common.clock import ClockDisagrees, check_clock, database_now, now
from common.tasks import deliver_mail
from demo.stripe.core import Sandbox
from tests.support.autopay import DUE, START, Calendar, announced, bill, draft_of, enrolled
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db

TASKS = {
    "plan_and_announce": tasks.plan_and_announce,
    "run_regions": tasks.run_regions,
    "apply_outcomes": tasks.apply_outcomes,
    "announce_card_expiry": tasks.announce_card_expiry,
    "deliver_mail": deliver_mail,
}


def shift_this_machine(monkeypatch: pytest.MonkeyPatch, by: dt.timedelta) -> None:
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + by)


@pytest.mark.parametrize("days", [-2, 2])
@pytest.mark.parametrize("name", TASKS)
def test_row_26_no_task_works_on_a_machine_whose_clock_is_off_and_each_raises_an_alert(
    sandbox: Sandbox, calendar: Calendar, monkeypatch: pytest.MonkeyPatch, name: str, days: int
) -> None:
    draft = announced(enrolled(sandbox))
    calendar.go_to(DUE)
    waiting = Email.objects.exclude(status=STATUS.sent).count()
    shift_this_machine(monkeypatch, dt.timedelta(days=days))
    with capture_logs() as logs, pytest.raises(ClockDisagrees):
        TASKS[name]()
    assert [(line["event"], line["log_level"], line["seconds"]) for line in logs] == [
        ("clock.disagrees", "error", 2 * 24 * 3600)
    ]
    draft.refresh_from_db()
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, DUE)
    assert Email.objects.exclude(status=STATUS.sent).count() == waiting
    assert charged(sandbox) == {}
    assert not Run.objects.exists()


def test_row_26_a_run_of_a_region_too(
    sandbox: Sandbox, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = announced(enrolled(sandbox))
    shift_this_machine(monkeypatch, DUE - START)
    with capture_logs() as logs, pytest.raises(ClockDisagrees):
        tasks.run_region(draft.enrollment.account.region_id)
    assert [line["event"] for line in logs] == ["clock.disagrees"]
    assert charged(sandbox) == {}


def test_row_26_a_sender_two_days_slow_does_not_make_a_notice_older_than_it_is(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """It wrote its own time on the mail; the database's day is the one that counts."""
    stands = enrolled(sandbox)
    region = stands.account.region
    invoice = bill(stands, due_on=DUE)
    planning.plan_region(region=region, as_of=START)
    notices.announce_due(region=region, as_of=START)
    calendar.go_to(START + dt.timedelta(days=5))
    deliver_mail()
    sent = Email.objects.filter(subject__startswith="We will draw")
    assert sent.update(last_updated=now() - dt.timedelta(days=2)) == 1

    notices.follow_up(region=region, as_of=START + dt.timedelta(days=5))

    notice, draft = Notice.objects.get(), draft_of(invoice)
    # Nine days before the draw, whatever the mail says: announced anew.
    assert (notice.state, notice.delivered_on) == (
        NoticeState.WITHDRAWN,
        START + dt.timedelta(days=5),
    )
    assert (draft.state, draft.draw_on) == (DraftState.PLANNED, dt.date(2026, 11, 18))


def test_clocks_that_agree_are_let_through() -> None:
    check_clock()
    assert abs(database_now() - now()) < dt.timedelta(minutes=1)
