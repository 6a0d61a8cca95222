"""What a member changes: at once, in one transaction with its mail, until the moment of submission."""

import dataclasses
import datetime as dt

import pytest

from autopay.exceptions import AlreadySent, BadChoice, NotEnrolled
from autopay.models import Draft, DraftState, Enrollment, EnrollmentEvent, EnrollmentState, Reason
from autopay.services import drawing, enrollment
from autopay.terms import choice_of
from demo.stripe.core import Sandbox
from payments.models import Payment, PaymentMethod
from payments.services import methods as saved
from tests.support import methods, paying
from tests.support.autopay import (
    DUE,
    START,
    Calendar,
    agree,
    announced,
    bill,
    by,
    draft_of,
    enrolled,
    run,
    work,
)
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


@pytest.fixture
def stands(sandbox: Sandbox, calendar: Calendar) -> Enrollment:
    return enrolled(sandbox)


@pytest.fixture
def draft(stands: Enrollment) -> Draft:
    """Announced today, to be drawn on DUE."""
    made = announced(stands)
    assert made.state == DraftState.NOTICED
    return made


def last_subject(stands: Enrollment) -> str:
    return mails_to(stands.account.guarantor.user.email)[-1].subject


def test_a_skipped_draw_is_not_made(draft: Draft, calendar: Calendar, sandbox: Sandbox) -> None:
    enrollment.skip(draft=draft, **by(draft.enrollment))
    assert last_subject(draft.enrollment) == "You skipped the draw of $120.00"
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    assert charged(sandbox) == {}
    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (DraftState.SKIPPED, Reason.BY_MEMBER)


def test_skipping_twice_is_skipping_once(draft: Draft) -> None:
    enrollment.skip(draft=draft, **by(draft.enrollment))
    enrollment.skip(draft=draft, **by(draft.enrollment))
    assert EnrollmentEvent.objects.filter(kind=EnrollmentEvent.Kind.SKIPPED).count() == 1


def test_a_draw_that_is_taken_up_again_is_announced_anew(draft: Draft, calendar: Calendar) -> None:
    enrollment.skip(draft=draft, **by(draft.enrollment))
    calendar.go_to(DUE)
    enrollment.unskip(draft=draft, **by(draft.enrollment))
    work(draft.enrollment.account.region)
    draft.refresh_from_db()
    assert draft.state == DraftState.NOTICED
    assert draft.draw_on == dt.date(2026, 11, 27)  # eleven days
    assert draft.notices.count() == 2


def test_what_was_sent_cannot_be_skipped(draft: Draft, calendar: Calendar) -> None:
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    with pytest.raises(AlreadySent) as refused:
        enrollment.skip(draft=draft, **by(draft.enrollment))
    assert refused.value.reference == Payment.objects.get().reference


def test_nothing_is_drawn_while_paused_and_what_was_missed_is_announced_anew(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    stands, region = draft.enrollment, draft.enrollment.account.region
    enrollment.pause(enrollment=stands, **by(stands))
    calendar.go_to(DUE)
    work(region)
    assert charged(sandbox) == {}

    enrollment.resume(enrollment=stands, **by(stands))
    work(region)

    assert charged(sandbox) == {}
    draft.refresh_from_db()
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, dt.date(2026, 11, 27))
    calendar.go_to(draft.draw_on)
    run(region)
    assert list(charged(sandbox).values()) == [120_00]


def test_canceling_returns_a_dated_proof_and_nothing_is_drawn_after_it(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    stands = draft.enrollment
    proof = enrollment.cancel(enrollment=stands, **by(stands))
    assert (proof.reference, proof.canceled, proof.sent) == (stands.reference, (draft,), ())
    mail = mails_to(stands.account.guarantor.user.email)[-1]
    assert mail.subject == "Autopay of your medical bills is canceled"
    assert "You canceled it on Nov. 2, 2026." in mail.message
    assert "1 planned draw will not be made." in mail.message

    calendar.go_to(DUE)
    work(stands.account.region)
    assert charged(sandbox) == {}
    again = enrollment.cancel(enrollment=stands, **by(stands))
    assert again.canceled_at == proof.canceled_at
    assert last_subject(stands) == mail.subject
    with pytest.raises(NotEnrolled):
        enrollment.resume(enrollment=stands, **by(stands))


def test_a_proof_names_what_had_been_sent_before(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox, card=methods.BANK)
    announced(stands)
    calendar.go_to(DUE)
    run(stands.account.region)
    payment = Payment.objects.get()
    assert payment.state == "processing"

    proof = enrollment.cancel(enrollment=stands, **by(stands))

    assert proof.sent == (payment.reference,)
    assert proof.canceled == ()
    assert payment.reference in mails_to(stands.account.guarantor.user.email)[-1].message
    calendar.go_to(DUE + dt.timedelta(days=7))
    work(stands.account.region)
    payment.refresh_from_db()
    stands.refresh_from_db()
    assert payment.state == "succeeded"
    assert enrollment.proof_of(stands).sent == (payment.reference,)
    paying.assert_invariants(sandbox)


def test_who_canceled_may_enroll_again(draft: Draft, sandbox: Sandbox) -> None:
    stands = draft.enrollment
    enrollment.cancel(enrollment=stands, **by(stands))
    chosen = choice_of(stands)
    again = enrollment.enroll(
        account=stands.account,
        choice=chosen,
        agreement=agree(stands.account, chosen),
        by=stands.account.guarantor.user,
    )
    assert again.pk != stands.pk
    assert again.drafts.get().state == DraftState.PLANNED


def test_another_day_moves_the_draw_and_announces_it_anew(draft: Draft, calendar: Calendar) -> None:
    stands = draft.enrollment
    enrollment.change_schedule(enrollment=stands, day_of_month=20, **by(stands))
    draft.refresh_from_db()
    assert (draft.state, draft.draw_on) == (DraftState.PLANNED, dt.date(2026, 11, 20))
    assert last_subject(stands) == "Autopay of your medical bills has changed"
    with pytest.raises(BadChoice):
        enrollment.change_schedule(enrollment=stands, day_of_month=32, **by(stands))


def test_a_lower_limit_takes_a_bill_off_and_a_higher_one_brings_it_back(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    stands = draft.enrollment
    enrollment.change_limit(enrollment=stands, limit_cents=119_99, **by(stands))
    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (DraftState.HELD, Reason.OVER_LIMIT)
    assert last_subject(stands) == "A bill is above your autopay limit"
    calendar.go_to(DUE)
    work(stands.account.region)
    assert charged(sandbox) == {}

    enrollment.change_limit(enrollment=stands, limit_cents=120_00, **by(stands))
    work(stands.account.region)
    draft.refresh_from_db()
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, dt.date(2026, 11, 27))


def test_another_method_needs_its_own_authorization_and_keeps_the_notice(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    stands = draft.enrollment
    before = stands.authorization
    bank = methods.add(sandbox, stands.account, methods.BANK)
    chosen = dataclasses.replace(choice_of(stands), method=bank)

    enrollment.change_method(
        enrollment=stands,
        method=bank,
        agreement=agree(stands.account, chosen),
        by=stands.account.guarantor.user,
    )

    stands.refresh_from_db()
    assert stands.authorization != before
    assert "STRIPE TEST BANK account ending in 6789" in stands.authorization.text
    calendar.go_to(DUE)
    run(stands.account.region)
    payment = Payment.objects.get()
    assert (payment.method_kind, payment.authorization) == (
        PaymentMethod.Kind.BANK,
        stands.authorization,
    )


def test_a_removed_method_stops_autopay_and_another_one_starts_it_again(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    stands, region = draft.enrollment, draft.enrollment.account.region
    saved.remove(method=stands.method)
    calendar.go_to(DUE)
    run(region)
    stands.refresh_from_db()
    assert (stands.state, stands.stop_reason) == ("stopped", "method_removed")
    assert last_subject(stands) == "Autopay of your medical bills has stopped"
    assert charged(sandbox) == {}

    card = methods.add(sandbox, stands.account)
    chosen = dataclasses.replace(choice_of(stands), method=card)
    enrollment.change_method(
        enrollment=stands,
        method=card,
        agreement=agree(stands.account, chosen),
        by=stands.account.guarantor.user,
    )
    work(region)

    stands.refresh_from_db()
    assert stands.state == EnrollmentState.ACTIVE
    draft.refresh_from_db()
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, dt.date(2026, 11, 27))


@pytest.mark.parametrize("reason", ["method_removed", "revoked"])
def test_another_method_does_not_end_a_pause_that_its_owner_began(
    draft: Draft, calendar: Calendar, sandbox: Sandbox, reason: str
) -> None:
    """Paused, then stopped by us, then given another method: still paused, until it is resumed."""
    stands, region = draft.enrollment, draft.enrollment.account.region
    enrollment.pause(enrollment=stands, **by(stands))
    stands.refresh_from_db()
    enrollment.stop(enrollment=stands, reason=reason)
    card = methods.add(sandbox, stands.account, "pm_card_mastercard")
    chosen = dataclasses.replace(choice_of(stands), method=card)
    changed = enrollment.change_method(
        enrollment=stands,
        method=card,
        agreement=agree(stands.account, chosen),
        by=stands.account.guarantor.user,
    )
    assert changed.state == EnrollmentState.PAUSED
    calendar.go_to(DUE)
    work(region)
    assert charged(sandbox) == {}

    enrollment.resume(enrollment=changed, **by(changed))
    enrollment.stop(enrollment=Enrollment.objects.get(), reason=reason)
    again = enrollment.change_method(
        enrollment=changed,
        method=card,
        agreement=agree(stands.account, chosen),
        by=stands.account.guarantor.user,
    )
    assert again.state == EnrollmentState.ACTIVE


def test_the_account_balance_pays_first_where_that_was_chosen(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    stands = draft.enrollment
    paying.add_money(sandbox, stands.account, 50_00)
    enrollment.change_balance_use(enrollment=stands, use_balance=True, **by(stands))
    calendar.go_to(DUE)
    run(stands.account.region)
    payment = Payment.objects.get(payer="autopay")
    assert (payment.from_balance_cents, payment.charge_cents) == (50_00, 70_00)
    paying.assert_invariants(sandbox)


def test_a_balance_that_covers_all_needs_no_bank(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    stands = draft.enrollment
    paying.add_money(sandbox, stands.account, 200_00)
    enrollment.change_balance_use(enrollment=stands, use_balance=True, **by(stands))
    calendar.go_to(DUE)
    run(stands.account.region)
    payment = Payment.objects.get(payer="autopay")
    assert (payment.charge_cents, payment.method_kind) == (0, "balance")
    assert draft_of(draft.invoice).state == DraftState.DRAWN
    paying.assert_invariants(sandbox)


def test_each_change_is_kept_with_who_and_from_where(draft: Draft) -> None:
    stands = draft.enrollment
    enrollment.pause(enrollment=stands, **by(stands))
    enrollment.resume(enrollment=stands, **by(stands))
    kinds = [(event.kind, event.by, event.ip_address) for event in stands.events.all()]
    user = stands.account.guarantor.user
    assert kinds == [
        ("enrolled", user, "203.0.113.7"),
        ("paused", user, "203.0.113.7"),
        ("resumed", user, "203.0.113.7"),
    ]


def test_a_claim_that_comes_after_a_cancel_finds_nothing(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    calendar.go_to(DUE)
    region = draft.enrollment.account.region
    made = run(region)
    enrollment.cancel(enrollment=draft.enrollment, **by(draft.enrollment))
    assert drawing.claim(draft_id=draft.pk, run=made, today=made.as_of) is None
    assert len(charged(sandbox)) == 1


def test_bills_of_the_other_scope_are_left_alone(stands: Enrollment, sandbox: Sandbox) -> None:
    bill(stands, 300_00, due_on=START, kind="premium")
    work(stands.account.region)
    assert not Draft.objects.exists()
