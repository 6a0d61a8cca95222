"""What autopay promises to everybody, looked at from outside after each day of a random world.

Never two draws for one bill, never one without its notice ten days before, never one above its limit or
its notice, never one while paused or skipped, never one after a cancel that was confirmed, never one of
a run that is held.
"""

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass

from django.db import connection
from django.utils.formats import date_format

from accounts.models import Region
from autopay.models import Draft, DraftAttempt, DraftState, Enrollment, Run, RunState
from autopay.services.enrollment import Proof
from common.clock import business_date
from common.money import format_cents
from demo.stripe.core import Sandbox
from payments.models import RESERVING, SETTLED, Payment
from payments.services.verification import CHECKS
from tests.support.autopay import assert_each_bill_paid_once, assert_told_once
from tests.support.mail import MailServer
from tests.support.stripe import charged

TEN_DAYS = dt.timedelta(days=10)


@dataclass
class Promised:
    """One enrollment, as its owner was told that it stands."""

    enrollment: Enrollment
    limit_cents: int | None
    is_paused: bool = False
    proof: Proof | None = None


class Promises:
    """Those made to one account, and whether they are kept."""

    def __init__(self, sandbox: Sandbox, mail_server: MailServer, region: Region) -> None:
        self.sandbox, self.mail_server, self.region = sandbox, mail_server, region
        self.made: dict[int, Promised] = {}
        self.skipped: set[int] = set()  # drafts
        self._seen: set[int] = set()  # attempts

    def make(self, enrollment: Enrollment) -> Promised:
        promised = Promised(enrollment, enrollment.limit_cents)
        self.made[enrollment.pk] = promised
        return promised

    def check_day(self) -> None:
        """Whatever was attempted since the last time was allowed."""
        attempts = DraftAttempt.objects.exclude(pk__in=self._seen)
        for attempt in attempts.select_related("draft", "notice__mail", "run", "payment"):
            self._seen.add(attempt.pk)
            self._check(attempt)
        in_flight = Draft.objects.filter(state=DraftState.SUBMITTED).values_list("invoice", flat=True)
        assert max(Counter(in_flight).values(), default=0) <= 1

    def _check(self, attempt: DraftAttempt) -> None:
        promised = self.made[attempt.draft.enrollment_id]
        sent_on = business_date(self.region.time_zone, attempt.at)
        assert attempt.payment.amount_cents == attempt.amount_cents
        assert attempt.amount_cents <= (promised.limit_cents or math.inf)
        assert not promised.is_paused
        assert promised.proof is None
        assert sent_on >= promised.enrollment.starts_on
        assert attempt.draft_id not in self.skipped
        assert attempt.run.state in (RunState.OPEN, RunState.DONE, RunState.RELEASED)
        self._check_notice(attempt, sent_on)

    def _check_notice(self, attempt: DraftAttempt, sent_on: dt.date) -> None:
        """The row, and the mail as the mail server took it.

        Its state may have moved on: a refusal on the same day withdraws what was announced.
        """
        notice = attempt.notice
        assert notice.mail is not None
        assert notice.delivered_on is not None
        assert attempt.amount_cents <= notice.amount_cents
        assert sent_on >= notice.draw_on
        taken = [each for each in self.mail_server.taken if each.message_id == notice.mail.message_id]
        assert [(each.to, each.subject) for each in taken] == [
            (
                (notice.sent_to,),
                f"We will draw {format_cents(notice.amount_cents)} on {date_format(notice.draw_on)}",
            )
        ]
        told_on = business_date(self.region.time_zone, taken[0].at)
        assert told_on <= notice.delivered_on <= sent_on - TEN_DAYS

    def check_books(self) -> None:
        """At the end: the witness took what the books say, once for each bill, and told of it once."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        taken = charged(self.sandbox)
        for payment in Payment.objects.all():
            expected = payment.charge_cents if payment.state in SETTLED else 0
            assert taken.get(payment.reference, 0) == expected
        assert_each_bill_paid_once()
        assert_told_once()
        forgotten = Payment.objects.filter(state__in=RESERVING, next_check_at=None, review_reason="")
        assert list(forgotten) == []
        assert not DraftAttempt.objects.filter(run__in=Run.objects.filter(state="canceled")).exists()
        for name, check in CHECKS.items():
            assert list(check()) == [], name
        for promised in self.made.values():
            self._check_proof(promised)

    def _check_proof(self, promised: Promised) -> None:
        """What a canceled enrollment took afterwards, its proof had named as sent."""
        proof = promised.proof
        if proof is None:
            return
        payments = Payment.objects.filter(draft_attempt__draft__enrollment=promised.enrollment)
        assert not payments.filter(created_at__gt=proof.canceled_at).exists()
        late = payments.filter(settled_at__gt=proof.canceled_at)
        assert set(late.values_list("reference", flat=True)) <= set(proof.sent)
