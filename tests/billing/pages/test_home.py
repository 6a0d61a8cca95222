"""What a household owes in all: rows B1 and A7."""

import datetime as dt

import pytest
from django.test import Client

from billing.models import BillingAccount, Invoice
from tests.billing.pages.household import HOME, TODAY, Household
from tests.support.billing import set_aside, settle, words
from tests.support.factories import make_account, make_invoice, make_member, make_region

pytestmark = pytest.mark.django_db


def test_home_tells_medical_bills_and_premiums_apart(household: Household) -> None:
    account = household.account
    make_invoice(account, 120_00, due_on=dt.date(2026, 12, 10), patient=household.ben)
    make_invoice(account, 30_05, due_on=dt.date(2026, 12, 3), kind=Invoice.Kind.HOSPITAL)
    make_invoice(account, 400_00, due_on=dt.date(2026, 12, 1), kind=Invoice.Kind.PREMIUM, provider="")

    page = household.client.get(HOME)

    assert page.status_code == 200
    text = words(page)
    assert "Total due $550.05" in text
    assert "Total due, next due date Dec. 1, 2026: 550 dollars 5 cents" in text
    assert "Next due date: Dec. 1, 2026" in text
    medical, premiums = (
        text.split("Premiums ")[0].split("Medical bills ")[1],
        text.split("Premiums ")[1],
    )
    assert "Still to pay $150.05" in medical
    assert "Next due date Dec. 3, 2026" in medical
    assert "For Ben Okafor, due Dec. 10, 2026" in medical
    assert "Still to pay $400.00" in premiums
    assert "For Ada Okafor, due Dec. 1, 2026" in premiums


def test_home_of_a_household_that_owes_nothing(household: Household) -> None:
    text = words(household.client.get(HOME))
    assert "Total due $0.00" in text
    assert "You owe nothing right now." in text
    assert "No medical bills to pay." in text
    assert "No premiums to pay." in text
    assert "No payment received yet." in text
    assert "Account balance $0.00 Add money" in text


def test_home_says_what_is_past_due_and_whom_to_call(household: Household) -> None:
    make_invoice(household.account, 75_00, due_on=dt.date(2026, 11, 20))
    make_invoice(household.account, 10_00, due_on=TODAY)

    text = words(household.client.get(HOME))

    assert "$75.00 is past due" in text
    assert f"call us at {household.account.region.phone}" in text
    assert "Next due date: Nov. 21, 2026" in text
    assert "Total due $85.00" in text


def test_home_counts_days_on_the_regions_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 8 in the morning UTC it is still yesterday in Hawaii, where the bill is not yet past due."""
    late_in_hawaii = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)
    monkeypatch.setattr("common.clock.now", lambda: late_in_hawaii)
    member = make_member(region=make_region("HI"))
    make_invoice(make_account(member), 75_00, due_on=dt.date(2026, 11, 20))
    client = Client()
    client.force_login(member.user)
    text = words(client.get(HOME))
    assert "past due" not in text
    assert "Next due date: Nov. 20, 2026" in text


def test_home_does_not_ask_again_for_what_is_on_its_way(household: Household) -> None:
    bill = make_invoice(household.account, 100_00)
    set_aside(bill, 60_00)

    text = words(household.client.get(HOME))

    assert "Total due $40.00" in text
    assert "Another $60.00 is already on its way. You do not need to pay it again." in text


def test_home_shows_the_last_payment_and_the_account_balance(household: Household) -> None:
    first, second = make_invoice(household.account, 50_00), make_invoice(household.account, 70_00)
    settle(first, 50_00, on=dt.date(2026, 11, 2))
    settle(second, 12_34, on=dt.date(2026, 11, 9))
    BillingAccount.objects.filter(pk=household.account.pk).update(balance_cents=25_00)

    text = words(household.client.get(HOME))

    assert "Last payment $12.34 received Nov. 9, 2026" in text
    assert "Account balance $25.00" in text
    assert "Total due $57.66" in text


def test_home_names_the_three_bills_due_first_and_leads_to_the_rest(household: Household) -> None:
    for day in (9, 7, 8, 6):
        make_invoice(household.account, 10_00, due_on=dt.date(2026, 12, day), provider=f"Clinic {day}")
    page = household.client.get(HOME)
    text = words(page)
    assert text.index("Clinic 6") < text.index("Clinic 7") < text.index("Clinic 8")
    assert "Clinic 9" not in text
    assert "See all 4 open bills" in text
    assert 'href="/billing/bills/?kind=medical"' in page.content.decode()


def test_home_leads_to_paying_each_side_and_first_to_the_more_urgent(household: Household) -> None:
    make_invoice(household.account, 10_00, due_on=dt.date(2026, 12, 9))
    make_invoice(household.account, 20_00, due_on=dt.date(2026, 12, 1), kind=Invoice.Kind.PREMIUM)
    page = household.client.get(HOME).content.decode()
    assert '<a class="button button-secondary" href="/pay/?kind=medical">Pay medical bills</a>' in page
    assert '<a class="button button-primary" href="/pay/?kind=premium">Pay premiums</a>' in page

    make_invoice(household.account, 30_00, due_on=dt.date(2026, 11, 1))  # past due, so medical first
    page = household.client.get(HOME).content.decode()
    assert '<a class="button button-primary" href="/pay/?kind=medical">Pay medical bills</a>' in page
    assert page.count("button-primary") == 1


def test_home_offers_no_payment_where_everything_is_on_its_way(household: Household) -> None:
    set_aside(make_invoice(household.account, 10_00), 10_00)
    page = household.client.get(HOME)
    assert "Total due $0.00" in words(page)
    assert "/pay/?kind=" not in page.content.decode()
