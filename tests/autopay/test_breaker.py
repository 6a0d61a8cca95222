"""A run out of line with its history is held: nothing is charged until a supervisor has looked."""

import datetime as dt
import math
import random
from collections import deque
from typing import Any

import pytest
from structlog.testing import capture_logs

from accounts.models import Region
from accounts.roles import Role
from autopay.exceptions import NoReason, NotAllowed, NotHeld
from autopay.models import Draft, DraftState, Enrollment, Reason, Run, RunState, StopReason
from autopay.preview import preview
from autopay.services import breaker
from autopay.services.breaker import Figures, compared, out_of_line
from demo.stripe.core import Sandbox
from payments.models import Payment, PaymentMethod
from tests.support.autopay import (
    DUE,
    START,
    Calendar,
    announced,
    assert_invariants,
    bill,
    enrolled,
    run,
    work,
)
from tests.support.factories import make_region, make_staff
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db

SMALL = {"small_count": 2, "small_cents": 500_00, "small_draw_cents": 500_00}


@pytest.fixture
def _small(settings: Any) -> None:
    """Floors so low that a few draws are enough for a test; what is held by default is told below."""
    settings.AUTOPAY_CEILINGS = {**settings.AUTOPAY_CEILINGS, **SMALL, "small_account_cents": 500_00}


def usual_days(region: Region, *, count: int, cents: int, days: int = 5) -> None:
    """So many earlier runs of this size, of equal draws from different accounts."""
    for before in range(1, days + 1):
        Run.objects.create(
            region=region,
            as_of=DUE - dt.timedelta(days=before),
            count=count,
            total_cents=cents,
            largest_cents=cents // count,
            largest_account_cents=cents // count,
        )
    Run.objects.filter(region=region).update(state=RunState.DONE)


@pytest.fixture
def planted(sandbox: Sandbox, calendar: Calendar) -> Run:
    """Ten times the usual total is due, and the run was started: the settings are the default ones."""
    stands = enrolled(sandbox)
    usual_days(stands.account.region, count=1, cents=300_00)
    for _ in range(3):
        announced(stands, 1_000_00)
    calendar.go_to(DUE)
    with capture_logs() as logs:
        held = run(stands.account.region)
    alerts = [line for line in logs if line["event"] == "autopay.run_held"]
    assert [(line["log_level"], line["region"], line["day"], line["why"]) for line in alerts] == [
        ("error", "NCAL", str(DUE), held.held_because)
    ]
    return held


def test_a_planted_run_of_ten_times_the_usual_total_is_held_until_it_is_released(
    planted: Run, sandbox: Sandbox
) -> None:
    assert planted.state == RunState.HELD
    assert planted.held_because == (
        "$3,000.00 in all, expected at most $2,999.99; "
        "$3,000.00 from one account, expected at most $2,999.99"
    )
    assert (planted.count, planted.total_cents) == (3, 3_000_00)
    work(planted.region)
    assert charged(sandbox) == {}

    supervisor = make_staff(Role.SUPERVISOR)
    breaker.release_run(run=planted, by=supervisor, reason="A big clinic's bills came at once")
    run(planted.region)

    assert list(charged(sandbox).values()) == [1_000_00] * 3
    planted.refresh_from_db()
    assert (planted.state, planted.decided_by) == (RunState.DONE, supervisor)
    assert_invariants(sandbox)


def test_a_planted_run_that_nobody_looks_at_charges_nothing_however_long_and_is_announced_anew(
    planted: Run, sandbox: Sandbox, calendar: Calendar
) -> None:
    """Beyond the five days for which its notices count: they are not drawn by the release itself."""
    for days in (1, 4, 5, 6, 9, 17):
        calendar.go_to(DUE + dt.timedelta(days=days))
        work(planted.region)
        assert charged(sandbox) == {}
        assert not Payment.objects.exists()
        assert_invariants(sandbox)

    supervisor = make_staff(Role.SUPERVISOR)
    breaker.release_run(run=planted, by=supervisor, reason="A big clinic's bills came at once")
    for _ in range(2):
        work(planted.region)
    assert charged(sandbox) == {}
    drafts = Draft.objects.all()
    # Noticed anew on December 3, for the first business day eleven days later.
    assert {(draft.state, draft.draw_on) for draft in drafts} == {
        (DraftState.NOTICED, dt.date(2026, 12, 14))
    }

    calendar.go_to(dt.date(2026, 12, 14))
    again = run(planted.region)
    assert (again.state, charged(sandbox)) == (RunState.HELD, {})  # as large as before
    breaker.release_run(run=again, by=supervisor, reason="Looked at before")
    run(planted.region)
    assert list(charged(sandbox).values()) == [1_000_00] * 3
    assert_invariants(sandbox)


def test_a_canceled_run_draws_nothing_and_each_owner_is_told(
    planted: Run, sandbox: Sandbox, calendar: Calendar
) -> None:
    breaker.cancel_run(run=planted, by=make_staff(Role.SUPERVISOR), reason="A feed sent it twice")
    run(planted.region)
    calendar.go_to(DUE + dt.timedelta(days=1))
    work(planted.region)
    assert charged(sandbox) == {}
    drafts = Draft.objects.all()
    assert {(draft.state, draft.reason) for draft in drafts} == {
        (DraftState.CANCELED, Reason.RUN_CANCELED)
    }
    user = Enrollment.objects.get().account.guarantor.user
    told = [mail.subject for mail in mails_to(user.email)]
    assert told.count("The draw of $1,000.00 is not made") == 3


def test_the_next_day_does_not_draw_what_waits_for_a_decision(
    planted: Run, sandbox: Sandbox, calendar: Calendar
) -> None:
    calendar.go_to(DUE + dt.timedelta(days=1))
    assert run(planted.region).state == RunState.DONE
    assert charged(sandbox) == {}
    breaker.release_run(run=planted, by=make_staff(Role.SUPERVISOR), reason="Looked at")
    run(planted.region)
    assert len(charged(sandbox)) == 3


@pytest.mark.usefixtures("_small")
def test_a_draw_of_a_run_released_days_later_is_tried_again_days_after_its_refusal(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """Not by the day of the run, which would have the next try follow within seconds."""
    stands = enrolled(sandbox, card="pm_card_chargeCustomerFail")
    region = stands.account.region
    usual_days(region, count=1, cents=300_00)
    announced(stands, 1_000_00)
    calendar.go_to(DUE)
    held = run(region)
    assert held.state == RunState.HELD
    calendar.go_to(DUE + dt.timedelta(days=3))
    breaker.release_run(run=held, by=make_staff(Role.SUPERVISOR), reason="Looked at")

    run(region)

    draft = Draft.objects.get()
    assert (draft.state, draft.tries, draft.attempts.count()) == (DraftState.FAILED, 1, 1)
    assert draft.next_try_on == dt.date(2026, 11, 23)  # three days later is a Sunday
    assert charged(sandbox) == {}


@pytest.mark.usefixtures("_small")
def test_a_card_that_expired_while_the_run_was_held_is_not_drawn_from(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = enrolled(sandbox)
    region = stands.account.region
    usual_days(region, count=1, cents=300_00)
    calendar.go_to(dt.date(2026, 11, 17))
    announced(stands, 1_000_00, due_on=dt.date(2026, 11, 30))
    PaymentMethod.objects.update(exp_month=11, exp_year=2026)
    calendar.go_to(dt.date(2026, 11, 30))
    held = run(region)
    calendar.go_to(dt.date(2026, 12, 1))
    breaker.release_run(run=held, by=make_staff(Role.SUPERVISOR), reason="Looked at")

    run(region)

    stands.refresh_from_db()
    assert (stands.state, stands.stop_reason) == ("stopped", StopReason.METHOD_EXPIRED)
    assert Payment.objects.count() == 0


def test_only_a_supervisor_decides_with_a_reason_and_once(planted: Run) -> None:
    with pytest.raises(NotAllowed):
        breaker.release_run(run=planted, by=make_staff(Role.BILLING_AGENT), reason="Please")
    supervisor = make_staff(Role.SUPERVISOR)
    with pytest.raises(NoReason):
        breaker.release_run(run=planted, by=supervisor, reason="  ")
    breaker.release_run(run=planted, by=supervisor, reason="Looked at")
    with pytest.raises(NotHeld):
        breaker.cancel_run(run=planted, by=supervisor, reason="Changed my mind")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Figures(1, 10_000_01, 10_000_01, 10_000_01), "a draw of $10,000.01"),
        (Figures(3, 20_000_01, 9_000_00, 20_000_01), "$20,000.01 from one account"),
        (Figures(501, 501_00, 1_00, 1_00), "501 draws, expected at most 500"),
        (Figures(500, 250_000_01, 9_000_00, 9_000_00), "$250,000.01 in all"),
    ],
)
@pytest.mark.django_db
def test_a_first_run_is_held_above_the_ceilings(found: Figures, words: str) -> None:
    (reason,) = out_of_line(found, region=make_region(), before=DUE)
    assert reason.startswith(words)


def test_small_figures_are_in_line_up_to_ten_times_the_usual() -> None:
    usual_days(make_region(), count=1, cents=10_00)
    small = Figures(9, 499_99, 499_99, 499_99)  # a day of $10 is taken for one of $50
    assert out_of_line(small, region=make_region(), before=DUE) == []
    assert out_of_line(Figures(10, 500_00, 500_00, 500_00), region=make_region(), before=DUE) == [
        "10 draws, expected at most 9",
        "$500.00 in all, expected at most $499.99",
        "a draw of $500.00, expected at most $499.99",
        "$500.00 from one account, expected at most $499.99",
    ]


USUAL = Figures(20, 3_000_00, 150_00, 150_00)


@pytest.mark.parametrize(
    ("found", "held"),
    [
        (USUAL, []),
        (Figures(25, 6_000_00, 1_400_00, 1_499_99), []),
        (Figures(61, 8_000_00, 150_00, 150_00), ["61 draws, expected at most 60"]),
        (Figures(60, 9_000_01, 150_00, 150_00), ["$9,000.01 in all, expected at most $9,000.00"]),
        (Figures(20, 4_500_00, 1_500_00, 1_500_00), None),
        (Figures(20, 4_500_00, 150_00, 1_500_00), None),
        # One draw as large as all others together, below every ceiling.
        (Figures(21, 3_000_00 + 9_999_00, 9_999_00, 9_999_00), None),
    ],
)
def test_all_four_figures_are_compared_with_what_is_usual(
    found: Figures, held: list[str] | None
) -> None:
    reasons = compared(found, [USUAL] * 3)
    assert bool(reasons) if held is None else reasons == held


def test_a_single_draw_of_9_999_among_draws_of_150_is_held(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """By the settings as they come."""
    stands = enrolled(sandbox)
    usual_days(stands.account.region, count=20, cents=20 * 150_00)
    announced(stands, 9_999_00)
    calendar.go_to(DUE)
    held = run(stands.account.region)
    assert held.state == RunState.HELD
    assert "a draw of $9,999.00, expected at most $1,499.99" in held.held_because
    assert charged(sandbox) == {}


@pytest.mark.parametrize("times", [10, 11, 100])
@pytest.mark.parametrize("cents", [50_00, 99_00, 300_00, 1_234_56, 20_000_00])
def test_ten_times_the_usual_total_is_held_by_default_however_small(cents: int, times: int) -> None:
    usual = Figures(3, cents, cents, cents)
    planted = Figures(3, cents * times, 1_00, 1_00)
    assert len(compared(planted, [usual] * 3)) == 1


@pytest.mark.parametrize(("a_day", "most_held"), [(1, 10), (3, 10), (20, 10), (200, 10)])
def test_honest_days_go_through_but_for_a_few_in_a_year(a_day: int, most_held: int) -> None:
    """Two years of a region whose households owe what households owe: a few hundred dollars, rarely
    some thousands; some days have twice the draws of others.
    """
    luck = random.Random(7)
    history: deque[Figures] = deque(maxlen=breaker.HISTORY)
    held = 0
    for _ in range(500):
        count = max(1, round(luck.gauss(a_day, a_day**0.5)))
        draws = [round(luck.lognormvariate(math.log(120_00), 1)) for _ in range(count)]
        found = Figures(count, sum(draws), max(draws), max(draws))
        if compared(found, history):
            held += 1
        else:
            history.append(found)
    assert held <= most_held


def test_a_run_of_the_usual_size_goes_through(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox)
    usual_days(stands.account.region, count=1, cents=300_00)
    announced(stands, 290_00)
    calendar.go_to(DUE)
    assert run(stands.account.region).state == RunState.DONE
    assert list(charged(sandbox).values()) == [290_00]


@pytest.mark.usefixtures("_small")
def test_what_is_due_later_on_a_day_counts_with_what_was_drawn(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = enrolled(sandbox)
    usual_days(stands.account.region, count=1, cents=300_00)
    announced(stands, 800_00)
    calendar.go_to(START + dt.timedelta(days=1))
    late = announced(stands, 200_00, due_on=DUE + dt.timedelta(days=1))
    calendar.go_to(DUE)
    run(stands.account.region)
    Draft.objects.filter(pk=late.pk).update(draw_on=DUE)
    assert run(stands.account.region).state == RunState.HELD
    assert list(charged(sandbox).values()) == [800_00]


def test_bills_are_counted_by_account(sandbox: Sandbox, calendar: Calendar) -> None:
    one, other = enrolled(sandbox), enrolled(sandbox)
    for stands, cents in ((one, 100_00), (one, 150_00), (other, 200_00)):
        bill(stands, cents, due_on=DUE)
    work(one.account.region, draw=False)
    found = breaker.figures(region=one.account.region, as_of=DUE)
    assert found == Figures(3, 450_00, 200_00, 250_00)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("state", [RunState.OPEN, RunState.RELEASED])
def test_a_preview_counts_the_day_that_the_run_ends_before_it_looks(
    sandbox: Sandbox, calendar: Calendar, state: RunState
) -> None:
    """The third day of a region's history is the one that was not over yet."""
    stands = enrolled(sandbox)
    region = stands.account.region
    usual_days(region, count=1, cents=30_00, days=2)
    small, tomorrow = announced(stands, 30_00), DUE + dt.timedelta(days=1)
    calendar.go_to(START + dt.timedelta(days=1))
    large = announced(stands, 800_00, due_on=tomorrow)
    calendar.go_to(DUE)
    if state == RunState.OPEN:
        Run.objects.filter(pk=run(region).pk).update(state=state)
    else:
        of_day = Run.objects.create(region=region, as_of=DUE)
        Run.objects.filter(pk=of_day.pk).update(state=RunState.HELD, held_because="looked odd")
        Draft.objects.filter(pk=small.pk).update(held_by=of_day)
        breaker.release_run(run=of_day, by=make_staff(Role.SUPERVISOR), reason="Looked at")
    calendar.go_to(tomorrow)

    lines = {line.bill: line for line in preview(region=region, as_of=tomorrow, today=tomorrow)}
    made = run(region)

    assert made.state == RunState.HELD
    assert list(charged(sandbox).values()) == [30_00]
    assert [bill for bill, line in lines.items() if line.is_drawn] == (
        [small.invoice.number] if state == RunState.RELEASED else []
    )
    assert lines[large.invoice.number].why == (
        f"the run of {tomorrow} would be held: {made.held_because}"
    )
