"""Rows 29 and 30: a run meets the member who pays or cancels at the same moment, in either order."""

import datetime as dt
from typing import Any

import pytest

from autopay.models import Draft, DraftState, Run
from autopay.services import drawing, enrollment
from autopay.services.enrollment import Proof
from demo.stripe.core import Sandbox
from payments.exceptions import BillBusy, BillNotPayable
from payments.models import Payment, State
from tests.faults.test_autopay_runs import due
from tests.races.test_double_submission import at_once
from tests.support import methods, paying
from tests.support.autopay import (
    DUE,
    Calendar,
    announced,
    assert_invariants,
    by,
    enrolled,
    run,
    settle,
    work,
)
from tests.support.failpoints import meanwhile
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


def test_row_29_a_member_who_pays_while_autopay_runs_pays_once(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = due(sandbox, calendar, 1)
    draft = Draft.objects.get()
    checkout = methods.start_with_saved(draft.invoice, stands.method)

    def act(index: int) -> object:
        if index:
            return drawing.run(region=stands.account.region, as_of=DUE, today=DUE)
        return paying.confirm_and_submit(checkout)

    at_once(2, act)
    settle(stands.account.region)
    run(stands.account.region)

    assert list(charged(sandbox).values()) == [10_00]
    draft.refresh_from_db()
    paid = Payment.objects.get(state=State.SUCCEEDED)
    by_autopay = paid.payer == Payment.Payer.AUTOPAY
    assert draft.state == (DraftState.DRAWN if by_autopay else DraftState.SKIPPED)
    assert_invariants(sandbox)


def due_from(sandbox: Sandbox, calendar: Calendar, method: str) -> Draft:
    """Due today from a card or a bank account, which the member could pay it with as well."""
    draft = announced(enrolled(sandbox, card=method))
    calendar.go_to(DUE)
    return draft


def assert_paid_once(sandbox: Sandbox, calendar: Calendar, draft: Draft, state: DraftState) -> None:
    """After a week, when a debit has arrived too, and beat goes on."""
    for days in (0, 7):
        calendar.go_to(DUE + dt.timedelta(days=days), hour=13)
        work(draft.enrollment.account.region)
    draft.refresh_from_db()
    assert draft.state == state
    assert list(charged(sandbox).values()) == [120_00]
    assert_invariants(sandbox)


@pytest.mark.parametrize("method", [paying.CARD, methods.BANK])
@pytest.mark.parametrize("where", ["autopay.claimed", "payments.after_create", "autopay.submitted"])
def test_row_29_a_member_who_pays_in_the_middle_of_the_draw_is_refused(
    sandbox: Sandbox, calendar: Calendar, method: str, where: str
) -> None:
    draft = due_from(sandbox, calendar, method)
    checkout = methods.start_with_saved(draft.invoice, draft.enrollment.method)
    refused = []

    def pay() -> None:
        with pytest.raises((BillBusy, BillNotPayable)) as error:
            paying.confirm_and_submit(checkout)
        refused.append(error)

    with meanwhile(where, pay):
        run(draft.enrollment.account.region)

    assert len(refused) == 1
    assert Payment.objects.get().payer == Payment.Payer.AUTOPAY
    assert_paid_once(sandbox, calendar, draft, DraftState.DRAWN)


@pytest.mark.parametrize("method", [paying.CARD, methods.BANK])
@pytest.mark.parametrize("where", ["payments.before_create", "payments.after_confirm"])
def test_row_29_a_draw_in_the_middle_of_the_members_payment_is_not_made(
    sandbox: Sandbox, calendar: Calendar, method: str, where: str
) -> None:
    draft = due_from(sandbox, calendar, method)
    region = draft.enrollment.account.region
    checkout = methods.start_with_saved(draft.invoice, draft.enrollment.method)

    with meanwhile(where, lambda: drawing.run(region=region, as_of=DUE, today=DUE)):
        paying.confirm_and_submit(checkout)

    assert Payment.objects.get().payer == Payment.Payer.MEMBER
    assert_paid_once(sandbox, calendar, draft, DraftState.SKIPPED)


@pytest.mark.parametrize("attempt", range(4))
def test_row_30_a_cancel_at_the_instant_of_submission_prevents_or_is_told(
    sandbox: Sandbox, calendar: Calendar, attempt: int
) -> None:
    stands = due(sandbox, calendar, 1)

    def act(index: int) -> Any:
        if index == attempt % 2:
            return drawing.run(region=stands.account.region, as_of=DUE, today=DUE)
        return enrollment.cancel(enrollment=stands, **by(stands))

    proof = next(outcome for outcome in at_once(2, act) if isinstance(outcome, Proof))
    settle(stands.account.region)
    run(stands.account.region)

    draft = Draft.objects.get()
    if proof.canceled:
        assert (draft.state, charged(sandbox), proof.sent) == (DraftState.CANCELED, {}, ())
    else:
        payment = Payment.objects.get()
        assert charged(sandbox) == {payment.reference: 10_00}
        # Told by the proof while it was on its way, and by the receipt where it had arrived before.
        assert proof.sent in ((payment.reference,), ())
        assert proof.sent or payment.settled_at <= proof.canceled_at
    assert_invariants(sandbox)


def test_row_30_a_draw_that_comes_second_finds_the_cancel(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = due(sandbox, calendar, 1)
    today = Run.objects.create(region=stands.account.region, as_of=DUE)
    enrollment.cancel(enrollment=stands, **by(stands))
    assert drawing.draw(draft_id=Draft.objects.get().pk, run=today, today=DUE) is None
    assert not Payment.objects.exists()
    assert_invariants(sandbox)


def test_row_30_a_cancel_that_comes_second_says_what_was_sent(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = due(sandbox, calendar, 2)
    today = Run.objects.create(region=stands.account.region, as_of=DUE)
    payment = drawing.claim(draft_id=Draft.objects.order_by("pk")[0].pk, run=today, today=DUE)
    assert payment is not None
    # Stripe may be asked from here on. Before, the cancel prevents it: tests/autopay/test_canceling.py.
    paying.submitted(payment)

    proof = enrollment.cancel(enrollment=stands, **by(stands))

    assert proof.sent == (payment.reference,)
    assert len(proof.canceled) == 1
    settle(stands.account.region)
    assert charged(sandbox) == {payment.reference: payment.amount_cents}
    assert_invariants(sandbox)
