"""manage.py autopay: what would be drawn and why not; drawing it; days that it refuses."""

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command

from autopay.models import Draft, Run
from autopay.services import drawing
from demo.stripe.core import Sandbox
from tests.support import paying
from tests.support.autopay import DUE, START, Calendar, announced, bill, enrolled, run, work
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


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


@pytest.fixture(autouse=True)
def _clocks_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calendar of a test is far from the database's; tests/faults has the check itself."""
    monkeypatch.setattr(drawing, "MOST_APART", dt.timedelta(days=365))
