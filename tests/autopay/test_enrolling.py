"""Saying yes: what is stored, what is mailed, and what is refused."""

import dataclasses
import datetime as dt
import hashlib

import pytest
from django.db import IntegrityError
from pytest_django import Settings

from autopay.exceptions import AlreadyEnrolled, BadChoice, NotAgreed
from autopay.models import Draft, Enrollment, EnrollmentEvent, Scope
from autopay.services import enrollment
from autopay.terms import for_autopay
from demo.stripe.core import Sandbox
from payments import hooks
from payments.authorizations import VERSION
from payments.exceptions import MethodNotUsable
from payments.models import Authorization
from payments.services import methods as saved
from tests.support import methods
from tests.support.autopay import CONSENT, START, Calendar, agree, bill, choose, enroll, enrolled
from tests.support.factories import make_account
from tests.support.mail import mails_to

pytestmark = pytest.mark.django_db


def test_what_was_agreed_to_is_stored_word_for_word_and_mailed(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    method = methods.add(sandbox, make_account(), methods.BANK)
    choice = choose(method, scope=Scope.PREMIUMS, day_of_month=31, limit_cents=500_00)
    shown = for_autopay(region=method.account.region, choice=choice)

    stands = enroll(method, scope=Scope.PREMIUMS, day_of_month=31, limit_cents=500_00)

    given = stands.authorization
    assert given.text == shown.text
    assert given.sha256 == shown.sha256
    assert given.purpose == Authorization.Purpose.AUTOPAY
    assert (given.ip_address, given.user_agent) == (CONSENT.ip_address, CONSENT.user_agent)
    for words in ("at least 10 days before", "$500.00", "day 31", "TTY", "ACH", "at most twice"):
        assert words in given.text
    event = EnrollmentEvent.objects.get(enrollment=stands)
    assert (event.kind, event.authorization) == (EnrollmentEvent.Kind.ENROLLED, given)
    mail = mails_to(stands.account.guarantor.user.email)[-1]
    assert mail.subject == "Autopay of your premiums is on"
    assert all(paragraph in mail.message for paragraph in shown.paragraphs)


def test_new_words_need_a_new_version(sandbox: Sandbox, calendar: Calendar, settings: Settings) -> None:
    """Whoever changes the wording changes VERSION, and then these two."""
    settings.RETURNED_ITEM_FEE_CENTS = 25_00
    account = make_account()
    region = account.region
    region.legal_entity, region.phone, region.tty = "Payee", "555-0100", "711"
    texts = [
        for_autopay(region=region, choice=choose(methods.add(sandbox, account, kind), **more)).text
        for kind in ("pm_card_visa", methods.BANK)
        for more in (
            {"scope": Scope.PREMIUMS, "day_of_month": 31, "limit_cents": 500_00},
            {"scope": Scope.MEDICAL, "use_balance": True},
        )
    ]
    wording = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    assert (VERSION, wording) == ("2026-12", "febd2f1dd5e59c43")


def test_who_agrees_to_a_card_agrees_to_its_renewal(sandbox: Sandbox, calendar: Calendar) -> None:
    card, bank = (
        enrolled(sandbox, card=kind).authorization.text for kind in ("pm_card_visa", methods.BANK)
    )
    assert (
        "If my bank renews it, autopay goes on with the renewed card: I am told by e-mail first" in card
    )
    assert "renewed card" not in bank


def test_bills_that_are_open_are_planned_at_once(sandbox: Sandbox, calendar: Calendar) -> None:
    method = methods.add(sandbox, make_account())
    invoice = bill(method.account, 80_00, due_on=dt.date(2026, 11, 30))
    enroll(method)
    draft = Draft.objects.get()
    assert (draft.invoice, draft.amount_cents) == (invoice, 80_00)
    assert draft.draw_on == dt.date(2026, 11, 30)


def test_premiums_and_medical_bills_are_apart(sandbox: Sandbox, calendar: Calendar) -> None:
    method = methods.add(sandbox, make_account())
    account = method.account
    bill(account, 80_00, due_on=dt.date(2026, 11, 30))
    premium = bill(account, 300_00, due_on=dt.date(2026, 12, 1), kind="premium")
    stands = enroll(method, scope=Scope.PREMIUMS)
    assert [draft.invoice for draft in stands.drafts.all()] == [premium]
    enroll(method, scope=Scope.MEDICAL)
    assert Draft.objects.count() == 2


def test_a_second_enrollment_for_one_scope_is_refused(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox)
    with pytest.raises(AlreadyEnrolled):
        enroll(stands.method)
    assert Authorization.objects.filter(purpose="autopay").count() == 1


def test_another_members_method_is_refused(sandbox: Sandbox, calendar: Calendar) -> None:
    mine, theirs = make_account(), methods.add(sandbox, make_account())
    choice = choose(theirs)
    with pytest.raises(MethodNotUsable):
        enrollment.enroll(
            account=mine, choice=choice, agreement=agree(mine, choice), by=mine.guarantor.user
        )
    assert not Enrollment.objects.exists()
    assert not Authorization.objects.filter(purpose="autopay").exists()


def test_a_method_that_was_removed_in_another_tab_is_refused(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    method = methods.add(sandbox, make_account())
    saved.remove(method=method)
    with pytest.raises(MethodNotUsable):
        enroll(method)


def test_agreeing_counts_only_for_what_was_shown(sandbox: Sandbox, calendar: Calendar) -> None:
    method = methods.add(sandbox, make_account())
    shown = choose(method, limit_cents=100_00)
    asked = dataclasses.replace(shown, limit_cents=900_00)
    with pytest.raises(NotAgreed):
        enrollment.enroll(
            account=method.account,
            choice=asked,
            agreement=agree(method.account, shown),
            by=method.account.guarantor.user,
        )
    assert not Enrollment.objects.exists()


def test_what_is_due_soon_is_announced_together_with_the_copy(
    sandbox: Sandbox, calendar: Calendar
) -> None:
    method = methods.add(sandbox, make_account())
    soon, late = (bill(method.account, due_on=START + dt.timedelta(days=days)) for days in (14, 40))
    user = method.account.guarantor.user
    before = len(mails_to(user.email))

    enroll(method)

    announced, planned = (Draft.objects.get(invoice=invoice) for invoice in (soon, late))
    assert [notice.draw_on for notice in announced.notices.all()] == [soon.due_on]
    assert planned.notices.count() == 0
    assert len(mails_to(user.email)) == before + 2
    assert mails_to(user.email)[-1].subject == "We will draw $120.00 on Nov. 16, 2026"


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"day_of_month": 0}, "day_of_month"),
        ({"day_of_month": 32}, "day_of_month"),
        ({"limit_cents": 0}, "limit_cents"),
        ({"limit_cents": -1}, "limit_cents"),
        ({"starts_on": START - dt.timedelta(days=1)}, "starts_on"),
    ],
)
def test_a_bad_choice_is_refused(
    sandbox: Sandbox, calendar: Calendar, bad: dict[str, object], field: str
) -> None:
    method = methods.add(sandbox, make_account())
    with pytest.raises(BadChoice) as refused:
        enroll(method, **bad)
    assert refused.value.field == field
    assert not Enrollment.objects.exists()


def test_no_enrollment_without_a_stored_authorization(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox)
    with pytest.raises(IntegrityError, match="authorization_id"):
        Enrollment.objects.filter(pk=stands.pk).update(authorization=None)


def test_a_method_says_what_would_stop_without_it(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox, scope=Scope.PREMIUMS)
    assert hooks.in_use_by(stands.method) == ["Autopay of your premiums"]
