"""Nothing stays where it is for ever because of what passed long ago."""

import datetime as dt

import pytest

from autopay.models import Draft, DraftState, Reason, Run, RunState
from autopay.services import drawing
from billing.models import Correction, Invoice
from billing.services import corrections
from demo.stripe.core import Sandbox
from payments.models import PaymentEvent, State
from payments.services import settlement
from tests.support import paying
from tests.support.autopay import (
    DUE,
    Calendar,
    announced,
    enrolled,
    pass_days,
    run,
    work,
)
from tests.support.factories import make_staff
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("reason", [Reason.TOO_SMALL, Reason.NOTHING_OWED, Reason.PAID])
def test_a_bill_that_was_skipped_for_want_of_a_debt_is_announced_when_more_is_owed(
    sandbox: Sandbox, calendar: Calendar, reason: Reason
) -> None:
    draft = announced(enrolled(sandbox))
    Draft.objects.filter(pk=draft.pk).update(state=DraftState.SKIPPED, reason=reason)
    work(draft.enrollment.account.region, draw=False)
    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (DraftState.NOTICED, "")


def test_a_bill_of_a_few_cents_stays_skipped_while_it_is_small(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = announced(enrolled(sandbox))
    region = draft.enrollment.account.region
    mine = paying.pay(sandbox, draft.invoice, 119_00)
    corrections.correct(
        invoice=Invoice.objects.get(),
        kind=Correction.Kind.ADJUSTMENT,
        amount_cents=60,
        reason="rounding",
        made_by=make_staff(None),
    )
    calendar.go_to(DUE)
    run(region)
    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (DraftState.SKIPPED, Reason.TOO_SMALL)
    told = mails_to(draft.enrollment.account.guarantor.user.email)[-1].message
    assert "Only $0.40 of the bill is still owed, less than can be charged." in told
    assert "has been paid" not in told
    pass_days(calendar, region, until=DUE + dt.timedelta(days=3))
    draft.refresh_from_db()
    assert draft.state == DraftState.SKIPPED
    assert charged(sandbox) == {mine.reference: 119_00}


def test_a_day_of_which_something_was_left_ends_with_the_next_ones_run_and_counts_what_it_sent(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = announced(enrolled(sandbox))
    region = draft.enrollment.account.region
    announced(draft.enrollment, 40_00)
    calendar.go_to(DUE)
    made = Run.objects.create(region=region, as_of=DUE, count=2, total_cents=160_00)
    drawing.draw(draft_id=draft.pk, run=made, today=DUE)  # and then this worker was gone
    calendar.go_to(DUE + dt.timedelta(days=1))

    later = run(region)

    made.refresh_from_db()
    assert (made.state, made.count, made.total_cents) == (RunState.DONE, 1, 120_00)
    assert (made.largest_cents, made.largest_account_cents) == (120_00, 120_00)
    assert made.finished_at is not None
    assert (later.count, later.total_cents) == (1, 40_00)
    assert sorted(charged(sandbox).values()) == [40_00, 120_00]


def test_a_payment_that_waits_for_a_person_does_not_slow_every_later_run(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = announced(enrolled(sandbox))
    calendar.go_to(DUE)
    made = Run.objects.create(region=draft.enrollment.account.region, as_of=DUE)
    payment = drawing.claim(draft_id=draft.pk, run=made, today=DUE)
    assert payment is not None
    paying.submitted(payment)
    assert drawing._waits_for_stripe(made.region)
    settlement.needs_review(
        payment_id=payment.pk, reason="amount 1 instead of 2", via=PaymentEvent.Via.RECONCILER
    )
    payment.refresh_from_db()
    assert payment.state == State.UNKNOWN
    assert not drawing._waits_for_stripe(made.region)
