"""Expiring cards: a month before, a week before, once each; and what happens after."""

import datetime as dt

import pytest

from autopay.models import Draft, DraftState, Enrollment, Reason, Run
from autopay.services import cards, drawing, enrollment
from autopay.terms import choice_of
from demo.stripe.core import Sandbox
from payments.models import Payment, PaymentMethod
from payments.services import submission
from tests.support import methods
from tests.support.autopay import (
    DUE,
    Calendar,
    agree,
    announced,
    assert_invariants,
    by,
    enroll,
    enrolled,
    pass_days,
    run,
    settle,
    work,
)
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


def expiring(sandbox: Sandbox, year: int, month: int) -> Enrollment:
    stands = enrolled(sandbox)
    PaymentMethod.objects.filter(pk=stands.method_id).update(exp_year=year, exp_month=month)
    return stands


def told_on(stands: Enrollment, since: dt.date, until: dt.date) -> list[dt.date]:
    days = [since + dt.timedelta(days=count) for count in range((until - since).days + 1)]
    return [day for day in days if cards.announce_expiry(region=stands.account.region, as_of=day)]


def test_owners_hear_a_month_before_and_a_week_before(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = expiring(sandbox, 2027, 2)
    assert told_on(stands, dt.date(2027, 1, 1), dt.date(2027, 3, 31)) == [
        dt.date(2027, 1, 29),
        dt.date(2027, 2, 21),
    ]
    mail = mails_to(stands.account.guarantor.user.email)[-1]
    assert mail.subject == "The card of your autopay expires on Feb. 28, 2027"


def test_who_enrolls_in_the_last_week_hears_once(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = expiring(sandbox, 2026, 11)
    assert told_on(stands, dt.date(2026, 11, 25), dt.date(2026, 12, 5)) == [dt.date(2026, 11, 25)]


def test_bank_accounts_do_not_expire(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox, card=methods.BANK)
    assert told_on(stands, dt.date(2026, 11, 1), dt.date(2026, 12, 31)) == []


def test_an_expired_card_stops_autopay_and_is_not_charged(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = expiring(sandbox, 2026, 10)
    announced(stands)
    calendar.go_to(DUE)
    run(stands.account.region)
    stands.refresh_from_db()
    assert (stands.state, stands.stop_reason) == ("stopped", "method_expired")
    assert charged(sandbox) == {}
    mail = mails_to(stands.account.guarantor.user.email)[-1]
    assert "or your bank renews the card: then autopay goes on with it by itself" in mail.message


def subjects(stands: Enrollment) -> list[str]:
    return [mail.subject for mail in mails_to(stands.account.guarantor.user.email)]


RENEWED = "Autopay of your medical bills: your card was renewed"


def test_a_card_that_its_network_renews_in_time_is_drawn_from_as_if_nothing_were(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = expiring(sandbox, 2026, 10)
    announced(stands)
    methods.renewed_by_its_network(sandbox, stands.method)
    calendar.go_to(DUE)
    work(stands.account.region)
    stands.refresh_from_db()
    assert stands.state == "active"
    assert list(charged(sandbox).values()) == [120_00]
    assert subjects(stands).count(RENEWED) == 0


def test_a_card_that_is_renewed_after_the_stop_starts_autopay_again_and_is_told(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = expiring(sandbox, 2026, 10)
    draft = announced(stands)
    calendar.go_to(DUE)
    work(stands.account.region)
    stands.refresh_from_db()
    assert stands.stop_reason == "method_expired"
    work(stands.account.region)
    stands.refresh_from_db()
    assert stands.state == "stopped"

    methods.renewed_by_its_network(sandbox, stands.method)
    work(stands.account.region)
    work(stands.account.region)

    stands.refresh_from_db()
    draft.refresh_from_db()
    assert (stands.state, stands.stop_reason) == ("active", "")
    assert subjects(stands).count(RENEWED) == 1
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, dt.date(2026, 11, 27))
    assert charged(sandbox) == {}
    pass_days(calendar, stands.account.region, until=draft.draw_on)
    assert list(charged(sandbox).values()) == [120_00]


def test_a_card_that_its_bank_calls_expired_is_taken_up_again_only_once_it_is_renewed(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """Its date has not come, but the bank has sent another card: a refusal, not a date."""
    stands = enrolled(sandbox)
    draft = announced(stands)
    methods.becomes(sandbox, stands.method, "pm_card_chargeDeclinedExpiredCard")
    calendar.go_to(DUE)
    work(stands.account.region)
    stands.refresh_from_db()
    draft.refresh_from_db()
    assert (stands.stop_reason, draft.failure_code) == ("method_expired", "expired_card")
    assert stands.method.status == PaymentMethod.Status.ACTIVE
    calendar.go_to(DUE + dt.timedelta(days=1))
    work(stands.account.region)
    stands.refresh_from_db()
    assert stands.state == "stopped"

    methods.becomes(sandbox, stands.method, "pm_card_visa")
    methods.renewed_by_its_network(sandbox, stands.method, 2037)
    pass_days(calendar, stands.account.region, until=DUE + dt.timedelta(days=14))

    draft.refresh_from_db()
    assert draft.state == DraftState.DRAWN
    assert list(charged(sandbox).values()) == [120_00]


def test_what_its_owner_had_paused_stays_paused_when_the_card_is_renewed(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = expiring(sandbox, 2026, 10)
    announced(stands)
    enrollment.pause(enrollment=stands, **by(stands))
    stands.refresh_from_db()
    enrollment.stop(enrollment=stands, reason="method_expired")
    methods.renewed_by_its_network(sandbox, stands.method)
    work(stands.account.region)
    stands.refresh_from_db()
    assert stands.state == "paused"
    mail = mails_to(stands.account.guarantor.user.email)[-1]
    assert mail.subject == RENEWED
    assert "It is still paused, as you had left it" in mail.message
    pass_days(calendar, stands.account.region, until=DUE + dt.timedelta(days=1))
    settle(stands.account.region)
    assert charged(sandbox) == {}
    assert Draft.objects.get().state != DraftState.DRAWN


def called_expired(sandbox: Sandbox, calendar: Calendar) -> Draft:
    """The bank says so to a draw, though the date on the card has not come."""
    draft = announced(enrolled(sandbox))
    methods.becomes(sandbox, draft.enrollment.method, "pm_card_chargeDeclinedExpiredCard")
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    draft.refresh_from_db()
    assert (draft.state, draft.failure_code) == (DraftState.FAILED, "expired_card")
    return draft


def renewed_and_drawn(sandbox: Sandbox, calendar: Calendar, stands: Enrollment) -> Draft:
    """Weeks pass without a draw of the bill; then the card is renewed, and weeks pass again."""
    region = stands.account.region
    pass_days(calendar, region, until=DUE + dt.timedelta(days=15))
    assert Payment.objects.count() == 1
    methods.becomes(sandbox, stands.method, "pm_card_visa")
    methods.renewed_by_its_network(sandbox, stands.method, 2037)
    pass_days(calendar, region, until=DUE + dt.timedelta(days=30))
    assert_invariants(sandbox)
    return stands.drafts.get()


def test_a_bill_refused_by_an_expired_card_that_was_chosen_anew_is_drawn_once_it_is_renewed(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """Choosing it anew starts autopay for other bills; this one waits for the new card."""
    stands = called_expired(sandbox, calendar).enrollment
    enrollment.change_method(
        enrollment=stands,
        method=stands.method,
        agreement=agree(stands.account, choice_of(stands)),
        by=stands.account.guarantor.user,
    )
    assert renewed_and_drawn(sandbox, calendar, stands).state == DraftState.DRAWN
    assert list(charged(sandbox).values()) == [120_00]


def test_a_bill_held_under_a_new_enrollment_is_drawn_once_its_expired_card_is_renewed(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = called_expired(sandbox, calendar).enrollment
    enrollment.cancel(enrollment=stands, **by(stands))
    again = enroll(stands.method)
    work(stands.account.region)
    assert again.drafts.get().reason == Reason.METHOD_REFUSED
    assert renewed_and_drawn(sandbox, calendar, again).state == DraftState.DRAWN
    assert list(charged(sandbox).values()) == [120_00]


def test_a_card_that_is_renewed_before_we_learn_of_the_refusal_goes_on(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """What counts is when the old card was tried, not when its refusal was taken in."""
    draft = announced(enrolled(sandbox))
    stands, region = draft.enrollment, draft.enrollment.account.region
    methods.becomes(sandbox, stands.method, "pm_card_chargeDeclinedExpiredCard")
    calendar.go_to(DUE)
    made = Run.objects.create(region=region, as_of=DUE)
    payment = drawing.claim(draft_id=draft.pk, run=made, today=DUE)
    assert payment is not None
    submission.advance(payment_id=payment.pk, via="schedule")  # nobody takes in what became of it
    calendar.go_to(DUE, hour=13)
    methods.becomes(sandbox, stands.method, "pm_card_visa")
    methods.renewed_by_its_network(sandbox, stands.method, 2037)
    calendar.go_to(DUE, hour=14)
    settle(region)
    stands.refresh_from_db()
    assert stands.stop_reason == "method_expired"

    pass_days(calendar, region, until=DUE + dt.timedelta(days=15))

    assert subjects(stands).count(RENEWED) == 1
    assert list(charged(sandbox).values()) == [120_00]
