"""Enrolling, page by page: three steps, the text in full, and what a person gets wrong."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from autopay.models import Enrollment, EnrollmentEvent, Scope
from autopay.services import enrollment as services
from billing.models import BillingAccount
from demo.stripe.core import Sandbox
from payments.models import Authorization, PaymentMethod
from payments.services import methods as saved
from tests.support import methods, pdfs
from tests.support.autopay import Calendar, bill, by, enroll
from tests.support.autopay_pages import (
    INDEX,
    agreed,
    browser_of,
    choose,
    enroll_by_pages,
    plan,
)
from tests.support.factories import PASSWORD, make_account
from tests.support.mail import mails_to

pytestmark = pytest.mark.django_db
METHOD, PLAN, AGREE = (f"/autopay/premiums/{step}/" for step in ("method", "plan", "agree"))


@pytest.fixture
def account(calendar: Calendar) -> BillingAccount:
    return make_account()


@pytest.fixture
def card(account: BillingAccount, sandbox: Sandbox) -> PaymentMethod:
    return methods.add(sandbox, account)


@pytest.fixture
def member(account: BillingAccount) -> Client:
    return browser_of(account)


class TestTheSteps:
    def test_lead_to_autopay_with_the_text_stored_and_mailed(
        self, member: Client, card: PaymentMethod, account: BillingAccount
    ) -> None:
        premium = bill(account, 300_00, due_on=dt.date(2026, 11, 30), kind="premium")
        url = choose(member, card, "premiums", when="day", day="31", limit="500.00")
        page = member.get(url).text
        for words in ("Visa ending in 4242", "Day 31 of the month", "$500.00", "until I cancel"):
            assert words in page, words
        assert not Enrollment.objects.exists()

        answer = member.post(url, agreed(member, url), headers={"user-agent": "My browser"})

        stands = Enrollment.objects.get()
        assert answer.url == reverse("autopay:on", args=[stands.reference])
        assert (stands.scope, stands.day_of_month, stands.limit_cents) == ("premiums", 31, 500_00)
        assert stands.authorization.user_agent == "My browser"
        assert EnrollmentEvent.objects.get().by == account.guarantor.user
        assert mails_to(account.guarantor.user.email)[-1].subject == "Autopay of your premiums is on"
        done = member.get(answer.url).text
        for words in (stands.reference, "What happens next", premium.number, "$300.00"):
            assert words in done, words

    def test_give_a_copy_to_download(self, member: Client, card: PaymentMethod) -> None:
        stands = enroll_by_pages(member, card, "medical")
        response = member.get(reverse("autopay:copy", args=[stands.reference]))
        assert response["Content-Type"] == "application/pdf"
        text = pdfs.text(response.content)
        assert stands.reference in text

    def test_ask_for_the_password_first(self, account: BillingAccount, card: PaymentMethod) -> None:
        hasty = Client()
        hasty.force_login(account.guarantor.user)
        for url in (METHOD, PLAN, AGREE):
            assert hasty.get(url).url.startswith(reverse("account_reauthenticate"))
            assert hasty.post(url, {"agree": "on"}).url.startswith(reverse("account_reauthenticate"))
        assert not Enrollment.objects.exists()

    def test_cannot_be_jumped_over(self, member: Client, card: PaymentMethod) -> None:
        assert member.get(PLAN).url == METHOD
        assert member.get(AGREE).url == METHOD
        assert member.post(AGREE, {"agree": "on", "shown": "0" * 64}).url == METHOD
        assert not Enrollment.objects.exists()

    def test_remember_what_was_chosen_when_one_goes_back(
        self, member: Client, card: PaymentMethod
    ) -> None:
        choose(member, card, "premiums", when="day", day="15", limit="80.50", use_balance="on")
        page = member.get(PLAN).text
        assert 'value="15"' in page
        assert 'value="80.50"' in page
        assert member.get("/autopay/medical/plan/").url == "/autopay/medical/method/"

    def test_pressed_twice_enroll_once_and_lead_to_the_same_page(
        self, member: Client, card: PaymentMethod
    ) -> None:
        url = choose(member, card, "premiums")
        form = agreed(member, url)
        first, second = member.post(url, form), member.post(url, form)
        assert first.url == second.url
        assert Enrollment.objects.count() == 1
        assert Authorization.objects.filter(purpose="autopay").count() == 1

    def test_in_two_tabs_enroll_once_and_lead_to_the_same_page(
        self, member: Client, card: PaymentMethod
    ) -> None:
        """Both presses were read before either was answered: the session still holds the choice."""
        url = choose(member, card, "premiums")
        form = agreed(member, url)
        kept = member.session["autopay"]
        first = member.post(url, form)
        session = member.session
        session["autopay"] = kept
        session.save()
        assert member.post(url, form).url == first.url
        assert Enrollment.objects.count() == 1


class TestWithoutAMethod:
    def test_the_way_to_add_one_leads_back_here(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        add = reverse("payments:method_add", query={"next": METHOD})
        assert f'href="{add}"' in member.get(METHOD).text
        assert f'href="{METHOD}">Cancel' in member.get(add).text
        token = sandbox.confirmation_token("ncal", card="pm_card_visa")
        check = member.post(add, {"confirmation_token": token}).url
        shown = member.get(check).context["terms"].sha256
        assert member.post(check, {"agree": "on", "shown": shown}).url == METHOD
        assert "Visa ending in 4242 is saved." in member.get(METHOD).text

    def test_the_list_of_methods_leads_nowhere_else(
        self, member: Client, card: PaymentMethod, sandbox: Sandbox
    ) -> None:
        member.get(reverse("payments:method_add", query={"next": METHOD}))
        member.get("/methods/")
        assert 'href="/methods/">Cancel' in member.get("/methods/add/").text

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:1"])
    def test_nothing_leads_to_another_site(
        self, member: Client, sandbox: Sandbox, elsewhere: str
    ) -> None:
        token = sandbox.confirmation_token("ncal", card="pm_card_visa")
        member.get("/methods/add/", {"next": elsewhere})
        check = member.post("/methods/add/", {"confirmation_token": token}).url
        shown = member.get(check).context["terms"].sha256
        assert member.post(check, {"agree": "on", "shown": shown}).url == "/methods/"


class TestWhatAPersonGetsWrong:
    @pytest.mark.parametrize(
        ("typed", "told"),
        [
            ({"when": "day", "day": "0"}, "Enter a day from 1 to 31."),
            ({"when": "day", "day": "32"}, "Enter a day from 1 to 31."),
            ({"when": "day", "day": "-1"}, "Enter a day from 1 to 31."),
            ({"when": "day", "day": "first"}, "Enter a day from 1 to 31."),
            ({"when": "day", "day": ""}, "Enter a day from 1 to 31."),
            ({"limit": "-5.00"}, "The amount cannot be negative."),
            ({"limit": "0"}, "Enter an amount above zero."),
            ({"limit": "0.49"}, "Enter $0.50 or more."),
            ({"limit": "a lot"}, "Enter the amount in numbers, like 42.10."),
            ({"limit": "10.001"}, "Enter dollars and cents, with two digits after the point"),
            ({"starts_on_day": "1"}, "The start cannot be in the past."),
            ({"starts_on_year": "9999"}, "The start can be at most one year away."),
            ({"starts_on_day": "31"}, "This day is not in the calendar."),
            ({"starts_on_year": ""}, "The date must include a month, a day and a year."),
            ({"when": ""}, "Choose when your bills are paid."),
        ],
    )
    def test_is_said_at_the_top_and_at_the_field_and_what_was_typed_stays(
        self, member: Client, card: PaymentMethod, typed: dict[str, str], told: str
    ) -> None:
        member.post(METHOD, {"method": str(card.pk)})
        response = member.post(PLAN, plan(**{"limit": "77.00", **typed}))
        assert response.status_code == 422
        assert response.text.count(told) == 2
        assert "There is a problem" in response.text
        for value in typed.values():
            assert not value or f'value="{value}"' in response.text, value
        assert member.get(AGREE).url == METHOD

    def test_a_day_counts_only_where_one_was_asked_for(
        self, member: Client, card: PaymentMethod
    ) -> None:
        stands = enroll_by_pages(member, card, "premiums", when="due", day="99")
        assert stands.day_of_month is None

    def test_no_method_chosen(self, member: Client, card: PaymentMethod) -> None:
        response = member.post(METHOD, {})
        assert response.status_code == 422
        assert response.text.count("Choose what autopay takes the money from.") == 2

    def test_without_the_box_nothing_starts(self, member: Client, card: PaymentMethod) -> None:
        url = choose(member, card, "premiums")
        response = member.post(url, agreed(member, url) | {"agree": ""})
        assert response.status_code == 422
        assert "Tick the box to agree" in response.text
        assert not Enrollment.objects.exists()

    def test_agreeing_to_another_text_than_was_shown_counts_for_nothing(
        self, member: Client, card: PaymentMethod
    ) -> None:
        url = choose(member, card, "premiums", limit="100.00")
        form = agreed(member, url)
        choose(member, card, "premiums", limit="900.00")  # in another tab
        response = member.post(url, form)
        assert response.status_code == 422
        assert "The text has changed meanwhile" in response.text
        assert not Enrollment.objects.exists()


class TestMethodsThatCannotPay:
    def test_another_members_is_not_found(
        self, member: Client, card: PaymentMethod, sandbox: Sandbox
    ) -> None:
        theirs = methods.add(sandbox, make_account())
        assert member.post(METHOD, {"method": str(theirs.pk)}).status_code == 404
        assert member.get(PLAN).url == METHOD

    def test_one_that_was_removed_or_has_expired_is_not_taken(
        self, member: Client, card: PaymentMethod, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        other = methods.add(sandbox, account, "pm_card_mastercard")
        PaymentMethod.objects.filter(pk=other.pk).update(exp_year=2020)
        saved.remove(method=card)
        methods.add(sandbox, account, methods.BANK)
        for gone in (card, other):
            response = member.post(METHOD, {"method": str(gone.pk)})
            assert response.status_code == 422
            assert response.text.count("This payment method cannot be used any more.") == 2

    def test_one_that_was_removed_before_the_last_step_leads_back_to_the_first(
        self, member: Client, card: PaymentMethod
    ) -> None:
        url = choose(member, card, "premiums")
        form = agreed(member, url)
        saved.remove(method=card)
        for page in (member.get(url, follow=True), member.post(url, form, follow=True)):
            assert page.redirect_chain[-1][0] == METHOD
            assert "This payment method cannot be used any more. Choose another one." in page.text
        assert not Enrollment.objects.exists()
        assert not Authorization.objects.filter(purpose="autopay").exists()


class TestASecondEnrollment:
    def test_of_one_scope_is_refused_in_words(self, member: Client, card: PaymentMethod) -> None:
        url = choose(member, card, "premiums")
        form = agreed(member, url)
        first = enroll(card, scope=Scope.PREMIUMS, limit_cents=50_00)  # on the telephone, meanwhile
        page = member.post(url, form, follow=True)
        assert "You have this autopay already" in page.text
        assert first.reference in page.text
        assert Enrollment.objects.count() == 1
        assert member.get(METHOD, follow=True).redirect_chain[-1][0] == INDEX

    def test_after_canceling_begins_anew(self, member: Client, card: PaymentMethod) -> None:
        first = enroll_by_pages(member, card, "premiums")
        services.cancel(enrollment=first, **by(first))
        second = enroll_by_pages(member, card, "premiums")
        assert second.reference != first.reference
        assert second.authorization_id != first.authorization_id

    def test_of_the_other_scope_is_its_own(self, member: Client, card: PaymentMethod) -> None:
        enroll_by_pages(member, card, "premiums")
        enroll_by_pages(member, card, "medical", limit="200.00")
        assert set(Enrollment.objects.values_list("scope", "limit_cents")) == {
            ("premiums", None),
            ("medical", 200_00),
        }


def test_the_password_page_goes_on_to_the_step(account: BillingAccount, card: PaymentMethod) -> None:
    client = Client()
    client.force_login(account.guarantor.user)
    again = client.get(METHOD).url
    assert client.post(again, {"password": PASSWORD}).url == METHOD
