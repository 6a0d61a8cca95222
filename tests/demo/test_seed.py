"""The sample people: who they are, what they owe, and what scripts are told of them."""

import datetime as dt
import json
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from accounts.models import Member, Region, User
from autopay import schedule
from autopay.models import Enrollment
from billing.models import Invoice
from common.clock import business_date
from demo.environment import STRIPE_ACCOUNTS
from demo.people import MEMBERS, STAFF
from demo.seed import seed
from demo.stripe.core import Sandbox

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 11, 21)


def logins() -> list[dict[str, str | None]]:
    out = StringIO()
    call_command("demo_logins", "--json", stdout=out)
    return list(json.loads(out.getvalue()))


def by_role(role: str) -> dict[str, str | None]:
    return next(person for person in logins() if person["role"] == role)


def bills_of(role: str) -> list[Invoice]:
    number = by_role(role)["account_number"]
    return list(Invoice.objects.filter(account__account_number=number).order_by("due_on"))


def test_there_is_somebody_for_every_story() -> None:
    seed(today=TODAY)
    assert [person["role"] for person in logins()] == [
        "member_with_bills",
        "member_without_bills",
        "household",
        "autopay_of_premiums",
        "autopay_of_medical_bills",
        "unregistered_member",
        "unregistered_member",
        "billing_agent",
        "supervisor",
        "auditor",
        "superuser",
    ]


def test_a_second_time_changes_nothing_even_on_another_day() -> None:
    seed(today=TODAY)
    counts = [model.objects.count() for model in (Member, User, Invoice)]
    before = logins()
    seed(today=TODAY + dt.timedelta(days=3))
    assert [model.objects.count() for model in (Member, User, Invoice)] == counts == [9, 9, 18]
    assert logins() == before


def test_two_people_have_autopay_and_were_told_of_what_is_due_soon(sandbox: Sandbox) -> None:
    for _ in range(2):
        seed(today=business_date("America/Los_Angeles"), sandbox=sandbox)
    premiums, medical = Enrollment.objects.order_by("account__account_number")
    assert (premiums.scope, premiums.method.kind) == ("premiums", "us_bank_account")
    assert (medical.scope, medical.method.kind, medical.limit_cents) == ("medical", "card", 150_00)
    soon, later = premiums.drafts.order_by("draw_on")
    assert (soon.notices.count(), later.notices.count()) == (1, 0)
    assert [draft.state for draft in medical.drafts.order_by("draw_on")] == ["planned", "held"]


def test_the_next_premium_is_announced_at_once_on_whatever_day_the_demo_begins() -> None:
    """It is due in eleven days; weekends and holidays move its draw, and a time zone its first day."""
    on_due_date = schedule.Schedule(day_of_month=None, starts_on=TODAY)
    for day in (TODAY + dt.timedelta(days=n) for n in range(366)):
        for as_of in (day, day + dt.timedelta(days=1)):
            draw_on = schedule.draw_date(on_due_date, due_on=day + dt.timedelta(days=11), as_of=as_of)
            assert schedule.announce_from(draw_on) <= as_of


def test_the_books_agree_with_the_sample_bills() -> None:
    seed(today=TODAY)
    call_command("verify_ledger", stdout=StringIO())
    assert sum(bill.total_cents for bill in bills_of("member_with_bills")) == (
        57_60 + 105_00 + 612_35 + 318_40 + 318_40
    )


def test_a_member_has_bills_of_every_kind_due_soon_past_due_and_covered() -> None:
    seed(today=TODAY)
    bills = bills_of("member_with_bills")
    assert {bill.kind for bill in bills} == {"medical", "hospital", "premium"}
    assert {bill.status(TODAY) for bill in bills} == {"open", "overdue", "paid"}
    assert min(bill.due_on for bill in bills if bill.due_on >= TODAY) == TODAY + dt.timedelta(days=4)


def test_a_member_has_an_account_and_nothing_to_pay() -> None:
    seed(today=TODAY)
    person = by_role("member_without_bills")
    assert bills_of("member_without_bills") == []
    assert person["pay_code"] is None
    member = Member.objects.get(member_number=person["member_number"])
    assert member.billing_account.account_number == person["account_number"]


def test_a_household_has_three_patients() -> None:
    seed(today=TODAY)
    patients = {bill.patient.full_name for bill in bills_of("household")}
    assert patients == {"Inés Oduya", "Kai Oduya", "Malia Oduya"}


def test_a_member_whom_nobody_has_registered_owes_something() -> None:
    seed(today=TODAY)
    person = by_role("unregistered_member")
    member = Member.objects.get(region__code=person["region"], member_number=person["member_number"])
    assert member.user is None
    assert member.date_of_birth.isoformat() == person["date_of_birth"]
    assert sum(bill.open_cents for bill in bills_of("unregistered_member")) == 84_20 + 402_15
    assert not User.objects.filter(email=person["email"]).exists()


def test_the_pay_code_is_that_of_the_bill_due_first() -> None:
    seed(today=TODAY)
    first = next(bill for bill in bills_of("member_with_bills") if bill.open_cents)
    assert by_role("member_with_bills")["pay_code"] == first.pay_code
    assert first.pay_code


def test_everybody_logs_in_with_the_password_that_is_told() -> None:
    seed(today=TODAY)
    registered = [person for person in MEMBERS if person.registered]
    for person in (*registered, *STAFF):
        user = authenticate(None, email=person.email, password=person.password)
        assert user is not None, person.email


def test_staff_have_one_role_each_and_only_one_of_them_all_rights() -> None:
    seed(today=TODAY)
    roles = {
        user.email: [group.name for group in user.groups.all()]
        for user in User.objects.filter(is_staff=True)
    }
    assert roles == {
        "agent@kppay.example": ["Billing agent"],
        "supervisor@kppay.example": ["Supervisor"],
        "auditor@kppay.example": ["Auditor"],
        "admin@kppay.example": [],
    }
    assert [user.email for user in User.objects.filter(is_superuser=True)] == ["admin@kppay.example"]


def test_what_people_are_shown_is_a_table_with_every_identity() -> None:
    seed(today=TODAY)
    out = StringIO()
    call_command("demo_logins", stdout=out)
    header, *rows = out.getvalue().splitlines()
    assert header.split() == list(logins()[0])
    assert len(rows) == len(MEMBERS) + len(STAFF)


def test_the_sandbox_has_an_account_for_every_region() -> None:
    assert set(Region.objects.values_list("stripe_account", flat=True)) == set(STRIPE_ACCOUNTS)
