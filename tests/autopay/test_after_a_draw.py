"""What follows a refusal: told in plain words, tried again by the rules, or stopped."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from post_office.models import Email

from autopay import presenting
from autopay.models import Draft, DraftState, Enrollment, Reason
from autopay.retries import After, verdict
from autopay.services import enrollment, outcomes
from autopay.terms import choice_of
from billing.models import Invoice
from common.clock import business_date
from demo.stripe.ach import RETURNS
from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import Payment, PaymentEvent, PaymentMethod, State
from payments.services import disputes
from staff.lists import LISTS
from tests.support import methods, paying
from tests.support.autopay import (
    DUE,
    START,
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
from tests.support.autopay_pages import browser_of
from tests.support.history import dispute
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db

# Saved without a question; refused when it is charged.
REFUSING = "pm_card_chargeCustomerFail"
ASKING = "pm_card_authenticationRequired"


def drawn_and_refused(sandbox: Sandbox, calendar: Calendar, card: str) -> Draft:
    """A draw on DUE that the bank refuses at once."""
    draft = announced(enrolled(sandbox, card=card))
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    draft.refresh_from_db()
    return draft


def told(draft: Draft) -> list[str]:
    return [mail.subject for mail in mails_to(draft.enrollment.account.guarantor.user.email)]


def test_a_declined_card_is_told_in_plain_words_with_a_way_to_pay(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = drawn_and_refused(sandbox, calendar, REFUSING)
    assert (draft.state, draft.tries, draft.failure_code) == (DraftState.FAILED, 1, "generic_decline")
    assert draft.next_try_on == dt.date(2026, 11, 19)
    mail = mails_to(draft.enrollment.account.guarantor.user.email)[-1]
    assert mail.subject == "Autopay: a draw did not go through"
    assert "Your bank did not approve this payment." in mail.message
    assert "We try again on Nov. 19, 2026" in mail.message
    assert f"/bills/{draft.invoice_id}/" in mail.message
    assert "generic_decline" not in mail.message
    assert told(draft).count("Your payment did not go through") == 0  # payments says nothing
    paying.assert_invariants(sandbox)


def test_a_card_is_tried_four_times_and_no_more(sandbox: Sandbox, calendar: Calendar) -> None:
    draft = drawn_and_refused(sandbox, calendar, REFUSING)
    for day in (19, 20, 24, 27, 30):
        calendar.go_to(dt.date(2026, 11, day))
        work(draft.enrollment.account.region)
    for day in (1, 11, 14, 21, 31):
        calendar.go_to(dt.date(2026, 12, day))
        work(draft.enrollment.account.region)
    draft.refresh_from_db()
    assert (draft.state, draft.next_try_on, draft.tries) == (DraftState.FAILED, None, 4)
    attempts = [
        business_date(draft.enrollment.account.region.time_zone, attempt.at)
        for attempt in draft.attempts.all()
    ]
    assert attempts == [DUE, dt.date(2026, 11, 19), dt.date(2026, 11, 27), dt.date(2026, 12, 11)]
    assert attempts[-1] - attempts[0] < dt.timedelta(days=30)
    assert told(draft).count("Autopay: a draw did not go through") == 4
    assert charged(sandbox) == {}
    paying.assert_invariants(sandbox)


def test_a_bank_that_wants_to_ask_leaves_it_to_the_member(sandbox: Sandbox, calendar: Calendar) -> None:
    draft = drawn_and_refused(sandbox, calendar, ASKING)
    assert (draft.state, draft.next_try_on) == (DraftState.FAILED, None)
    assert draft.failure_code == "authentication_required"
    assert told(draft)[-1] == "Your bank wants you to confirm a payment of $120.00"
    assert draft.enrollment.state == "active"

    payment = methods.pay_with_saved(draft.invoice, draft.enrollment.method)
    assert payment.state == State.REQUIRES_ACTION  # on-session, the bank can ask
    assert charged(sandbox) == {}


def returned(sandbox: Sandbox, calendar: Calendar, code: str) -> tuple[Draft, Enrollment]:
    """A bank debit drawn on DUE that comes back with a code before it settled."""
    draft = announced(enrolled(sandbox, card=methods.BANK))
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    give_back(sandbox, draft, code)
    draft.refresh_from_db()
    return draft, Enrollment.objects.get(pk=draft.enrollment_id)


def give_back(sandbox: Sandbox, draft: Draft, code: str) -> None:
    """The bank gives the draft's latest debit back; the portal learns of it."""
    payment = Payment.objects.get(draft=draft)
    sandbox.bank.return_payment("ncal", str(payment.intent_id), code)
    if payment.state == State.SUCCEEDED:
        hear_of_dispute(sandbox, payment)
    settle(draft.enrollment.account.region)


def hear_of_dispute(sandbox: Sandbox, payment: Payment) -> None:
    """As the webhook's handler does: its event is a hint, the object is asked for."""
    with sandbox.store.read() as tx:
        (found,) = tx.find("ncal", "dispute")
    told = gateway.retrieve_dispute(region=payment.region, dispute_id=found["id"])
    disputes.settle(payment_id=payment.pk, told=told, via=PaymentEvent.Via.WEBHOOK)


@pytest.mark.parametrize("code", ["R02", "R03", "R04"])
def test_a_dead_account_stops_autopay(sandbox: Sandbox, calendar: Calendar, code: str) -> None:
    draft, stands = returned(sandbox, calendar, code)
    assert (draft.state, draft.next_try_on) == (DraftState.FAILED, None)
    assert (stands.state, stands.stop_reason) == ("stopped", "method_dead")
    assert stands.method.status == PaymentMethod.Status.BLOCKED
    assert told(draft)[-1] == "Autopay of your medical bills has stopped"
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("code", ["R05", "R07", "R10", "R29", "R51"])
def test_a_revoked_mandate_stops_autopay(sandbox: Sandbox, calendar: Calendar, code: str) -> None:
    draft, stands = returned(sandbox, calendar, code)
    assert (stands.state, stands.stop_reason) == ("stopped", "revoked")
    calendar.go_to(DUE + dt.timedelta(days=20))
    work(stands.account.region)
    assert draft.attempts.count() == 1


def test_a_holder_who_disputes_a_part_of_a_draw_is_drawn_no_more(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = announced(enrolled(sandbox))
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    payment = Payment.objects.get(draft=draft)
    dispute(payment, 30_00, status="needs_response")
    settle(draft.enrollment.account.region)
    assert Enrollment.objects.get(pk=draft.enrollment_id).state == "active"  # nothing is decided

    dispute(payment, 30_00, status="lost")
    settle(draft.enrollment.account.region)
    settle(draft.enrollment.account.region)

    draft.refresh_from_db()
    stands = Enrollment.objects.get(pk=draft.enrollment_id)
    assert (draft.state, payment.state) == (DraftState.DRAWN, State.PARTLY_REFUNDED)
    assert (stands.state, stands.stop_reason) == ("stopped", "revoked")
    assert told(draft).count("Autopay of your medical bills has stopped") == 1


@pytest.mark.parametrize(
    ("code", "stopped", "next_try_on"),
    [("R10", "revoked", None), ("R02", "method_dead", None), ("R01", "", dt.date(2027, 1, 5))],
)
def test_row_33_a_settled_debit_that_comes_back_on_day_45_reopens_the_bill(
    sandbox: Sandbox, calendar: Calendar, code: str, stopped: str, next_try_on: dt.date | None
) -> None:
    draft = announced(enrolled(sandbox, card=methods.BANK))
    region = draft.enrollment.account.region
    calendar.go_to(DUE)
    run(region)
    calendar.go_to(DUE + dt.timedelta(days=7))
    work(region)
    assert Payment.objects.get().state == State.SUCCEEDED

    calendar.go_to(DUE + dt.timedelta(days=45))
    give_back(sandbox, draft, code)

    draft.refresh_from_db()
    assert (draft.state, draft.next_try_on) == (DraftState.FAILED, next_try_on)
    assert Enrollment.objects.get(pk=draft.enrollment_id).stop_reason == stopped
    draft.invoice.refresh_from_db()
    assert draft.invoice.open_cents == 120_00
    assert any("took the draw of $120.00 back" in mail.message for mail in mails_of(draft))
    assert_invariants(sandbox)


def mails_of(draft: Draft) -> list[Email]:
    return mails_to(draft.enrollment.account.guarantor.user.email)


def test_row_34_a_debit_without_money_is_presented_twice_more_and_no_more(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft, stands = returned(sandbox, calendar, "R01")
    region = stands.account.region
    assert (draft.tries, draft.next_try_on) == (1, dt.date(2026, 11, 23))
    for day, tries, following in (
        (dt.date(2026, 11, 23), 2, dt.date(2026, 12, 3)),
        (dt.date(2026, 12, 3), 3, None),
    ):
        calendar.go_to(day)
        run(region)
        give_back(sandbox, draft, "R01" if tries == 2 else "R09")
        draft.refresh_from_db()
        assert (draft.tries, draft.next_try_on) == (tries, following)

    # Even a row that says otherwise draws nothing: the bound is asked again at the try.
    Draft.objects.filter(pk=draft.pk).update(next_try_on=dt.date(2026, 12, 14))
    calendar.go_to(dt.date(2026, 12, 14))
    run(region)
    draft.refresh_from_db()
    assert draft.next_try_on is None
    assert draft.attempts.count() == 3
    assert "is not tried again" in told(draft)[-1]
    assert charged(sandbox) == {}
    assert_invariants(sandbox)


def test_the_fee_for_a_returned_draw_is_told_with_it(
    sandbox: Sandbox, calendar: Calendar, settings: Any
) -> None:
    settings.RETURNED_ITEM_FEE_CENTS = 25_00
    draft, stands = returned(sandbox, calendar, "R01")
    fee = Invoice.objects.get(account=stands.account, kind=Invoice.Kind.CHARGE)
    assert fee.open_cents == 25_00
    told_of = [mail for mail in mails_of(draft) if "returned-item fee of $25.00 was" in mail.message]
    assert [mail.subject for mail in told_of] == ["Autopay: a draw did not go through"]
    assert_invariants(sandbox)


def test_a_method_without_tries_left_is_told_of_and_another_one_pays(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    """Autopay that is begun anew does not begin the count anew."""
    draft, stands = returned(sandbox, calendar, "R01")
    for day in (dt.date(2026, 11, 23), dt.date(2026, 12, 3)):
        calendar.go_to(day)
        run(stands.account.region)
        give_back(sandbox, draft, "R01")
        draft.refresh_from_db()
    enrollment.cancel(enrollment=stands, **by(stands))
    stands = enroll(stands.method)
    again = stands.drafts.get()
    calendar.go_to(again.draw_on - dt.timedelta(days=11))
    work(stands.account.region)
    calendar.go_to(again.draw_on)
    run(stands.account.region)

    again.refresh_from_db()
    assert (again.state, again.reason) == (DraftState.HELD, Reason.NO_TRIES_LEFT)
    mail = mails_of(again)[-1]
    assert mail.subject == "Autopay: STRIPE TEST BANK account ending in 6789 is not tried again"
    assert "Please pay this bill yourself, or choose another payment method" in mail.message
    assert f"/bills/{again.invoice_id}/" in mail.message
    page = browser_of(stands.account).get("/autopay/").text
    assert "It was tried as often as the rules allow" in page
    assert presenting.pay_url(again) in page
    assert again in LISTS["draws"].rows()
    assert charged(sandbox) == {}

    card = methods.add(sandbox, stands.account)
    enrollment.change_method(
        enrollment=stands,
        method=card,
        agreement=agree(stands.account, replace(choice_of(stands), method=card)),
        by=stands.account.guarantor.user,
    )
    again.refresh_from_db()
    assert again.state == DraftState.PLANNED
    assert_invariants(sandbox)


def test_a_refusal_after_a_cancel_is_told_and_not_tried_again(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = announced(enrolled(sandbox, card=methods.BANK))
    stands = draft.enrollment
    calendar.go_to(DUE)
    run(stands.account.region)
    enrollment.cancel(enrollment=stands, **by(stands))
    give_back(sandbox, draft, "R01")

    draft.refresh_from_db()
    assert (draft.state, draft.next_try_on) == (DraftState.FAILED, None)
    assert "We do not try again" in mails_of(draft)[-1].message
    calendar.go_to(DUE + dt.timedelta(days=7))
    work(stands.account.region)
    assert draft.attempts.count() == 1


def test_a_retry_that_a_pause_delayed_is_announced_anew(sandbox: Sandbox, calendar: Calendar) -> None:
    draft = drawn_and_refused(sandbox, calendar, REFUSING)
    stands = draft.enrollment
    enrollment.pause(enrollment=stands, **by(stands))
    calendar.go_to(dt.date(2026, 12, 7))
    work(stands.account.region)
    enrollment.resume(enrollment=stands, **by(stands))
    work(stands.account.region)
    draft.refresh_from_db()
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, dt.date(2026, 12, 18))
    assert draft.attempts.count() == 1


def test_a_run_long_after_the_day_announces_anew_even_where_nobody_planned(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    draft = announced(enrolled(sandbox))
    calendar.go_to(DUE + dt.timedelta(days=6))
    run(draft.enrollment.account.region)
    draft.refresh_from_db()
    assert (draft.state, draft.draw_on) == (DraftState.PLANNED, dt.date(2026, 12, 3))
    assert charged(sandbox) == {}


def test_outcomes_are_taken_in_once(sandbox: Sandbox, calendar: Calendar) -> None:
    draft = drawn_and_refused(sandbox, calendar, REFUSING)
    assert not outcomes.apply(draft_id=draft.pk, as_of=DUE)
    assert outcomes.apply_due(region=draft.enrollment.account.region, as_of=DUE) == 0


def test_every_return_code_of_the_bank_has_its_rule() -> None:
    found = {
        code: verdict(kind="us_bank_account", code=code, tries=1, first_try_on=START, on=START).after
        for code in RETURNS
    }
    assert {code for code, after in found.items() if after == After.NOT_AGAIN} == set()
    assert {code for code, after in found.items() if after == After.TRY_AGAIN} == {"R01", "R09"}


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (
            lambda stands: enrollment.pause(enrollment=stands, **by(stands)),
            "Autopay is paused: we try again only after you resume it.",
        ),
        (
            lambda stands: enrollment.stop(enrollment=stands, reason="method_removed"),
            "Autopay has stopped: we try again only after it starts again.",
        ),
    ],
)
def test_a_refusal_names_no_day_on_which_nothing_is_drawn(
    sandbox: Sandbox, calendar: Calendar, act: Callable[[Enrollment], object], sentence: str
) -> None:
    """Paused or stopped while the debit was on its way; the mail says what the next try waits for."""
    stands = enrolled(sandbox, card=methods.BANK)
    announced(stands)
    region = stands.account.region
    calendar.go_to(DUE)
    run(region)
    with transaction.atomic():
        act(stands)
    sandbox.bank.return_payment("ncal", str(Payment.objects.get().intent_id), "R01")
    settle(region)
    mail = next(
        mail
        for mail in mails_to(stands.account.guarantor.user.email)
        if "did not go through" in mail.subject
    )
    assert sentence in mail.message
    assert "We try again on" not in mail.message
    pass_days(calendar, region, until=DUE + dt.timedelta(days=6))
    assert Payment.objects.count() == 1
