"""manage.py reconcile, as somebody in operations runs it, and the task that beat runs."""

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from billing.models import EntryKind, JournalEntry
from common.clock import now
from demo.stripe.core import Sandbox
from payments import tasks
from payments.models import ReconciledDay
from payments.services import disputes
from tests.support import paying
from tests.support.factories import make_invoice
from tests.support.reconciling import movement_of, today

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> tuple[int, str]:
    """Exit code, and what was printed."""
    out = StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out, stderr=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def charge(sandbox: Sandbox) -> str:
    """The id of Stripe's charge for a bill of $120."""
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
    return next(line.charge for line in sandbox.charges() if line.payment == payment.reference)


def test_a_day_that_agrees_is_reported_and_exits_0(sandbox: Sandbox) -> None:
    charge(sandbox)
    code, printed = run("--date", str(today()), "--account", "ncal")
    assert code == 0
    assert printed == (
        f"ncal  {today()} (UTC)\n"
        "  settled here                1           $120.00\n"
        "  charges                     1           $120.00\n"
        "  refunds                     0             $0.00\n"
        "  disputes and others         0             $0.00\n"
        "  fees                        1            −$3.78\n"
        "  payouts                     0             $0.00\n"
        "  newly booked                1\n"
        "  balance at Stripe                       $116.22\n"
        "  processor clearing                      $116.22\n"
        "\n"
        "Both books agree.\n"
    )


def test_a_difference_is_spelled_out_and_exits_1(sandbox: Sandbox) -> None:
    planted = sandbox.plant.unknown_charge("ncal", charge(sandbox))
    code, printed = run("--date", str(today()), "--account", "ncal")
    assert code == 1
    assert (
        f"  ! Stripe has a charge that we lack: {planted['payment_intent']}, "
        "ours nothing, Stripe's $120.00\n"
    ) in printed
    assert "1 difference(s)." in printed


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        ("missing", "We have a payment that Stripe lacks"),
        ("fee", "A fee differs from what was booked"),
        ("payout", "A payout does not add up"),
    ],
)
def test_each_other_difference_exits_1(sandbox: Sandbox, plant: str, words: str) -> None:
    planted = charge(sandbox)
    if plant == "missing":
        sandbox.plant.missing_charge("ncal", planted)
    elif plant == "fee":
        run("--date", str(today()))
        sandbox.plant.altered_fee("ncal", planted, 4_00)
    else:
        payout = sandbox.bank.payout("ncal")
        assert payout is not None
        sandbox.plant.crooked_payout("ncal", payout["id"], off_by=100)
    code, printed = run("--date", str(today()))
    assert code == 1
    assert words in printed


def test_all_accounts_unless_one_is_named(sandbox: Sandbox) -> None:
    _, printed = run("--date", str(today()))
    names = [line.split()[0] for line in printed.splitlines() if line.endswith("(UTC)")]
    assert sorted(names) == sorted(settings.STRIPE_ACCOUNTS)


def test_yesterday_unless_a_day_is_given(sandbox: Sandbox) -> None:
    _, printed = run("--account", "ncal")
    assert printed.startswith(f"ncal  {today() - dt.timedelta(days=1)} (UTC)")


def test_an_account_that_there_is_not_and_a_day_to_come_exit_2(sandbox: Sandbox) -> None:
    assert run("--account", "mars")[0] == 2
    code, printed = run("--date", str(today() + dt.timedelta(days=1)))
    assert code == 2
    assert "has not begun" in printed


@pytest.mark.parametrize("typed", ["yesterday", "2026-13-01", "21.11.2026", ""])
def test_what_is_no_date_is_refused(sandbox: Sandbox, typed: str) -> None:
    assert run("--date", typed)[0] != 0


def test_stripe_away_exits_2_and_the_other_accounts_are_reconciled(sandbox: Sandbox) -> None:
    sandbox.faults.add("GET /v1/balance", "down_503")
    code, printed = run("--date", str(today()))
    assert code == 2
    assert printed.count("not reconciled (Stripe: ") == 1
    assert printed.count("(UTC)") == len(settings.STRIPE_ACCOUNTS) - 1


def test_a_row_that_cannot_be_healed_is_named_by_its_kind_and_the_day_is_reported_all_the_same(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
    sandbox.bank.open_dispute("ncal", str(payment.intent_id))

    def fail(**_: Any) -> None:
        raise LookupError("what a database says of a member")

    monkeypatch.setattr(disputes, "settle", fail)
    code, printed = run("--date", str(today()), "--account", "ncal")
    assert code == 2
    assert "  ! 1 failed of disputes: LookupError; the day is due again\n" in printed
    assert "of a member" not in printed
    assert "newly booked                2" in printed


def test_beats_task_reconciles_each_day_that_is_over_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = charge(sandbox)
    tasks.reconcile_days.delay()
    assert ReconciledDay.objects.count() == 0  # the day is not over

    sandbox.shift_clock(dt.timedelta(days=1, hours=2, minutes=1))
    monkeypatch.setattr(tasks, "now", lambda: now() + dt.timedelta(days=1, hours=2, minutes=1))
    for _ in range(2):
        tasks.reconcile_days.delay()

    assert list(ReconciledDay.objects.values_list("stripe_account", "differences")) == [("ncal", 0)]
    fee = JournalEntry.objects.get(kind=EntryKind.FEE_BOOKED)
    assert fee.source_id == movement_of(sandbox, bought)["id"]


def test_beat_runs_it_every_hour() -> None:
    scheduled = [each["task"] for each in settings.CELERY_BEAT_SCHEDULE.values()]
    assert scheduled.count("payments.tasks.reconcile_days") == 1
