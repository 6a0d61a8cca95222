"""manage.py autopay: what would be drawn and why not; drawing it; days that it refuses."""

import datetime as dt
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from structlog.testing import capture_logs

from autopay import tasks
from autopay.models import Draft, DraftState, Notice, Run
from autopay.preview import preview
from autopay.services import drawing
from common.clock import now
from demo.stripe.core import Sandbox
from payments.models import Payment
from payments.services import submission
from tests.support import methods, paying
from tests.support.autopay import (
    DUE,
    START,
    Calendar,
    announced,
    bill,
    draft_of,
    enrolled,
    run,
    work,
)
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db

COINS = (10_00, 20_00, 30_00, 40_00)


def autopay(*words: str) -> str:
    out = io.StringIO()
    call_command("autopay", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def draft(sandbox: Sandbox, calendar: Calendar) -> Draft:
    return announced(enrolled(sandbox, limit_cents=200_00))


def test_preview_says_what_would_be_drawn_and_why_not_the_rest(draft: Draft, sandbox: Sandbox) -> None:
    stands = draft.enrollment
    bill(stands, 300_00, due_on=DUE, number="B-LIMIT")
    paid = bill(stands, 50_00, due_on=DUE, number="B-PAID")
    bill(stands, 70_00, due_on=dt.date(2026, 12, 15), number="B-LATER")
    work(stands.account.region, draw=False)
    paying.pay(sandbox, paid)

    said = autopay("preview", "--as-of", DUE.isoformat(), "--region", "ncal")

    lines = {words[2]: line for line in said.splitlines() if len(words := line.split()) > 3}
    assert [line for line in said.splitlines() if line.startswith("draw")] == [
        line for line in said.splitlines() if draft.invoice.number in line
    ]
    assert "announced on 2026-11-02" in said
    assert "above the limit" in said
    assert "no notice was delivered yet" in said
    assert "nothing is owed" in said
    assert said.splitlines()[-1] == "1 to be drawn, $120.00 in all."
    assert lines
    assert not Run.objects.exists()


def test_a_dry_run_draws_nothing(draft: Draft, calendar: Calendar, sandbox: Sandbox) -> None:
    calendar.go_to(DUE)
    said = autopay("run", "--dry-run")
    assert said.splitlines()[-1] == "1 to be drawn, $120.00 in all."
    assert charged(sandbox) == {}
    assert not Run.objects.exists()


def test_run_draws(draft: Draft, calendar: Calendar, sandbox: Sandbox) -> None:
    calendar.go_to(DUE)
    said = autopay("run", "--region", "NCAL")
    assert "NCAL 2026-11-16  done           1 draws         $120.00" in said
    assert list(charged(sandbox).values()) == [120_00]


def test_an_account_of_a_preview(draft: Draft) -> None:
    number = draft.enrollment.account.account_number
    assert draft.invoice.number in autopay("preview", "--account", number)
    assert draft.invoice.number not in autopay("preview", "--account", "none")


def test_a_day_that_has_not_come_is_refused(draft: Draft, sandbox: Sandbox, settings: object) -> None:
    settings.DEMO = False  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="2026-11-16 has not come yet") as refused:
        autopay("run", "--as-of", DUE.isoformat(), "--region", "NCAL")
    assert refused.value.returncode == 2
    assert charged(sandbox) == {}
    assert not Run.objects.exists()


def test_a_demo_may_look_ahead(draft: Draft, sandbox: Sandbox) -> None:
    autopay("run", "--as-of", DUE.isoformat(), "--region", "NCAL")
    assert list(charged(sandbox).values()) == [120_00]


def test_a_clock_that_was_set_back_is_noticed(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    calendar.go_to(START)
    with pytest.raises(CommandError, match="was run for 2026-11-16 before"):
        autopay("run", "--region", "NCAL")
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    "words",
    [["run", "--region", "XX"], ["run", "--account", "1"], ["run", "--as-of", "2026-02-30"]],
)
def test_what_makes_no_sense_is_refused(words: list[str], sandbox: Sandbox) -> None:
    with pytest.raises(CommandError):
        autopay(*words)


def as_it_stands() -> list[tuple[object, ...]]:
    """Every draft and every notice."""
    drafts = Draft.objects.values_list("pk", "state", "draw_on", "noticed_on", "amount_cents")
    return [*drafts.order_by("pk"), *Notice.objects.values_list("pk", "state").order_by("pk")]


@pytest.mark.parametrize("days", [14, 40])
def test_a_refused_day_leaves_what_was_announced_as_it_was(
    draft: Draft, sandbox: Sandbox, settings: Any, days: int
) -> None:
    """By day 40 every notice would be too old to count."""
    settings.DEMO = False
    before = as_it_stands()
    day = START + dt.timedelta(days=days)
    with pytest.raises(CommandError, match="has not come yet"):
        autopay("run", "--as-of", day.isoformat(), "--region", "NCAL")
    assert as_it_stands() == before
    assert charged(sandbox) == {}


def test_a_clock_that_was_set_back_changes_nothing(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    Run.objects.create(region=draft.enrollment.account.region, as_of=START)
    bill(draft.enrollment, 30_00, due_on=DUE)  # not planned yet
    before = as_it_stands()
    calendar.go_to(START - dt.timedelta(days=1))
    Run.objects.update(started_at=now() + dt.timedelta(days=1))
    with pytest.raises(CommandError, match="was run for 2026-11-02 before"):
        autopay("run", "--region", "NCAL")
    assert as_it_stands() == before


def test_a_run_for_a_past_day_waits_with_the_next_try_from_today_on(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """Someone catches up on a day of last week: what was refused there is not due at once."""
    draft = announced(enrolled(sandbox, card="pm_card_chargeCustomerFail"))
    calendar.go_to(DUE)
    made = Run.objects.create(region=draft.enrollment.account.region, as_of=DUE)
    drawing.claim(draft_id=draft.pk, run=made, today=DUE)
    payment = Payment.objects.get()
    submission.advance(payment_id=payment.pk, via="schedule")  # nobody takes in what became of it
    calendar.go_to(DUE + dt.timedelta(days=4))

    autopay("run", "--as-of", DUE.isoformat(), "--region", "NCAL")

    draft.refresh_from_db()
    assert (draft.state, draft.tries) == (DraftState.FAILED, 1)
    assert draft.next_try_on == dt.date(2026, 11, 23)  # three days after today


def test_a_run_for_a_past_day_plans_for_today(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    calendar.go_to(DUE)
    late = bill(draft.enrollment, 30_00, due_on=DUE)
    autopay("run", "--as-of", (DUE - dt.timedelta(days=3)).isoformat(), "--region", "NCAL")
    assert draft_of(late).draw_on == dt.date(2026, 11, 27)  # eleven days from today


def test_a_demo_that_looked_ahead_goes_on_today(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    autopay("run", "--as-of", DUE.isoformat(), "--region", "NCAL")
    with capture_logs() as logs:
        tasks.run_region(draft.enrollment.account.region_id)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []
    assert Run.objects.filter(as_of=START).exists()


@pytest.mark.parametrize("as_of", [DUE, DUE + dt.timedelta(days=1)])
def test_a_preview_and_the_run_agree(sandbox: Sandbox, calendar: Calendar, as_of: dt.date) -> None:
    """What is due, what is withheld, what is too old, what has no tries left, and what is busy."""
    stands, other = enrolled(sandbox), enrolled(sandbox)
    region = stands.account.region
    held, stale, fresh, busy = (
        announced(each, cents)
        for each, cents in zip((stands, stands, other, other), COINS, strict=True)
    )
    Draft.objects.filter(pk=stale.pk).update(
        draw_on=as_of - dt.timedelta(days=6), noticed_on=as_of - dt.timedelta(days=16)
    )
    calendar.go_to(START + dt.timedelta(days=7))
    odd = Run.objects.create(region=region, as_of=START + dt.timedelta(days=7))
    Run.objects.update(state="held", held_because="looked odd")
    Draft.objects.filter(pk=held.pk).update(held_by=odd)
    checkout = methods.start_with_saved(busy.invoice, busy.enrollment.method)
    paying.confirm(checkout)  # a payment of all of it has not ended
    calendar.go_to(as_of)

    lines = {line.bill: line for line in preview(region=region, as_of=as_of, today=as_of)}
    drawing.run(region=region, as_of=as_of, today=as_of)

    drawn = set(Draft.objects.filter(state=DraftState.DRAWN).values_list("invoice__number", flat=True))
    assert {bill for bill, line in lines.items() if line.is_drawn} == drawn == {fresh.invoice.number}
    assert lines[held.invoice.number].why == "the run of 2026-11-09 is held: looked odd"
    assert lines[stale.invoice.number].why == "its day is too long ago: announced again"
    assert lines[busy.invoice.number].why == "nothing is owed, or a payment is on its way"


def test_a_preview_says_that_the_run_would_be_held(
    draft: Draft, calendar: Calendar, sandbox: Sandbox, settings: Any
) -> None:
    settings.AUTOPAY_CEILINGS = {**settings.AUTOPAY_CEILINGS, "draw_cents": 100_00}
    calendar.go_to(DUE)
    said = autopay("run", "--dry-run", "--region", "NCAL")
    assert "would be held: a draw of $120.00, expected at most $100.00" in said
    assert said.splitlines()[-1] == "0 to be drawn, $0.00 in all."
    with pytest.raises(CommandError):
        autopay("run", "--region", "NCAL")
    assert charged(sandbox) == {}
