"""Cancel, at any moment of a draw: prevented, or sent and told; the proof stays what it was."""

import datetime as dt

import pytest

from autopay.models import Draft, DraftState, Enrollment, Run
from autopay.services import drawing, enrollment, outcomes
from demo.stripe.core import Sandbox
from payments.models import Payment, PaymentEvent, State
from payments.services import settlement, submission
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
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


@pytest.fixture
def due(sandbox: Sandbox, calendar: Calendar) -> Draft:
    """Announced in time, and to be drawn today."""
    draft = announced(enrolled(sandbox))
    calendar.go_to(DUE)
    return draft


@pytest.fixture
def claimed(due: Draft) -> Draft:
    """A run has committed to a draw on its day, and has not asked Stripe yet."""
    today = Run.objects.create(region=due.enrollment.account.region, as_of=DUE)
    assert drawing.claim(draft_id=due.pk, run=today, today=DUE) is not None
    return Draft.objects.select_related("payment", "enrollment", "invoice").get(pk=due.pk)


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


def test_row_30_a_worker_that_begins_to_send_while_the_cancel_reads_is_named_in_the_proof(
    claimed: Draft, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancel has read the payment as new; what its row says under the lock tells it otherwise."""
    lock, payment = settlement.lock_payment, claimed.payment
    assert payment is not None

    def sent_first(payment_id: int) -> Payment:
        paying.submitted(payment)
        return lock(payment_id)

    with monkeypatch.context() as patch:
        patch.setattr(settlement, "lock_payment", sent_first)
        proof = cancel(claimed)
    assert (proof.canceled, proof.sent) == ((), (payment.reference,))
    settle(claimed.enrollment.account.region)
    assert charged(sandbox) == {payment.reference: 120_00}
    assert enrollment.proof_of(Enrollment.objects.get()) == proof
    assert_invariants(sandbox)


def test_row_30_a_cancel_after_the_claim_and_before_stripe_is_asked_prevents_the_draw(
    due: Draft, sandbox: Sandbox
) -> None:
    """The worker goes on with a payment that was given up behind its back."""
    proofs = []
    asked = len(sandbox.requests())
    with meanwhile("autopay.claimed", lambda: proofs.append(cancel(due))):
        run(due.enrollment.account.region)
    assert (proofs[0].canceled, proofs[0].sent) == ((due,), ())
    assert len(sandbox.requests()) == asked
    assert Payment.objects.get().state == State.CANCELED
    assert_invariants(sandbox)


@pytest.mark.parametrize(
    "where",
    [
        "payments.before_create",
        "payments.after_create",
        "payments.after_confirm",
        "autopay.submitted",
    ],
)
@pytest.mark.parametrize("method", [paying.CARD, methods.BANK])
def test_row_30_a_cancel_once_stripe_may_know_is_told_what_was_sent(
    sandbox: Sandbox, calendar: Calendar, method: str, where: str
) -> None:
    draft = announced(enrolled(sandbox, card=method))
    region = draft.enrollment.account.region
    calendar.go_to(DUE)
    proofs = []
    with meanwhile(where, lambda: proofs.append(cancel(draft))):
        run(region)
    calendar.go_to(DUE + dt.timedelta(days=7))  # a debit takes days
    work(region)

    (proof,) = proofs
    payment = Payment.objects.get()
    assert charged(sandbox) == {payment.reference: 120_00}
    assert proof.canceled == ()
    had_arrived = where == "autopay.submitted" and method == paying.CARD  # its receipt tells that
    assert proof.sent == (() if had_arrived else (payment.reference,))
    assert enrollment.proof_of(Enrollment.objects.get()) == proof
    assert_invariants(sandbox)


@pytest.mark.parametrize("state", [State.SUBMITTED, State.UNKNOWN])
def test_row_30_a_draw_that_stripe_may_know_of_is_named_and_told_where_it_comes_to_nothing(
    claimed: Draft, sandbox: Sandbox, calendar: Calendar, state: State
) -> None:
    payment = claimed.payment
    assert payment is not None
    paying.submitted(payment)
    if state == State.UNKNOWN:
        settlement.mark_unknown(payment_id=payment.pk, via=PaymentEvent.Via.SCHEDULE)
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
    paying.submitted(payment)
    proof = cancel(claimed)
    settle(claimed.enrollment.account.region)
    assert charged(sandbox) == {payment.reference: 120_00}
    assert proof.sent == (payment.reference,)
    assert enrollment.proof_of(Enrollment.objects.get()) == proof
    assert_invariants(sandbox)


def test_a_cancel_on_a_machine_whose_clock_is_behind_names_what_was_sent(
    claimed: Draft, sandbox: Sandbox, calendar: Calendar
) -> None:
    """The worker's clock wrote when the payment began, another machine's when it was canceled."""
    payment = claimed.payment
    assert payment is not None
    paying.submitted(payment)
    calendar.go_to_moment(payment.created_at - dt.timedelta(minutes=2))
    proof = cancel(claimed)
    assert (proof.canceled, proof.sent) == ((), (payment.reference,))
    assert (
        f"Sent to your bank before you canceled, and not to be stopped by us: {payment.reference}"
        in (told(claimed)[-1].message)
    )
    calendar.go_to_moment(payment.created_at + dt.timedelta(minutes=1))
    settle(claimed.enrollment.account.region)
    assert charged(sandbox) == {payment.reference: 120_00}
    assert enrollment.proof_of(Enrollment.objects.get()) == proof


def test_a_cancel_finds_that_the_draw_was_given_up_and_promises_no_bank_anything(
    claimed: Draft, sandbox: Sandbox, calendar: Calendar
) -> None:
    """Payments gave it up a moment ago, and no pass has taken that in."""
    payment = claimed.payment
    assert payment is not None
    settlement.give_up(payment_id=payment.pk, code="", via=PaymentEvent.Via.RECONCILER)
    proof = cancel(claimed)
    assert (proof.canceled, proof.sent) == ((claimed,), ())
    work(claimed.enrollment.account.region)
    assert "we told you that this draw had been sent" not in told(claimed)[-1].message
    assert Draft.objects.get().state == DraftState.CANCELED


def test_a_year_later_the_proof_says_the_same(
    claimed: Draft, sandbox: Sandbox, calendar: Calendar
) -> None:
    proof = cancel(claimed)
    calendar.go_to(DUE + dt.timedelta(days=365))
    assert enrollment.proof_of(Enrollment.objects.get()) == proof
