"""Expiring cards: a month before, a week before, once each; and what happens after."""

import datetime as dt

import pytest

from autopay.models import Enrollment
from autopay.services import cards
from demo.stripe.core import Sandbox
from payments.models import PaymentMethod
from tests.support import methods
from tests.support.autopay import DUE, Calendar, announced, enrolled, run
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
