"""A random household with autopay: everything that its people, bills, banks and machines may do.

Each act is a method `do_…`; ACTS says what it is given. What an act finds nothing to do for, or the
portal refuses, has not happened; what has is counted.
"""

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from django.db.models import Q

from accounts.roles import Role
from autopay.exceptions import AutopayError
from autopay.models import Draft, DraftAttempt, DraftState, NoticeState, Reason, Run, RunState, Scope
from autopay.services import breaker, enrollment
from autopay.terms import choice_of
from billing.models import Correction, Invoice
from billing.services import corrections, invoices
from common import failpoints
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments.exceptions import CannotPay
from payments.models import Payment, PaymentMethod, State
from tests.support import methods, paying
from tests.support.autopay import Calendar, agree, bill, by, enroll, settle, work
from tests.support.autopay_promises import Promised, Promises
from tests.support.factories import make_account, make_member, make_region, make_staff
from tests.support.mail import MailServer

T = TypeVar("T")

GOOD = "pm_card_visa"
# Each is saved without a word; the second declines every charge, the last has no money.
METHODS = (
    GOOD,
    "pm_card_chargeCustomerFail",
    methods.BANK,
    "pm_usBankAccount_insufficientFunds",
)
HARD_DECLINES = (
    "pm_card_visa_chargeDeclinedStolenCard",
    "pm_card_chargeDeclinedExpiredCard",
    "pm_card_chargeDeclinedIncorrectCvc",
)
CRASHES = (
    "autopay.before_claim_commits",
    "autopay.claimed",
    "payments.after_create",
    "payments.after_confirm",
)
RETURNS = ("R01", "R03", "R10")
# By the ceiling of a single draw, whatever is usual.
HELD_CENTS = 10_500_00

ACTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "bill": lambda luck: (_scope(luck), luck.randint(1_00, 400_00), luck.randint(-10, 40)),
    "large_bill": lambda luck: (_scope(luck), luck.randint(11, 20)),
    "decide": lambda luck: (luck.choice((True, True, False)),),
    "pay": lambda luck: (luck.randrange(6),),
    "add_money": lambda luck: (luck.randint(5_00, 200_00),),
    "skip": lambda luck: (luck.randrange(6),),
    "unskip": lambda luck: (luck.randrange(6),),
    "void": lambda luck: (luck.randrange(6),),
    "take_back": lambda luck: (luck.randrange(6),),
    "reduce": lambda luck: (luck.randrange(6), luck.randint(1, 60_00)),
    "limit": lambda luck: (_scope(luck), _limit(luck)),
    "day": lambda luck: (_scope(luck), luck.choice([None, luck.randint(1, 31)])),
    "balance": lambda luck: (_scope(luck), luck.choice([True, False])),
    "method": lambda luck: (_scope(luck), luck.choice(METHODS)),
    "card_turns": lambda luck: (_scope(luck), luck.choice((*HARD_DECLINES, GOOD))),
    "mail_trouble": lambda luck: (_scope(luck), luck.choice((None, 451, 550)), luck.randint(1, 4)),
    "new_address": lambda luck: (),
    "crash": lambda luck: (luck.choice(CRASHES),),
    "pause": lambda luck: (_scope(luck), luck.choice((True, True, False)), luck.randint(1, 6)),
    "resume": lambda luck: (_scope(luck),),
    "cancel": lambda luck: (_scope(luck),),
    "enroll_again": lambda luck: (luck.randrange(2), luck.choice(METHODS)),
}


def _scope(luck: random.Random) -> Scope:
    return luck.choice((Scope.MEDICAL, Scope.PREMIUMS))


def _limit(luck: random.Random) -> int | None:
    return luck.choice([None, None, luck.randint(50_00, 300_00)])


class NothingToDo(Exception):
    """The act found nothing that it could be about."""


class World:
    """One account with autopay of both scopes in one region."""

    def __init__(
        self,
        sandbox: Sandbox,
        calendar: Calendar,
        mail_server: MailServer,
        code: str,
        luck: random.Random,
    ) -> None:
        self.sandbox, self.calendar, self.mail_server = sandbox, calendar, mail_server
        self.luck = luck
        self.region = make_region(code)
        self.account = make_account(make_member(region=self.region))
        self.supervisor = make_staff(Role.SUPERVISOR)
        self.promises = Promises(sandbox, mail_server, self.region)
        self.story: list[str] = []
        self.happened: Counter[str] = Counter()
        self.stands = {
            Scope.MEDICAL: self._enroll(Scope.MEDICAL, luck.choice(METHODS)),
            Scope.PREMIUMS: self._enroll(Scope.PREMIUMS, luck.choice((GOOD, methods.BANK))),
        }

    @property
    def today(self) -> dt.date:
        return business_date(self.region.time_zone)

    def act(self, name: str) -> None:
        given = ACTS[name](self.luck)
        self.story.append(f"{self.today} {name} {given}")
        refusals = (AutopayError, CannotPay, invoices.NotOwed, invoices.CannotVoid, NothingToDo)
        with suppress(*refusals):
            getattr(self, f"do_{name}")(*given)
            self.happened[name] += 1
        self.promises.check_day()

    def live(self, days: int) -> None:
        """Workers come on every day on which something is to be drawn, and on most of the others."""
        for _ in range(days):
            self.calendar.go_to(self.today + dt.timedelta(days=1), zone=self.region.time_zone)
            if self._is_dated() or self.luck.random() < 0.5:
                work(self.region)
                self.promises.check_day()

    def end(self) -> Counter[str]:
        """The books, once all is known that Stripe knows; returns what happened, autopay's acts too."""
        settle(self.region)
        self.promises.check_day()
        self.promises.check_books()
        attempts = DraftAttempt.objects.all()
        by_balance = attempts.filter(payment__from_balance_cents__gt=0)
        self.happened.update(
            draws=attempts.filter(payment__settled_at__isnull=False).count(),
            declines=attempts.filter(payment__state=State.FAILED).count(),
            retries=attempts.filter(number__gt=1).count(),
            fourth_tries=attempts.filter(number__gt=3).count(),
            from_balance=by_balance.count(),
            over_limit=Draft.objects.filter(reason=Reason.OVER_LIMIT).count(),
            bounces=Draft.objects.filter(notices__state=NoticeState.BOUNCED).count(),
            held_runs=Run.objects.exclude(held_at=None).count(),
        )
        return self.happened

    # What bills and banks and machines do

    def do_bill(self, scope: Scope, cents: int, due_in: int) -> None:
        kind = Invoice.Kind.PREMIUM if scope == Scope.PREMIUMS else Invoice.Kind.MEDICAL
        bill(self.account, cents, due_on=self.today + dt.timedelta(days=due_in), kind=kind)

    def do_large_bill(self, scope: Scope, due_in: int) -> None:
        self.do_bill(scope, HELD_CENTS, due_in)

    def do_reduce(self, which: int, cents: int) -> None:
        corrections.correct(
            invoice=_one(self._bills(), which),
            kind=Correction.Kind.ADJUSTMENT,
            amount_cents=cents,
            reason="billed twice",
            made_by=self.account.guarantor.user,
        )

    def do_void(self, which: int) -> None:
        invoices.void(invoice=_one(self._bills(), which))

    def do_take_back(self, which: int) -> None:
        """The bank gives a debit back, on its way or long settled: the bill is owed again."""
        debits = Payment.objects.filter(
            method_kind="us_bank_account", state__in=(State.PROCESSING, State.SUCCEEDED)
        )
        found = _one(list(debits.order_by("pk")), which)
        code = RETURNS[which % len(RETURNS)]
        self.sandbox.bank.return_payment(self.region.stripe_account, str(found.intent_id), code)
        settle(self.region)

    def do_card_turns(self, scope: Scope, card: str) -> None:
        """The bank treats it otherwise from now on: stolen, closed, or good again."""
        method = PaymentMethod.objects.get(pk=self._fresh(scope).method_id)
        if method.kind != "card":
            raise NothingToDo
        methods.becomes(self.sandbox, method, card)

    def do_mail_trouble(self, scope: Scope, code: int | None, days: int) -> None:
        """The mail server is away, busy, or knows no such address, while a bill is to be announced."""
        self.do_bill(scope, 75_00, 13)
        if code is None:
            self.mail_server.is_away()
        else:
            self.mail_server.answers(code, b"5.1.1 no such mailbox" if code == 550 else b"")
        self.live(days)
        self.mail_server.is_well()

    def do_crash(self, where: str) -> None:
        """The process dies at this line on the day of the next draw; the next day's workers go on."""
        noticed = Draft.objects.filter(state=DraftState.NOTICED, draw_on__gt=self.today, held_by=None)
        draft = _one(list(noticed.filter(enrollment__state="active").order_by("draw_on", "pk")), 0)
        self.live((draft.draw_on - self.today).days - 1)
        failpoints.active[where] = "raise"
        try:
            self.live(1)
        except failpoints.FailpointReached:
            self.happened[f"crash at {where}"] += 1
        else:
            raise NothingToDo  # it was not drawn after all
        finally:
            failpoints.active.clear()
            self.live(1)

    # What people do

    def do_pay(self, which: int) -> None:
        paying.pay(self.sandbox, _one(self._bills(), which))

    def do_add_money(self, cents: int) -> None:
        paying.add_money(self.sandbox, self.account, cents)

    def do_new_address(self) -> None:
        user = self.account.guarantor.user
        user.email = f"{len(self.story)}.{user.email}"[-60:]
        user.save()

    def do_decide(self, is_released: bool) -> None:
        run = _one(list(Run.objects.filter(state=RunState.HELD).order_by("pk")), 0)
        act = breaker.release_run if is_released else breaker.cancel_run
        act(run=run, by=self.supervisor, reason="Looked at it")
        self.happened["released" if is_released else "run_canceled"] += 1

    def do_skip(self, which: int) -> None:
        draft = self._draft(which)
        enrollment.skip(draft=draft, **self._by())
        self.promises.skipped.add(draft.pk)

    def do_unskip(self, which: int) -> None:
        draft = self._draft(which)
        enrollment.unskip(draft=draft, **self._by())
        self.promises.skipped.discard(draft.pk)

    def do_limit(self, scope: Scope, cents: int | None) -> None:
        promised = self.stands[scope]
        enrollment.change_limit(enrollment=promised.enrollment, limit_cents=cents, **self._by())
        promised.limit_cents = cents

    def do_day(self, scope: Scope, day: int | None) -> None:
        stands = self.stands[scope].enrollment
        enrollment.change_schedule(enrollment=stands, day_of_month=day, **self._by())

    def do_balance(self, scope: Scope, use_balance: bool) -> None:
        stands = self.stands[scope].enrollment
        enrollment.change_balance_use(enrollment=stands, use_balance=use_balance, **self._by())

    def do_method(self, scope: Scope, name: str) -> None:
        method, stands = self._save(name), self._fresh(scope)
        enrollment.change_method(
            enrollment=stands,
            method=method,
            agreement=agree(self.account, replace(choice_of(stands), method=method)),
            by=self.account.guarantor.user,
        )

    def do_pause(self, scope: Scope, is_short: bool, days: int) -> None:
        """Over the day of its next draw, where one is announced."""
        promised = self.stands[scope]
        enrollment.pause(enrollment=promised.enrollment, **self._by())
        promised.is_paused = True
        noticed = promised.enrollment.drafts.filter(
            state=DraftState.NOTICED, draw_on__gt=self.today, held_by=None
        )
        draft = noticed.order_by("draw_on", "pk").first()
        if draft is not None:
            self.happened["paused over a draw"] += 1
            self.live((draft.draw_on - self.today).days + 1)
        if is_short:
            self.live(days)
            self.do_resume(scope)

    def do_resume(self, scope: Scope) -> None:
        promised = self.stands[scope]
        enrollment.resume(enrollment=promised.enrollment, **self._by())
        promised.is_paused = False

    def do_cancel(self, scope: Scope) -> None:
        promised = self.stands[scope]
        if promised.proof is not None:
            raise NothingToDo
        promised.proof = enrollment.cancel(enrollment=promised.enrollment, **self._by())

    def do_enroll_again(self, which: int, name: str) -> None:
        canceled = [scope for scope, promised in self.stands.items() if promised.proof]
        scope = _one(canceled, which)
        self.stands[scope] = self._enroll(scope, name)

    # How they go about it

    def _enroll(self, scope: Scope, name: str) -> Promised:
        luck = self.luck
        choice: dict[str, Any] = {
            "scope": scope,
            "day_of_month": luck.choice([None, None, 1, 15, 29, 30, 31]),
            "limit_cents": _limit(luck),
            "use_balance": luck.choice([True, False]),
            "starts_on": self.today + dt.timedelta(days=luck.choice([0, 0, luck.randint(1, 25)])),
        }
        self.story.append(f"{self.today} enrolled with {name}: {choice}")
        return self.promises.make(enroll(self._save(name), **choice))

    def _is_dated(self) -> bool:
        of_today = Q(state=DraftState.NOTICED, draw_on=self.today) | Q(next_try_on=self.today)
        return Draft.objects.filter(of_today).exists()

    def _save(self, name: str) -> PaymentMethod:
        """Where the same card or account was there already, that one: the list shows it once."""
        new = methods.add(self.sandbox, self.account, name)
        same = PaymentMethod.objects.filter(account=self.account, kind=new.kind, last4=new.last4)
        return same.filter(status=PaymentMethod.Status.ACTIVE).first() or new

    def _fresh(self, scope: Scope) -> Any:
        stands = self.stands[scope].enrollment
        return type(stands).objects.get(pk=stands.pk)

    def _by(self) -> dict[str, Any]:
        return by(self.stands[Scope.MEDICAL].enrollment)

    def _bills(self) -> list[Invoice]:
        return list(self.account.invoices.filter(open_cents__gt=50, voided_at=None).order_by("pk"))

    def _draft(self, which: int) -> Draft:
        return _one(list(Draft.objects.order_by("-pk")), which)


def _one(found: list[T], which: int) -> T:
    if not found:
        raise NothingToDo
    return found[which % len(found)]
