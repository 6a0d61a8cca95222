"""Cancel, at any moment of a draw: prevented, or sent and told; the proof stays what it was."""

import datetime as dt

import pytest

from autopay.models import Draft, DraftState, Enrollment, Run
from autopay.services import drawing, enrollment, outcomes
from demo.stripe.core import Sandbox
from payments.models import Payment, PaymentEvent, State
from payments.services import settlement, submission
from tests.support.autopay import (
    DUE,
    Calendar,
    announced,
    assert_invariants,
    by,
    enrolled,
    settle,
    work,
)
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


@pytest.fixture
def claimed(sandbox: Sandbox, calendar: Calendar) -> Draft:
    """A run has committed to a draw on its day, and has not asked Stripe yet."""
    draft = announced(enrolled(sandbox))
    calendar.go_to(DUE)
    today = Run.objects.create(region=draft.enrollment.account.region, as_of=DUE)
    assert drawing.claim(draft_id=draft.pk, run=today, today=DUE) is not None
    return Draft.objects.select_related("payment", "enrollment", "invoice").get(pk=draft.pk)


def cancel(draft: Draft) -> enrollment.Proof:
    return enrollment.cancel(enrollment=draft.enrollment, **by(draft.enrollment))


def told(draft: Draft) -> list:
    return mails_to(draft.enrollment.account.guarantor.user.email)


def test_row_30_a_draw_that_was_claimed_and_not_sent_is_prevented(
    claimed: Draft, sandbox: Sandbox, calendar: Calendar
) -> None:
    proof = cancel(claimed)
    assert (proof.canceled, proof.sent) == ((claimed,), ())
    assert "1 planned draw will not be made." in told(claimed)[-1].message

    # The worker that claimed it goes on, and after it the reconciler.
    assert claimed.payment is not None
    submission.advance(payment_id=claimed.payment.pk, via=PaymentEvent.Via.SCHEDULE)
    calendar.go_to(DUE, hour=13)
    work(claimed.enrollment.account.region)

    assert charged(sandbox) == {}
    assert Payment.objects.get().state == State.CANCELED
    claimed.invoice.refresh_from_db()
    assert claimed.invoice.reserved_cents == 0
    assert enrollment.proof_of(Enrollment.objects.get()) == proof
    assert_invariants(sandbox)


def test_row_30_a_cancel_between_the_lease_and_the_first_request_prevents_the_draw(
    claimed: Draft, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has read the payment as new; what it marks under the lock tells it otherwise."""
    mark, proofs = settlement.mark, []

    def canceled_first(**given: object) -> Payment:
        if not proofs:
            proofs.append(cancel(claimed))
        return mark(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(settlement, "mark", canceled_first)
    assert claimed.payment is not None
    submission.advance(payment_id=claimed.payment.pk, via=PaymentEvent.Via.SCHEDULE)
    assert (proofs[0].canceled, proofs[0].sent) == ((claimed,), ())
    assert charged(sandbox) == {}
    assert_invariants(sandbox)


@pytest.mark.parametrize("state", [State.SUBMITTED, State.UNKNOWN])
def test_row_30_a_draw_that_stripe_may_know_of_is_named_and_told_where_it_comes_to_nothing(
    claimed: Draft, sandbox: Sandbox, calendar: Calendar, state: State
) -> None:
    payment = claimed.payment
    assert payment is not None
    settlement.mark(payment_id=payment.pk, state=State.SUBMITTED, via=PaymentEvent.Via.SCHEDULE)
    settlement.mark(payment_id=payment.pk, state=state, via=PaymentEvent.Via.SCHEDULE)
    proof = cancel(claimed)
    assert (proof.canceled, proof.sent) == ((), (payment.reference,))
    assert payment.reference in told(claimed)[-1].message

    settlement.give_up(payment_id=payment.pk, code="", via=PaymentEvent.Via.RECONCILER)
    outcomes.apply_due(region=claimed.enrollment.account.region, as_of=DUE)

    claimed.refresh_from_db()
    assert claimed.state == DraftState.CANCELED
    mail = told(claimed)[-1]
    assert mail.subject == "The draw of $120.00 is not made"
    assert "nothing was taken, and nothing will be" in mail.message
    again = enrollment.proof_of(Enrollment.objects.get())
    assert (again.canceled, again.sent) == ((), (payment.reference,))  # as it said on that day
    assert charged(sandbox) == {}
    assert_invariants(sandbox)


def test_row_30_a_draw_that_went_through_after_the_cancel_is_in_the_proof_alone(
    claimed: Draft, sandbox: Sandbox, calendar: Calendar
) -> None:
    payment = claimed.payment
    assert payment is not None
    settlement.mark(payment_id=payment.pk, state=State.SUBMITTED, via=PaymentEvent.Via.SCHEDULE)
    proof = cancel(claimed)
    settle(claimed.enrollment.account.region)
    assert charged(sandbox) == {payment.reference: 120_00}
    assert proof.sent == (payment.reference,)
    assert enrollment.proof_of(Enrollment.objects.get()) == proof
    assert_invariants(sandbox)


def test_a_year_later_the_proof_says_the_same(
    claimed: Draft, sandbox: Sandbox, calendar: Calendar
) -> None:
    proof = cancel(claimed)
    calendar.go_to(DUE + dt.timedelta(days=365))
    assert enrollment.proof_of(Enrollment.objects.get()) == proof
