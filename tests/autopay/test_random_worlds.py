"""Random members, bills, banks and crashes over months, against the real services and the sandbox.

Never two draws for one bill, never one without its notice ten days before, never one above its limit
or its notice, never one after a cancel that was confirmed. `make soak` plays many more worlds.
"""

import datetime as dt
import os
from collections import Counter
from contextlib import suppress

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from autopay.exceptions import AutopayError
from autopay.models import Draft, DraftAttempt
from autopay.services import enrollment
from common import failpoints
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments.exceptions import CannotPay
from payments.models import Payment
from payments.services.verification import CHECKS
from tests.support import methods, paying
from tests.support.autopay import (
    START,
    Calendar,
    bill,
    by,
    enroll,
    work,
)
from tests.support.factories import make_account, make_member, make_region
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)

WORLDS = int(os.environ.get("KPPAY_SOAK_WORLDS", "4"))
CARDS = ("pm_card_visa", "pm_card_chargeCustomerFail", methods.BANK)
CRASHES = ("autopay.before_claim_commits", "autopay.claimed", "payments.after_confirm")

acts = st.one_of(
    st.tuples(st.just("bill"), st.integers(1_00, 400_00), st.integers(-10, 60)),
    st.tuples(st.just("pass"), st.integers(1, 9)),
    st.tuples(st.just("pay"), st.integers(0, 5)),
    st.tuples(st.just("skip"), st.integers(0, 5)),
    st.tuples(st.just("unskip"), st.integers(0, 5)),
    st.tuples(st.just("limit"), st.one_of(st.none(), st.integers(50_00, 300_00))),
    st.tuples(st.just("day"), st.one_of(st.none(), st.integers(1, 31))),
    st.tuples(st.just("crash"), st.sampled_from(CRASHES)),
    st.sampled_from([("pause",), ("resume",), ("cancel",)]),
)


class World:
    """One member with autopay, and everything that may happen to them."""

    def __init__(self, sandbox: Sandbox, calendar: Calendar, card: str, day: int | None) -> None:
        self.sandbox, self.calendar = sandbox, calendar
        account = make_account(make_member(region=make_region("NCAL")))
        self.stands = enroll(methods.add(sandbox, account, card), day_of_month=day)
        self.region = account.region
        self.limit: int | None = None
        self.canceled_at: dt.datetime | None = None

    def act(self, name: str, *given: object) -> None:
        with suppress(AutopayError, CannotPay):
            getattr(self, f"do_{name}")(*given)

    def do_bill(self, cents: int, due_in: int) -> None:
        today = business_date(self.region.time_zone)
        bill(self.stands, cents, due_on=today + dt.timedelta(days=due_in))

    def do_pass(self, days: int) -> None:
        today = business_date(self.region.time_zone) + dt.timedelta(days=days)
        self.calendar.go_to(today)
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

    def do_pay(self, which: int) -> None:
        bills = list(self.stands.account.invoices.filter(open_cents__gt=50).order_by("pk"))
        if bills:
            paying.pay(self.sandbox, bills[which % len(bills)])

    def do_skip(self, which: int) -> None:
        drafts = list(Draft.objects.order_by("pk"))
        if drafts:
            enrollment.skip(draft=drafts[which % len(drafts)], **by(self.stands))

    def do_unskip(self, which: int) -> None:
        drafts = list(Draft.objects.order_by("pk"))
        if drafts:
            enrollment.unskip(draft=drafts[which % len(drafts)], **by(self.stands))

    def do_limit(self, cents: int | None) -> None:
        enrollment.change_limit(enrollment=self.stands, limit_cents=cents, **by(self.stands))

    def do_day(self, day: int | None) -> None:
        enrollment.change_schedule(enrollment=self.stands, day_of_month=day, **by(self.stands))

    def do_pause(self) -> None:
        enrollment.pause(enrollment=self.stands, **by(self.stands))

    def do_resume(self) -> None:
        enrollment.resume(enrollment=self.stands, **by(self.stands))

    def do_cancel(self) -> None:
        self.canceled_at = enrollment.cancel(enrollment=self.stands, **by(self.stands)).canceled_at

    def check(self) -> None:
        """What must hold after each act; the witness says what was really taken."""
        taken = charged(self.sandbox)
        drawn: Counter[int] = Counter()
        attempts = DraftAttempt.objects.select_related("draft", "notice", "payment")
        for attempt in attempts:
            notice = attempt.notice
            sent_on = business_date(self.region.time_zone, attempt.at)
            assert attempt.amount_cents <= notice.amount_cents
            assert notice.delivered_on is not None
            assert sent_on - notice.delivered_on >= dt.timedelta(days=10)
            assert sent_on >= notice.draw_on
            assert attempt.limit_cents is None or attempt.amount_cents <= attempt.limit_cents
            assert self.canceled_at is None or attempt.at <= self.canceled_at
            drawn[attempt.draft_id] += attempt.payment.reference in taken
        assert max(drawn.values(), default=0) <= 1
        for invoice in self.stands.account.invoices.all():
            references = Payment.objects.filter(allocations__invoice=invoice).values_list(
                "reference", flat=True
            )
            assert sum(taken.get(name, 0) for name in references) <= invoice.total_cents
        for name, check in CHECKS.items():
            assert list(check()) == [], name


@given(
    card=st.sampled_from(CARDS),
    day=st.one_of(st.none(), st.sampled_from([1, 15, 29, 30, 31])),
    acts=st.lists(acts, min_size=6, max_size=14),
)
@settings(
    max_examples=WORLDS,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_months_of_a_random_world_break_no_promise(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    calendar: Calendar,
    card: str,
    day: int | None,
    acts: list[tuple[object, ...]],
) -> None:
    calendar.go_to(START)
    with transaction.atomic():  # each world is undone
        world = World(sandbox, calendar, card, day)
        world.do_bill(120_00, 20)
        for name, *given_to in acts:
            note(f"{business_date(world.region.time_zone)} {name} {given_to}")
            world.act(str(name), *given_to)
            world.check()
        transaction.set_rollback(True)
