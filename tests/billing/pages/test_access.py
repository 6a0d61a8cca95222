"""Whose bills a person sees, and that no other bill so much as exists."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.billing.pages.household import HOME, LIST, Household, detail
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_member, make_user

pytestmark = pytest.mark.django_db


def test_another_households_bill_and_one_that_does_not_exist_look_the_same(
    household: Household,
) -> None:
    foreign = make_invoice(make_account(), number="FOREIGN-1", provider="Foreign Clinic")
    theirs = household.client.get(detail(foreign))
    missing = household.client.get(reverse("billing:detail", args=[foreign.pk + 1000]))
    enormous = household.client.get(f"{LIST}99999999999999999999999999/")
    assert theirs.status_code == missing.status_code == enormous.status_code == 404
    assert "FOREIGN" not in theirs.content.decode()
    assert "Foreign Clinic" not in words(household.client.get(f"{LIST}?state=all"))
    assert "Foreign" not in words(household.client.get(HOME))


@pytest.mark.parametrize("url", [HOME, LIST, f"{LIST}1/"])
def test_who_is_not_logged_in_is_asked_to(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 302
    assert response.headers["Location"] == f"{reverse('account_login')}?next={url}"


@pytest.mark.parametrize("url", [HOME, LIST, f"{LIST}1/"])
def test_a_member_without_an_account_reads_whom_the_bills_go_to(client: Client, url: str) -> None:
    client.force_login(make_member().user)
    response = client.get(url)
    assert response.status_code == 200
    assert "The bills of a household go to its guarantor" in words(response)


def test_a_patient_of_a_household_does_not_see_the_guarantors_bills(household: Household) -> None:
    dan = make_member(first_name="Dan", last_name="Okafor")
    bill = make_invoice(household.account, patient=dan, provider="Private Clinic")
    client = Client()
    client.force_login(dan.user)
    for url in (HOME, LIST, detail(bill)):
        assert "Private Clinic" not in client.get(url).content.decode()


def test_a_log_in_without_a_member_record_is_told_so(client: Client) -> None:
    client.force_login(make_user())
    assert "It is not linked to a member record." in words(client.get(HOME))


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_pages_only_answer_questions(household: Household, method: str) -> None:
    bill = make_invoice(household.account)
    for url in (HOME, LIST, detail(bill)):
        assert getattr(household.client, method)(url).status_code == 405
