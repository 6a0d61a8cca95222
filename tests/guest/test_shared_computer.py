"""At a computer that others use too: what a guest leaves behind, and who finds it."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from accounts.models import User
from accounts.services import second_steps
from billing.models import Invoice
from demo.stripe.core import Sandbox
from payments.guest import outcome
from payments.models import Payment, State
from payments.services import receipt_links
from tests.support import guests
from tests.support.billing import words
from tests.support.factories import PASSWORD, make_invoice
from tests.support.guests import BILL, MAIL, PAYMENT, START

pytestmark = pytest.mark.django_db(transaction=True)

FORGET, FORGOTTEN = "/guest/payment/forget/", "/guest/payment/forgotten/"


@pytest.fixture
def bill() -> Invoice:
    return make_invoice(total_cents=84_20)


@pytest.fixture
def paid(client: Client, sandbox: Sandbox, bill: Invoice) -> Payment:
    payment = guests.pay(client, sandbox, bill)
    client.get(PAYMENT)
    return payment


def logged_in(client: Client, user: User) -> None:
    asked = client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    assert asked.headers["Location"] == reverse("billing:home")


class TestForgetting:
    def test_says_what_was_forgotten_and_that_the_mails_link_still_works(
        self, client: Client, paid: Payment
    ) -> None:
        client.post(MAIL, {"email": "aunt@example.com"})
        page = client.get(PAYMENT)
        assert f'action="{FORGET}"' in page.content.decode()
        assert "I am done: forget this payment" in words(page)
        before = client.session.session_key

        assert client.post(FORGET).headers["Location"] == FORGOTTEN

        seen = words(client.get(FORGOTTEN))
        assert "This browser has forgotten the payment" in seen
        assert "which bill you looked at, what you paid, or where the receipt went" in seen
        assert "The link in the mail still works" in seen
        assert "call us with the reference" in seen
        for secret in (paid.reference, "$84.20", "aunt@example.com"):
            assert secret not in seen
        assert client.session.session_key != before
        link = re.search(r"/guest/receipt/\S+/", Email.objects.get().message)
        assert link is not None
        assert client.post(link[0]).headers["Location"] == PAYMENT
        assert paid.reference in words(client.get(PAYMENT))

    def test_leaves_neither_payment_nor_bill_and_mails_nothing_to_a_stranger(
        self, client: Client, sandbox: Sandbox, bill: Invoice
    ) -> None:
        guests.pay(client, sandbox, bill, card=guests.DECLINED)
        assert client.get(BILL).status_code == 200  # to try again
        client.post(FORGET)
        for page in (PAYMENT, BILL):
            assert client.get(page).headers["Location"] == START
        assert client.post(MAIL, {"email": "stranger@example.com"}).headers["Location"] == START
        assert "No payment is open in this browser." in words(client.get(START))
        assert Payment.objects.get().guest_email == ""

    def test_is_offered_however_the_payment_stands(self) -> None:
        assert set(outcome.TEMPLATES) == set(State)
        for name in set(outcome.TEMPLATES.values()):
            assert '{% include "guest/forget.html"' in get_template(name).template.source, name

    def test_takes_a_button_and_says_the_same_where_there_was_nothing(self, client: Client) -> None:
        assert client.get(FORGET).status_code == 405
        assert client.post(FORGET).headers["Location"] == FORGOTTEN
        assert "This browser has forgotten the payment" in words(client.get(FORGOTTEN))

    def test_logs_no_member_out(self, client: Client, bill: Invoice, sandbox: Sandbox) -> None:
        logged_in(client, bill.account.guarantor.user)
        guests.pay(client, sandbox, bill)
        client.post(FORGET)
        assert client.get(reverse("billing:home")).status_code == 200


class TestWhoComesNext:
    def test_and_finds_another_bill_does_not_see_the_payment(
        self, client: Client, paid: Payment
    ) -> None:
        other = make_invoice(total_cents=10_00)
        assert guests.find(client, guests.by_code(other)).headers["Location"] == BILL
        assert client.get(PAYMENT).headers["Location"] == START
        assert "$10.00" in words(client.get(BILL))

    def test_and_finds_none_leaves_it_to_its_payer(self, client: Client, paid: Payment) -> None:
        guests.find(client, guests.by_code(make_invoice(), region="HI"))
        assert paid.reference in words(client.get(PAYMENT))

    def test_and_logs_in_sees_neither_payment_nor_bill(
        self, client: Client, sandbox: Sandbox, bill: Invoice
    ) -> None:
        guests.pay(client, sandbox, bill, card=guests.DECLINED)
        assert client.get(PAYMENT).status_code == 200
        logged_in(client, make_invoice().account.guarantor.user)
        for page in (PAYMENT, BILL):
            assert client.get(page).headers["Location"] == START


class TestAMemberWhoPaysAsAGuest:
    """The list of devices knows the session by its new key at once, and not only at the next touch."""

    @pytest.fixture
    def member(self, client: Client, bill: Invoice) -> User:
        user = bill.account.guarantor.user
        logged_in(client, user)
        client.get(reverse("billing:home"))
        return user

    def ends_from_elsewhere(self, client: Client, member: User) -> bool:
        assert list(UserSession.objects.values_list("session_key")) == [(client.session.session_key,)]
        second_steps.end_other_sessions(user=member, current_key=None)
        return "/login/" in client.get(reverse("billing:home")).headers.get("Location", "")

    def test_is_found_after_finding_a_bill(self, client: Client, member: User, bill: Invoice) -> None:
        guests.find(client, guests.by_code(bill))
        assert self.ends_from_elsewhere(client, member)

    def test_is_found_after_opening_a_receipt_by_its_link(
        self, client: Client, member: User, bill: Invoice, sandbox: Sandbox
    ) -> None:
        link = receipt_links.issue(payment=guests.pay(Client(), sandbox, bill))
        assert client.post(link).headers["Location"] == PAYMENT
        assert self.ends_from_elsewhere(client, member)
