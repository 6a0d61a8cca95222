"""A card that is dead, revoked or disputed is charged for the same bill never again, however its owner
goes about it; and nobody hears "no tries left" while there are some.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from autopay.models import Draft, DraftAttempt, DraftState, Enrollment, Notice, Reason
from autopay.services import drawing, enrollment
from autopay.terms import choice_of
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments.exceptions import MethodNotUsable
from payments.methods import name_of
from payments.models import Payment, PaymentMethod, State
from payments.services.methods import remove
from tests.support import methods
from tests.support.autopay import (
    DUE,
    Calendar,
    agree,
    announced,
    assert_invariants,
    bill,
    by,
    draft_of,
    enroll,
    enrolled,
    pass_days,
    run,
    settle,
    work,
)
from tests.support.history import dispute
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db

STOLEN = "pm_card_visa_chargeDeclinedStolenCard"
EXPIRED = "pm_card_chargeDeclinedExpiredCard"
WRONG_CVC = "pm_card_chargeDeclinedIncorrectCvc"
REFUSING = "pm_card_chargeCustomerFail"
GOOD = "pm_card_visa"


def refused(sandbox: Sandbox, calendar: Calendar, card: str) -> Draft:
    """Drawn on DUE from a card that was good when it was saved."""
    draft = announced(enrolled(sandbox))
    methods.becomes(sandbox, draft.enrollment.method, card)
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    return fresh(draft)


def fresh(draft: Draft) -> Draft:
    return Draft.objects.select_related("enrollment__method", "invoice").get(pk=draft.pk)


def choose_again(draft: Draft, method: PaymentMethod) -> None:
    """Their owner chooses this method, and agrees to the text for it."""
    stands = Enrollment.objects.get(pk=draft.enrollment_id)
    enrollment.change_method(
        enrollment=stands,
        method=method,
        agreement=agree(stands.account, replace(choice_of(stands), method=method)),
        by=stands.account.guarantor.user,
    )


def told(draft: Draft) -> list[str]:
    return [mail.subject for mail in mails_to(draft.enrollment.account.guarantor.user.email)]


def test_a_stolen_card_is_blocked_and_can_be_chosen_no_more(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = refused(sandbox, calendar, STOLEN)
    method = draft.enrollment.method
    assert (draft.state, draft.failure_code) == (DraftState.FAILED, "stolen_card")
    assert (draft.enrollment.state, draft.enrollment.stop_reason) == ("stopped", "method_dead")
    assert (method.status, method.blocked_code) == (PaymentMethod.Status.BLOCKED, "stolen_card")
    assert told(draft).count("A payment method can no longer be used") == 1
    assert not any("stolen" in mail.message for mail in mails_of(draft))

    with pytest.raises(MethodNotUsable):
        choose_again(draft, method)
    enrollment.cancel(enrollment=draft.enrollment, **by(draft.enrollment))
    with pytest.raises(MethodNotUsable):
        enroll(method)
    assert Payment.objects.count() == 1
    assert_invariants(sandbox)


def mails_of(draft: Draft) -> list:
    return mails_to(draft.enrollment.account.guarantor.user.email)


def test_its_owner_cannot_pay_with_a_blocked_card_either(sandbox: Sandbox, calendar: Calendar) -> None:
    draft = refused(sandbox, calendar, STOLEN)
    with pytest.raises(MethodNotUsable):
        methods.pay_with_saved(draft.invoice, draft.enrollment.method)


def test_a_card_that_a_member_pays_with_is_blocked_as_well(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = announced(enrolled(sandbox))
    methods.becomes(sandbox, draft.enrollment.method, STOLEN)
    assert methods.pay_with_saved(draft.invoice, draft.enrollment.method).state == State.FAILED
    assert fresh(draft).enrollment.method.status == PaymentMethod.Status.BLOCKED
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    assert fresh(draft).enrollment.stop_reason == "method_dead"
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("card", [EXPIRED, WRONG_CVC])
def test_a_hard_refusal_holds_the_same_bill_also_under_a_new_enrollment(
    sandbox: Sandbox, calendar: Calendar, card: str
) -> None:
    draft = refused(sandbox, calendar, card)
    method = draft.enrollment.method
    assert method.status == PaymentMethod.Status.ACTIVE
    choose_again(draft, method)
    assert fresh(draft).state == DraftState.FAILED
    enrollment.cancel(enrollment=draft.enrollment, **by(draft.enrollment))
    methods.becomes(sandbox, method, GOOD)  # even if it were to go through

    again = enroll(method).drafts.get()
    notices = Notice.objects.count()
    pass_days(calendar, method.account.region, until=dt.date(2026, 12, 31))

    again.refresh_from_db()
    assert (again.state, again.reason) == (DraftState.HELD, Reason.METHOD_REFUSED)
    assert Notice.objects.count() == notices  # nothing was announced that will not be
    assert told(again).count("Autopay: Visa ending in 4242 is not tried again") == 1
    assert charged(sandbox) == {}
    assert Payment.objects.count() == 1
    # Another bill is another question.
    other = bill(again.enrollment, 20_00, due_on=dt.date(2027, 1, 18))
    work(method.account.region)
    pass_days(calendar, method.account.region, until=dt.date(2027, 1, 19))
    assert draft_of(other).state == DraftState.DRAWN
    assert_invariants(sandbox)


def saved_anew(sandbox: Sandbox, method: PaymentMethod, name: str) -> PaymentMethod:
    """Its owner removes it and adds the same one again: another id, here and at Stripe."""
    remove(method=method)
    anew = methods.add(sandbox, method.account, name)
    assert (anew.pk != method.pk, anew.last4) == (True, method.last4)
    return anew


def returned_three_times(sandbox: Sandbox, calendar: Calendar) -> Draft:
    draft = announced(enrolled(sandbox, card=methods.BANK))
    region = draft.enrollment.account.region
    for day in (DUE, dt.date(2026, 11, 23), dt.date(2026, 12, 3)):
        calendar.go_to(day)
        run(region)
        intent_id = Payment.objects.latest("pk").intent_id
        sandbox.bank.return_payment(region.stripe_account, str(intent_id), "R01")
        settle(region)
    return fresh(draft)


def refused_for_good(sandbox: Sandbox, calendar: Calendar) -> Draft:
    return refused(sandbox, calendar, WRONG_CVC)


@pytest.mark.parametrize(
    ("begin", "name", "reason"),
    [
        (returned_three_times, methods.BANK, Reason.NO_TRIES_LEFT),
        (refused_for_good, GOOD, Reason.METHOD_REFUSED),
    ],
)
def test_row_34_the_same_account_or_card_saved_anew_counts_the_same_tries(
    sandbox: Sandbox,
    calendar: Calendar,
    begin: Callable[[Sandbox, Calendar], Draft],
    name: str,
    reason: Reason,
) -> None:
    draft = begin(sandbox, calendar)
    payments = Payment.objects.count()
    anew = saved_anew(sandbox, draft.enrollment.method, name)
    choose_again(draft, anew)
    work(draft.enrollment.account.region)
    assert (fresh(draft).state, fresh(draft).next_try_on) == (DraftState.FAILED, None)

    enrollment.cancel(enrollment=draft.enrollment, **by(draft.enrollment))
    again = enroll(anew).drafts.get()
    work(draft.enrollment.account.region)
    assert (again.state, again.reason) == (DraftState.HELD, reason)
    assert told(again)[-1].endswith("is not tried again")
    assert Payment.objects.count() == payments
    assert charged(sandbox) == {}
    assert_invariants(sandbox)


def test_an_expired_card_that_is_saved_anew_with_another_date_is_tried(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = refused(sandbox, calendar, EXPIRED)
    old = draft.enrollment.method
    PaymentMethod.objects.filter(pk=old.pk).update(exp_year=old.exp_year - 1)
    choose_again(draft, saved_anew(sandbox, old, GOOD))
    assert fresh(draft).state == DraftState.PLANNED


def test_another_method_frees_what_was_held(sandbox: Sandbox, calendar: Calendar) -> None:
    draft = refused(sandbox, calendar, WRONG_CVC)
    choose_again(draft, methods.add(sandbox, draft.enrollment.account, methods.BANK))
    work(draft.enrollment.account.region)
    assert fresh(draft).state == DraftState.NOTICED


@pytest.mark.parametrize("cents", [120_00, 30_00])
def test_what_its_holder_disputed_is_not_charged_to_the_card_again(
    sandbox: Sandbox, calendar: Calendar, cents: int
) -> None:
    """All of a draw, or a part; the reason that the bank gives is no reason to try again."""
    draft = announced(enrolled(sandbox))
    method, region = draft.enrollment.method, draft.enrollment.account.region
    calendar.go_to(DUE)
    run(region)
    dispute(Payment.objects.get(), cents, status="lost", reason="insufficient_funds")
    settle(region)
    assert fresh(draft).enrollment.stop_reason == "revoked"
    enrollment.cancel(enrollment=draft.enrollment, **by(draft.enrollment))

    again = enroll(method).drafts.get()
    pass_days(calendar, region, until=dt.date(2026, 12, 31))

    again.refresh_from_db()
    assert (again.amount_cents, again.reason) == (cents, Reason.METHOD_REFUSED)
    assert Payment.objects.count() == 1


def test_a_row_that_says_otherwise_is_stopped_at_the_try(sandbox: Sandbox, calendar: Calendar) -> None:
    draft = refused(sandbox, calendar, WRONG_CVC)
    later = dt.date(2026, 11, 20)
    Draft.objects.filter(pk=draft.pk).update(next_try_on=later)
    calendar.go_to(later)
    run(draft.enrollment.account.region)
    assert (fresh(draft).next_try_on, Payment.objects.count()) == (None, 1)
    assert told(draft)[-1] == "Autopay: Visa ending in 4242 is not tried again"


def test_one_decline_before_a_pause_leaves_tries_after_it(sandbox: Sandbox, calendar: Calendar) -> None:
    """Only refusals of the last 30 days count: a card that was declined once is drawn from again."""
    draft = announced(enrolled(sandbox, card=REFUSING))
    stands, region = draft.enrollment, draft.enrollment.account.region
    calendar.go_to(DUE)
    run(region)
    enrollment.pause(enrollment=stands, **by(stands))
    calendar.go_to(dt.date(2026, 12, 7))
    enrollment.resume(enrollment=stands, **by(stands))
    work(region)
    draft = fresh(draft)
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, dt.date(2026, 12, 18))
    methods.becomes(sandbox, stands.method, GOOD)
    calendar.go_to(draft.draw_on)
    run(region)
    assert fresh(draft).state == DraftState.DRAWN
    assert list(charged(sandbox).values()) == [120_00]
    assert_invariants(sandbox)


def test_no_30_days_hold_more_than_four_tries_however_often_autopay_is_begun_anew(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = enrolled(sandbox, card=REFUSING)
    announced(stands)
    region, method = stands.account.region, stands.method
    for until in (dt.date(2026, 12, 12), dt.date(2027, 1, 2), dt.date(2027, 2, 20)):
        pass_days(calendar, region, until=until)
        enrollment.cancel(enrollment=stands, **by(stands))
        stands = enroll(method)

    attempts = DraftAttempt.objects.order_by("at").values_list("at", flat=True)
    days = [business_date(region.time_zone, at) for at in attempts]
    assert days[:4] == [DUE, dt.date(2026, 11, 19), dt.date(2026, 11, 27), dt.date(2026, 12, 11)]
    assert len(days) > 4
    for day in days:
        assert len([other for other in days if 0 <= (other - day).days < 30]) <= 4
    assert charged(sandbox) == {}


def returned_after_another_was_chosen(sandbox: Sandbox, calendar: Calendar, code: str) -> Draft:
    """A bank debit is on its way, its owner chooses a card, and the debit comes back."""
    draft = announced(enrolled(sandbox, card=methods.BANK))
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    choose_again(draft, methods.add(sandbox, draft.enrollment.account))
    sandbox.bank.return_payment("ncal", str(Payment.objects.get().intent_id), code)
    settle(draft.enrollment.account.region)
    return fresh(draft)


def test_a_debit_that_comes_back_for_good_is_drawn_from_the_method_chosen_since(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = returned_after_another_was_chosen(sandbox, calendar, "R02")
    assert draft.state == DraftState.PLANNED
    assert draft.enrollment.state == "active"
    mail = next(mail for mail in mails_of(draft) if "did not go through" in mail.subject)
    assert "Since then you chose Visa ending in 4242 for autopay" in mail.message
    assert "please pay this bill yourself" not in mail.message
    pass_days(calendar, draft.enrollment.account.region, until=dt.date(2026, 12, 1))
    assert list(charged(sandbox).values()) == [120_00]
    assert_invariants(sandbox)


def test_a_debit_that_comes_back_for_want_of_money_does_not_lend_the_new_card_its_notice(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """Neither the old notice nor the waits of a debit are the card's: announced, and ten days."""
    draft = returned_after_another_was_chosen(sandbox, calendar, "R01")
    assert (draft.state, draft.next_try_on) == (DraftState.PLANNED, None)
    mail = next(mail for mail in mails_of(draft) if "did not go through" in mail.subject)
    assert "Since then you chose Visa ending in 4242 for autopay" in mail.message
    assert "We try again on" not in mail.message
    old = Payment.objects.get().saved_method
    assert old is not None
    assert f"Paid with: {name_of(old)}" in mail.message

    region = draft.enrollment.account.region
    pass_days(calendar, region, until=DUE + dt.timedelta(days=10))
    assert charged(sandbox) == {}
    pass_days(calendar, region, until=dt.date(2026, 12, 1))
    assert list(charged(sandbox).values()) == [120_00]
    attempt = DraftAttempt.objects.order_by("pk").last()
    assert attempt is not None
    assert attempt.notice.number == 2
    assert_invariants(sandbox)


def test_a_debit_that_comes_back_to_an_enrollment_with_another_method_that_is_paused(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = announced(enrolled(sandbox, card=methods.BANK))
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    choose_again(draft, methods.add(sandbox, draft.enrollment.account))
    enrollment.pause(enrollment=draft.enrollment, **by(draft.enrollment))
    sandbox.bank.return_payment("ncal", str(Payment.objects.get().intent_id), "R02")
    settle(draft.enrollment.account.region)
    assert fresh(draft).state == DraftState.PLANNED
    mail = next(mail for mail in mails_of(draft) if "did not go through" in mail.subject)
    assert "Autopay is paused: we try again only after you resume it." in mail.message


def test_a_debit_that_its_holder_calls_unauthorized_is_left_to_them(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = returned_after_another_was_chosen(sandbox, calendar, "R10")
    assert (draft.state, draft.next_try_on) == (DraftState.FAILED, None)
    pass_days(calendar, draft.enrollment.account.region, until=dt.date(2026, 12, 5))
    assert charged(sandbox) == {}


def test_a_claim_reads_every_refusal_of_the_bill(sandbox: Sandbox, calendar: Calendar) -> None:
    draft = refused(sandbox, calendar, REFUSING)
    with drawing.transaction.atomic():
        made = draft.attempts.get().run
        claimed = drawing.claim_draft(draft.pk, run_id=made.pk)
    assert claimed is not None
    assert [(each.on, each.code) for each in claimed.refusals] == [(DUE, "generic_decline")]
