"""Rows 11 and 20 to 26: a run that dies, comes twice or late, or finds nobody at Stripe."""

import datetime as dt
import signal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.models import Region
from autopay import tasks
from autopay.exceptions import ClockSetBack, FutureRun
from autopay.models import Draft, DraftAttempt, DraftState, Enrollment, Notice, Run
from autopay.services import drawing
from common.clock import ClockDisagrees, business_date
from demo.stripe.core import Sandbox
from payments.models import Payment, Receipt
from tests.races.test_double_submission import at_once
from tests.support import child
from tests.support.autopay import (
    DUE,
    START,
    Calendar,
    announced,
    assert_invariants,
    bill,
    enrolled,
    run,
    settle,
    work,
)
from tests.support.factories import make_account, make_member, make_region
from tests.support.failpoints import meanwhile
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


def due(sandbox: Sandbox, calendar: Calendar, count: int) -> Enrollment:
    """So many bills of $10.00, $10.01 and so on, announced in time and due today."""
    stands = enrolled(sandbox)
    for number in range(count):
        bill(stands, 10_00 + number, due_on=DUE)
    work(stands.account.region, draw=False)
    calendar.go_to(DUE)
    return stands


def assert_each_drawn_once(sandbox: Sandbox, count: int) -> None:
    """By the witness: every bill's amount was taken once, under one notice."""
    assert sorted(charged(sandbox).values()) == [10_00 + number for number in range(count)]
    assert Notice.objects.count() == count
    assert set(Draft.objects.values_list("state", flat=True)) == {DraftState.DRAWN}
    assert_invariants(sandbox)


@pytest.mark.parametrize(
    "failpoint",
    [
        "autopay.before_claim_commits",
        "autopay.claimed",
        "payments.after_create",
        "payments.after_confirm",
        "autopay.submitted",
    ],
)
def test_row_20_a_worker_killed_in_mid_run_leaves_every_bill_charged_once(
    sandbox: Sandbox, calendar: Calendar, tmp_path: Path, failpoint: str
) -> None:
    """At every line where it matters, in the third of six draws."""
    stands = due(sandbox, calendar, 6)
    region = stands.account.region
    today = Run.objects.create(region=region, as_of=DUE)
    for draft in Draft.objects.order_by("pk")[:2]:
        drawing.draw(draft_id=draft.pk, run=today, today=today.as_of)

    killed = child.run(
        tmp_path / "stripe.sqlite",
        "autopay",
        region.pk,
        failpoint=failpoint,
        shift=calendar.shift,
    )
    assert killed == -signal.SIGKILL
    assert Draft.objects.filter(state=DraftState.DRAWN).count() < 6
    run(region)  # beat's next pass, while the dead worker's lease still lasts
    calendar.go_to(DUE, hour=13)
    settle(region)
    run(region)  # what was given up before any bank was asked is drawn now

    assert_each_drawn_once(sandbox, 6)


def test_row_20_a_worker_killed_at_draw_37_of_100_leaves_all_100_charged_once(
    sandbox: Sandbox, calendar: Calendar, tmp_path: Path
) -> None:
    stands = due(sandbox, calendar, 100)
    region = stands.account.region

    killed = child.run(
        tmp_path / "stripe.sqlite",
        "autopay",
        region.pk,
        failpoint="payments.after_confirm",
        passed=36,
        shift=calendar.shift,
    )
    assert killed == -signal.SIGKILL
    assert Draft.objects.filter(state=DraftState.DRAWN).count() == 36
    assert DraftAttempt.objects.count() == 37
    assert len(charged(sandbox)) == 37  # of the last one we do not know yet

    run(region)
    calendar.go_to(DUE, hour=13)
    settle(region)
    run(region)

    assert DraftAttempt.objects.count() == 100
    assert_each_drawn_once(sandbox, 100)


def test_row_21_22_a_run_started_four_times_at_once_draws_once(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """Two beats, and a task that Redis hands out again because it took so long."""
    stands = due(sandbox, calendar, 8)
    region = stands.account.region

    done = at_once(4, lambda _: drawing.run(region=region, as_of=DUE, today=DUE, threads=1))

    assert [outcome for outcome in done if isinstance(outcome, Exception)] == []
    settle(region)
    assert Run.objects.count() == 1
    assert_each_drawn_once(sandbox, 8)


def test_row_21_many_threads_of_one_run_draw_once(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = due(sandbox, calendar, 8)
    run(stands.account.region, threads=4)
    assert_each_drawn_once(sandbox, 8)


@pytest.mark.parametrize(
    "where",
    [
        "autopay.claimed",
        "payments.before_create",
        "payments.after_create",
        "payments.after_confirm",
        "autopay.submitted",
    ],
)
def test_row_22_the_second_copy_of_a_task_that_took_too_long_does_nothing(
    sandbox: Sandbox, calendar: Calendar, settings: Any, where: str
) -> None:
    """Redis hands it out again while the first copy is still at this line."""
    settings.AUTOPAY_THREADS = 2
    stands = due(sandbox, calendar, 1)
    key = stands.account.region_id

    def the_second_copy() -> None:
        asked, payment = len(sandbox.requests()), Payment.objects.get()
        tasks.run_region(key)
        assert len(sandbox.requests()) == asked
        assert Payment.objects.get().state == payment.state

    with meanwhile(where, the_second_copy):
        tasks.run_region(key)
    tasks.run_region(key)

    assert DraftAttempt.objects.count() == 1
    assert_each_drawn_once(sandbox, 1)


def test_row_23_a_run_three_days_late_catches_up_and_the_notice_rule_still_holds(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = due(sandbox, calendar, 3)
    calendar.go_to(DUE + dt.timedelta(days=3))
    late = bill(stands, 99_00, due_on=DUE)  # came while nobody ran; it has no notice yet
    work(stands.account.region)

    assert sorted(charged(sandbox).values()) == [10_00, 10_01, 10_02]
    assert Draft.objects.get(invoice=late).draw_on == dt.date(2026, 11, 30)
    for attempt in DraftAttempt.objects.select_related("notice", "draft"):
        assert attempt.notice.delivered_on <= attempt.draft.draw_on - dt.timedelta(days=10)
    assert_invariants(sandbox)


def test_row_23_a_run_a_week_late_announces_again_first(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = due(sandbox, calendar, 1)
    calendar.go_to(DUE + dt.timedelta(days=7))
    work(stands.account.region)
    assert charged(sandbox) == {}
    draft = Draft.objects.get()
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, dt.date(2026, 12, 4))
    assert_invariants(sandbox)


@pytest.mark.parametrize(
    ("code", "since"),
    [
        ("MAS", "2027-03-13T20:00"),  # eastern time: spring forward
        ("NCAL", "2027-03-13T20:00"),
        ("HI", "2027-03-13T20:00"),  # never changes
        ("MAS", "2027-11-06T20:00"),  # fall back
        ("NCAL", "2027-11-06T20:00"),
        ("HI", "2027-11-06T20:00"),
    ],
)
def test_row_24_each_local_date_has_exactly_one_run_and_the_bill_one_draw(
    sandbox: Sandbox, calendar: Calendar, code: str, since: str
) -> None:
    """The clock changes on a Sunday; a bill that is due then is drawn on Monday."""
    moment = dt.datetime.fromisoformat(since).replace(tzinfo=dt.UTC)
    calendar.go_to_moment(moment - dt.timedelta(days=12))
    region = make_region(code)
    stands = enrolled(sandbox, account=make_account(make_member(region=region)))
    announced(stands, due_on=moment.date() + dt.timedelta(days=1))
    days = set()
    for _ in range(24):
        calendar.go_to_moment(moment)
        today = business_date(region.time_zone)
        days.add(today)
        drawing.run(region=region, as_of=today, today=today)
        moment += dt.timedelta(minutes=100)

    assert set(Run.objects.values_list("as_of", flat=True)) == days
    assert Run.objects.count() == len(days)
    settle(region)
    assert list(charged(sandbox).values()) == [120_00]
    assert Draft.objects.get().draw_on.weekday() == 0
    assert_invariants(sandbox)


@pytest.mark.parametrize(
    ("day", "due_on", "drawn_on"),
    [
        (29, "2027-02-28", "2027-03-01"),  # the 28th in its stead, a Sunday
        (29, "2028-02-29", "2028-02-29"),  # a leap year: the chosen day itself
        (29, "2028-03-31", "2028-03-29"),
        (30, "2027-02-28", "2027-03-01"),
        (30, "2028-02-29", "2028-02-29"),  # a leap year: the 29th in its stead
        (30, "2027-04-30", "2027-04-30"),
        (31, "2027-02-28", "2027-03-01"),
        (31, "2027-04-30", "2027-04-30"),  # the 30th in its stead
        (31, "2027-12-31", "2027-12-31"),  # the last day of a year
    ],
)
def test_row_25_a_month_without_the_chosen_day_is_drawn_on_its_last_one(
    sandbox: Sandbox, calendar: Calendar, day: int, due_on: str, drawn_on: str
) -> None:
    expected = dt.date.fromisoformat(drawn_on)
    calendar.go_to(expected - dt.timedelta(days=14))
    draft = announced(enrolled(sandbox, day_of_month=day), due_on=dt.date.fromisoformat(due_on))
    region = draft.enrollment.account.region
    for ahead in (-1, 0, 1):
        calendar.go_to(expected + dt.timedelta(days=ahead))
        run(region)

    attempt = DraftAttempt.objects.get()
    assert business_date(region.time_zone, attempt.at) == draft.draw_on == expected
    assert list(charged(sandbox).values()) == [120_00]
    assert_invariants(sandbox)


@pytest.mark.parametrize("off_by", [dt.timedelta(hours=1), dt.timedelta(days=1)])
def test_row_26_a_worker_whose_clock_is_off_draws_nothing_and_raises_an_alert(
    sandbox: Sandbox, calendar: Calendar, monkeypatch: pytest.MonkeyPatch, off_by: dt.timedelta
) -> None:
    stands = due(sandbox, calendar, 1)
    monkeypatch.setattr(timezone, "now", lambda: dt.datetime.now(dt.UTC) + off_by)
    for task in (
        tasks.run_regions,
        tasks.plan_and_announce,
        lambda: tasks.run_region(stands.account.region_id),
    ):
        with capture_logs() as logs, pytest.raises(ClockDisagrees):
            task()
        assert [(line["event"], line["log_level"]) for line in logs] == [("clock.disagrees", "error")]
    assert charged(sandbox) == {}
    assert not Run.objects.exists()
    assert_invariants(sandbox)


def test_row_26_a_day_ahead_and_a_day_back_are_refused(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = due(sandbox, calendar, 1)
    region, tomorrow = stands.account.region, DUE + dt.timedelta(days=1)
    with pytest.raises(FutureRun):
        drawing.run(region=region, as_of=tomorrow, today=DUE)
    assert not Run.objects.exists()
    calendar.go_to(tomorrow)
    drawing.run(region=region, as_of=tomorrow, today=tomorrow)
    calendar.go_to(DUE)
    with capture_logs() as logs, pytest.raises(ClockSetBack):
        drawing.run(region=region, as_of=DUE, today=DUE)
    assert [(line["event"], line["log_level"], line["last"]) for line in logs] == [
        ("autopay.clock_set_back", "error", str(tomorrow))
    ]
    settle(region)
    assert_each_drawn_once(sandbox, 1)


@pytest.mark.parametrize("threads", [1, 8])
def test_row_11_stripe_down_for_two_hours_defers_and_catches_up_once(
    sandbox: Sandbox, calendar: Calendar, threads: int
) -> None:
    count = 11 + threads * 3
    stands = due(sandbox, calendar, count)
    region, user = stands.account.region, stands.account.guarantor.user
    mails = len(mails_to(user.email))
    sandbox.faults.add("* /v1/*", "down_503", times=100_000)

    for hour in (13, 14):
        calendar.go_to(DUE, hour=hour)
        with capture_logs() as logs:
            work(region, threads=threads)
        deferred = [line for line in logs if line["event"] == "autopay.deferred"]
        assert [line["log_level"] for line in deferred] == ["error"]
    assert charged(sandbox) == {}
    # No mass failure: what the first pass finds out by, and one draw of the second; each thread may
    # have had one in hand when that was known.
    others = threads - 1
    assert DraftAttempt.objects.count() <= drawing.MOST_UNANSWERED + others + 1 + others < count
    assert not Draft.objects.filter(state=DraftState.FAILED).exists()

    sandbox.faults.clear()
    for hour in (15, 16, 17):
        calendar.go_to(DUE, hour=hour)
        work(region, threads=threads)

    assert_each_drawn_once(sandbox, count)
    assert len(mails_to(user.email)) == mails  # nothing failed: only receipts are still to come
    assert Receipt.objects.filter(mailed_at=None).count() == count


def test_a_region_runs_on_its_own_day(sandbox: Sandbox, calendar: Calendar) -> None:
    """When it is Monday in New England it is still Sunday in Hawaii."""
    calendar.go_to(DUE, hour=1, zone="America/New_York")
    zones = dict(Region.objects.values_list("code", "time_zone"))
    assert business_date(zones["MAS"]) == DUE
    assert business_date(zones["HI"]) == DUE - dt.timedelta(days=1)
    stands = announced(enrolled(sandbox), due_on=DUE + dt.timedelta(days=14)).enrollment
    assert stands.starts_on == START + dt.timedelta(days=13)
