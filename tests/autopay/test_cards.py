"""Expiring cards: a month before, a week before, once each; and what happens after."""

import datetime as dt

import pytest

from autopay.models import Draft, DraftState, Enrollment
from autopay.services import cards, enrollment
from demo.stripe.core import Sandbox
from payments.gateway import Event
from payments.models import PaymentMethod
from payments.services import webhooks
from tests.support import methods
from tests.support.autopay import DUE, Calendar, announced, by, enrolled, pass_days, run, settle, work
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


def renewed_by_its_network(sandbox: Sandbox, stands: Enrollment, year: int = 2031) -> None:
    """Stripe hears of it from the network and tells us."""
    account = stands.account.region.stripe_account
    with sandbox.store.write() as tx:
        found = tx.get(account, str(stands.method.method_id))
        assert found is not None
        found["card"]["exp_year"] = year
        tx.put(account, found)
    event = Event(
        id=f"evt_renewed_{year}",
        type="payment_method.automatically_updated",
        object_id=str(stands.method.method_id),
        api_version="",
    )
    assert webhooks.receive(account=account, event=event) is not None
    webhooks.process_pending()


def subjects(stands: Enrollment) -> list[str]:
    return [mail.subject for mail in mails_to(stands.account.guarantor.user.email)]


RENEWED = "Autopay of your medical bills: your card was renewed"


def test_a_card_that_its_network_renews_in_time_is_drawn_from_as_if_nothing_were(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    stands = expiring(sandbox, 2026, 10)
    announced(stands)
    renewed_by_its_network(sandbox, stands)
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

    renewed_by_its_network(sandbox, stands)
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
    account = stands.account.region.stripe_account
    with sandbox.store.write() as tx:
        found = tx.get(account, str(stands.method.method_id))
        assert found is not None
        found["_test_card"] = "pm_card_chargeDeclinedExpiredCard"
        tx.put(account, found)
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

    with sandbox.store.write() as tx:
        found = tx.get(account, str(stands.method.method_id))
        assert found is not None
        found["_test_card"] = "pm_card_visa"
        tx.put(account, found)
    renewed_by_its_network(sandbox, stands, 2037)
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
    renewed_by_its_network(sandbox, stands)
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
