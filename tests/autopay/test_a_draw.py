"""From "yes, pay my bills" to the receipt: what is announced, when it is drawn, for how much."""

import datetime as dt
from typing import Any

import pytest

from autopay.models import Draft, DraftAttempt, DraftState, Notice, NoticeState, Run, RunState
from autopay.services import drawing
from demo.stripe.core import Sandbox
from payments.models import Payment, Receipt, State
from payments.services import receipts
from tests.support import paying
from tests.support.autopay import (
    DUE,
    Calendar,
    announced,
    bill,
    draft_of,
    enrolled,
    pass_days,
    run,
    work,
)
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bill_is_announced_drawn_on_its_due_date_and_receipted_once(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = enrolled(sandbox)
    region, user = stands.account.region, stands.account.guarantor.user
    invoice = bill(stands, 120_00, due_on=dt.date(2026, 11, 30))

    work(region)
    draft = draft_of(invoice)
    assert (draft.state, draft.draw_on) == (DraftState.PLANNED, dt.date(2026, 11, 30))
    pass_days(calendar, region, until=dt.date(2026, 11, 29))

    draft.refresh_from_db()
    assert draft.state == DraftState.NOTICED
    assert (draft.noticed_cents, draft.noticed_on) == (120_00, dt.date(2026, 11, 16))
    assert charged(sandbox) == {}
    pass_days(calendar, region, until=dt.date(2026, 12, 2))

    payment = Payment.objects.get()
    assert payment.state == State.SUCCEEDED
    assert charged(sandbox) == {payment.reference: 120_00}
    draft.refresh_from_db()
    assert (draft.state, draft.payment) == (DraftState.DRAWN, payment)
    assert Notice.objects.get().state == NoticeState.DELIVERED
    assert receipts.render_due() == 1
    assert Receipt.objects.get().mailed_at is not None
    subjects = [mail.subject for mail in mails_to(user.email)]
    assert subjects.count("We will draw $120.00 on Nov. 30, 2026") == 1
    assert Run.objects.get(region=region, as_of=dt.date(2026, 11, 30)).state == RunState.DONE
    paying.assert_invariants(sandbox)


def test_a_draw_asks_postgresql_as_much_for_a_long_history_as_for_none(
    sandbox: Sandbox, calendar: Calendar, django_assert_max_num_queries: Any
) -> None:
    """Its own part is ten statements: the rest is that of any charge (docs/performance.md)."""
    stands = enrolled(sandbox)
    for number in range(4):
        bill(stands, 10_00 + number, due_on=DUE)
    region = stands.account.region
    work(region, draw=False)
    calendar.go_to(DUE)
    today = Run.objects.create(region=region, as_of=DUE)
    for draft in Draft.objects.order_by("pk"):
        with django_assert_max_num_queries(32):
            drawing.draw(draft_id=draft.pk, run=today, today=DUE)
    assert sorted(charged(sandbox).values()) == [10_00, 10_01, 10_02, 10_03]


def test_a_draw_that_cannot_be_opened_leaves_nothing_behind(
    sandbox: Sandbox, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the account balance hold less than was read of it: the payment's row goes too."""
    draft = announced(enrolled(sandbox, use_balance=True))
    calendar.go_to(DUE)
    monkeypatch.setattr(drawing, "_from_balance", lambda draft: 50_00)

    run(draft.enrollment.account.region)

    draft.refresh_from_db()
    draft.invoice.refresh_from_db()
    assert (draft.state, draft.invoice.reserved_cents) == (DraftState.NOTICED, 0)
    assert Payment.objects.count() == DraftAttempt.objects.count() == 0
    assert charged(sandbox) == {}
