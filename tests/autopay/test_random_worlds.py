"""Random households, bills, banks and crashes, a month and more each, in all eight regions.

Against the real services and the sandbox: never two draws for one bill, never one without its notice
ten days before, never one above its limit or its notice, never one while paused or skipped, never one
after a cancel that was confirmed. `make soak WORLDS=400` plays many more months than the suite.

A world that breaks a promise is printed with all that happened in it. `make soak` names its SEED; the
same WORLDS and SEED play the same months again.
"""

import datetime as dt
import math
import os
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from autopay.exceptions import AutopayError
from autopay.models import Draft, DraftAttempt, DraftState, Enrollment
from autopay.services import enrollment
from autopay.terms import choice_of
from billing.models import Correction
from billing.services import corrections, invoices
from common import failpoints
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments.exceptions import CannotPay
from payments.models import SETTLED, Payment, PaymentMethod, Receipt, State
from payments.services.verification import CHECKS
from tests.support import methods, paying
from tests.support.autopay import Calendar, agree, bill, by, enroll, settle, work
from tests.support.factories import make_account, make_member, make_region
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db

REGIONS = ("NCAL", "SCAL", "CO", "GA", "HI", "MAS", "NW", "WA")
WORLDS = int(os.environ.get("KPPAY_SOAK_WORLDS", len(REGIONS)))
MONTH = dt.timedelta(days=31)
METHODS = (
    "pm_card_visa",
    "pm_card_chargeCustomerFail",
    methods.BANK,
    "pm_usBankAccount_insufficientFunds",
)
CRASHES = (
    "autopay.before_claim_commits",
    "autopay.claimed",
    "payments.after_create",
    "payments.after_confirm",
)
# An ordinary autumn, the end of a year, a February of 28 days and one of 29, both changes of the clock.
BEGINNINGS = tuple(
    map(dt.date.fromisoformat, ("2026-11-02", "2026-12-14", "2027-01-25", "2028-01-26", "2027-03-01"))
)
RETURNS = ("R01", "R03", "R10")

ACTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "pass": lambda luck: (luck.randint(1, 14),),
    "bill": lambda luck: (luck.randint(1_00, 400_00), luck.randint(-10, 40)),
    "pay": lambda luck: (luck.randrange(6),),
    "skip": lambda luck: (luck.randrange(6),),
    "unskip": lambda luck: (luck.randrange(6),),
    "void": lambda luck: (luck.randrange(6),),
    "take_back": lambda luck: (luck.randrange(6),),
    "reduce": lambda luck: (luck.randrange(6), luck.randint(1, 60_00)),
    "limit": lambda luck: (luck.choice([None, luck.randint(50_00, 300_00)]),),
    "day": lambda luck: (luck.choice([None, luck.randint(1, 31)]),),
    "method": lambda luck: (luck.choice(METHODS),),
    "crash": lambda luck: (luck.choice(CRASHES),),
    "pause": lambda luck: (),
    "resume": lambda luck: (),
    "cancel": lambda luck: (),
    "enroll_again": lambda luck: (),
}
# Time passes and bills come more often than the rest.
OFTEN = (*ACTS, "pass", "pass", "pass", "bill", "bill", "resume")


class World:
    """One member with autopay, everything that may happen to them, and what was promised to them."""

    def __init__(self, sandbox: Sandbox, calendar: Calendar, code: str, luck: random.Random) -> None:
        self.sandbox, self.calendar = sandbox, calendar
        self.region = make_region(code)
        self.account = make_account(make_member(region=self.region))
        self.began_on = self.today
        name, day = luck.choice(METHODS), luck.choice([None, 1, 15, 29, 30, 31])
        note(f"{self.today} {code}: enrolled with {name}, day {day}")
        self.stands = enroll(self.save(name), day_of_month=day)
        self.limit: int | None = None
        self.paused = False
        self.canceled: dict[int, dt.datetime] = {}
        self.skipped: set[int] = set()
        self.seen: set[int] = set()

    @property
    def today(self) -> dt.date:
        return business_date(self.region.time_zone)

    def save(self, name: str) -> PaymentMethod:
        return methods.add(self.sandbox, self.account, name)

    def act(self, name: str, *given: object) -> None:
        note(f"{self.today} {name} {given}")
        with suppress(AutopayError, CannotPay, invoices.NotOwed, invoices.CannotVoid):
            getattr(self, f"do_{name}")(*given)
        self.check()

    def one(self, found: list, which: int) -> object | None:
        return found[which % len(found)] if found else None

    # What time and the member's bills do

    def do_pass(self, days: int) -> None:
        self.calendar.go_to(self.today + dt.timedelta(days=days), zone=self.region.time_zone)
        work(self.region)

    def do_crash(self, where: str) -> None:
        """The process dies at this line of a run; the next day's workers go on."""
        failpoints.active[where] = "raise"
        try:
            with suppress(failpoints.FailpointReached):
                self.do_pass(1)
        finally:
            failpoints.active.clear()
        self.do_pass(1)

    def do_bill(self, cents: int, due_in: int) -> None:
        bill(self.account, cents, due_on=self.today + dt.timedelta(days=due_in))

    def do_reduce(self, which: int, cents: int) -> None:
        found = self.one(self.bills(), which)
        if found:
            corrections.correct(
                invoice=found,
                kind=Correction.Kind.ADJUSTMENT,
                amount_cents=cents,
                reason="billed twice",
                made_by=self.account.guarantor.user,
            )

    def do_void(self, which: int) -> None:
        found = self.one(self.bills(), which)
        if found:
            invoices.void(invoice=found)

    def do_take_back(self, which: int) -> None:
        """The bank gives a debit back, on its way or long settled: the bill is owed again."""
        debits = Payment.objects.filter(
            method_kind="us_bank_account", state__in=(State.PROCESSING, State.SUCCEEDED)
        )
        found = self.one(list(debits.order_by("pk")), which)
        if found:
            code = RETURNS[which % len(RETURNS)]
            self.sandbox.bank.return_payment(self.region.stripe_account, found.intent_id, code)
            settle(self.region)

    def bills(self) -> list:
        return list(self.account.invoices.filter(open_cents__gt=50, voided_at=None).order_by("pk"))

    # What the member does

    def do_pay(self, which: int) -> None:
        found = self.one(self.bills(), which)
        if found:
            paying.pay(self.sandbox, found)

    def do_skip(self, which: int) -> None:
        draft = self.one(list(Draft.objects.order_by("pk")), which)
        if draft:
            self.skipped.add(enrollment.skip(draft=draft, **by(self.stands)).pk)

    def do_unskip(self, which: int) -> None:
        draft = self.one(list(Draft.objects.order_by("pk")), which)
        if draft:
            self.skipped.discard(enrollment.unskip(draft=draft, **by(self.stands)).pk)

    def do_limit(self, cents: int | None) -> None:
        enrollment.change_limit(enrollment=self.stands, limit_cents=cents, **by(self.stands))
        self.limit = cents

    def do_day(self, day: int | None) -> None:
        enrollment.change_schedule(enrollment=self.stands, day_of_month=day, **by(self.stands))

    def do_method(self, name: str) -> None:
        method = self.save(name)
        stands = Enrollment.objects.get(pk=self.stands.pk)
        enrollment.change_method(
            enrollment=stands,
            method=method,
            agreement=agree(self.account, replace(choice_of(stands), method=method)),
            by=self.account.guarantor.user,
        )

    def do_pause(self) -> None:
        enrollment.pause(enrollment=self.stands, **by(self.stands))
        self.paused = True

    def do_resume(self) -> None:
        enrollment.resume(enrollment=self.stands, **by(self.stands))
        self.paused = False

    def do_cancel(self) -> None:
        proof = enrollment.cancel(enrollment=self.stands, **by(self.stands))
        self.canceled[self.stands.pk] = proof.canceled_at

    def do_enroll_again(self) -> None:
        if self.stands.pk in self.canceled:
            self.stands = enroll(self.save("pm_card_visa"))
            self.limit, self.paused = None, False

    # What was promised

    def check(self) -> None:
        """After each act: whatever was attempted since the last one was allowed."""
        attempts = DraftAttempt.objects.exclude(pk__in=self.seen)
        for attempt in attempts.select_related("draft", "notice"):
            self.seen.add(attempt.pk)
            notice, sent_on = attempt.notice, business_date(self.region.time_zone, attempt.at)
            assert attempt.amount_cents <= notice.amount_cents
            assert notice.delivered_on is not None
            assert sent_on - notice.delivered_on >= dt.timedelta(days=10)
            assert sent_on >= notice.draw_on
            assert attempt.amount_cents <= (self.limit or math.inf)
            assert not self.paused
            assert attempt.draft_id not in self.skipped
            assert attempt.draft.enrollment_id not in self.canceled
        in_flight = Draft.objects.filter(state=DraftState.SUBMITTED).values_list(
            "invoice_id", flat=True
        )
        assert max(Counter(in_flight).values(), default=0) <= 1

    def check_books(self) -> None:
        """At the end: the witness took what the books say, once for each bill, and told of it once."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        taken = charged(self.sandbox)
        drawn: Counter[int] = Counter()
        for payment in Payment.objects.prefetch_related("allocations"):
            expected = payment.charge_cents if payment.state in SETTLED else 0
            assert taken.get(payment.reference, 0) == expected
            if payment.state == State.SUCCEEDED:
                drawn.update(part.invoice_id for part in payment.allocations.all())
        assert max(drawn.values(), default=0) <= 1
        for invoice in self.account.invoices.all():
            parts = invoice.allocations.filter(payment__state=State.SUCCEEDED)
            assert sum(parts.values_list("amount_cents", flat=True)) <= invoice.total_cents
        assert Receipt.objects.count() == Payment.objects.filter(state__in=SETTLED).count()
        for name, check in CHECKS.items():
            assert list(check()) == [], name


@pytest.mark.parametrize("code", REGIONS)
@given(luck=st.randoms(use_true_random=True))
@settings(
    max_examples=math.ceil(WORLDS / len(REGIONS)),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_months_of_a_random_world_break_no_promise(
    sandbox: Sandbox, calendar: Calendar, code: str, luck: random.Random
) -> None:
    luck.seed(f"{code} {luck.random()}")  # another world in each region
    calendar.go_to(luck.choice(BEGINNINGS))
    with transaction.atomic():  # each world is undone
        world = World(sandbox, calendar, code, luck)
        world.do_bill(120_00, 20)
        for name in luck.choices(OFTEN, k=luck.randint(6, 12)):
            world.act(name, *ACTS[name](luck))
        while world.today - world.began_on < MONTH:
            world.act("pass", 11)
        world.check_books()
        transaction.set_rollback(True)
