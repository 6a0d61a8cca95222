"""The account balance: adding money, seeing every movement, getting the rest back, automatic use."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from post_office.models import Email

from billing.models import BillingAccount
from demo.stripe.core import Sandbox
from payments.models import Checkout, Payment, Refund, RefundState, State
from payments.services import balance, refunds, submission
from tests.support import paying
from tests.support.billing import words
from tests.support.checkout_pages import give_method, press_pay
from tests.support.factories import make_account, make_invoice
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)
BALANCE, ADD, BACK, SWITCH = "/balance/", "/balance/add/", "/balance/back/", "/balance/automatic/"


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def member(client: Client, account: BillingAccount) -> Client:
    client.force_login(account.guarantor.user)
    return client


class TestAddingMoney:
    def test_from_nothing_to_a_balance_in_four_pages(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        assert "Nothing happened yet" in words(member.get(BALANCE))
        method = member.post(ADD, {"amount": "75.50"}).headers["Location"]
        assert 'data-amount="7550"' in member.get(method).content.decode()
        review = give_method(member, method, sandbox)
        page = words(member.get(review))
        assert "You will add to your account balance $75.50" in page
        assert "Add $75.50 now" in member.get(review).content.decode()

        result = words(member.get(press_pay(member, review)))

        assert "Your money has been added" in result
        assert "To your account balance" in result
        payment = Payment.objects.get()
        assert charged(sandbox) == {payment.reference: 75_50}
        text = words(member.get(BALANCE))
        assert "You have $75.50" in text
        assert "Money added Payment" in text
        assert "+$75.50 $75.50" in text
        paying.assert_invariants(sandbox)

    @pytest.mark.parametrize(
        ("amount", "words_of_error"),
        [
            ("", "Enter an amount"),
            ("0", "above zero"),
            ("0.99", "Enter $1.00 or more."),
            ("5000.01", "Enter $5,000.00 or less."),
            ("-1", "negative"),
            ("ten", "numbers"),
        ],
    )
    def test_a_bad_amount_is_explained_and_kept(
        self, member: Client, amount: str, words_of_error: str
    ) -> None:
        response = member.post(ADD, {"amount": amount})
        assert response.status_code == 422
        assert words_of_error in words(response)
        assert not amount or f'value="{amount}"' in response.content.decode()
        assert Checkout.objects.count() == 0

    def test_the_most_is_a_setting(self, member: Client, settings: object) -> None:
        settings.TOP_UP_MAX_CENTS = 10_00  # type: ignore[attr-defined]
        assert "From $1.00 to $10.00." in words(member.get(ADD))
        assert member.post(ADD, {"amount": "10.01"}).status_code == 422
        assert member.post(ADD, {"amount": "10.00"}).status_code == 302

    def test_back_from_the_next_step_the_amount_is_still_there(self, member: Client) -> None:
        method = member.post(ADD, {"amount": "12.30"}).headers["Location"]
        back = member.get(method).context["first_step"]
        assert back == f"{ADD}?amount=12.30"
        assert 'value="12.30"' in member.get(back).content.decode()
        assert member.get(f"{ADD}?amount=<script>").status_code == 200

    def test_a_declined_card_adds_nothing_and_leads_back_with_the_amount(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        payment = paying.add_money(sandbox, account, 50_00, card="pm_card_visa_chargeDeclined")
        page = member.get(f"/payments/{payment.reference}/")
        assert "Your account balance has not changed." in words(page)
        assert f'href="{ADD}?amount=50.00"' in page.content.decode()
        account.refresh_from_db()
        assert account.balance_cents == 0

    def test_money_on_its_way_is_named_and_cannot_be_used_yet(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        payment = paying.add_money(sandbox, account, 50_00, card="pm_card_threeDSecure2Required")
        text = words(member.get(BALANCE))
        assert "You have $0.00" in text
        assert f"$50.00 on its way to you: payment {payment.reference}" in text
        make_invoice(account)
        assert "account balance" not in words(member.get("/pay/")).lower()


class TestWhatHappened:
    def test_every_movement_is_told_with_what_was_left(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        added = paying.add_money(sandbox, account, 100_00)
        spent = paying.pay_many(
            sandbox, {make_invoice(account, 30_00): 30_00}, from_balance_cents=30_00
        )
        by_card = paying.pay(sandbox, make_invoice(account, 40_00))
        refunds.request(
            payment=by_card,
            amount_cents=15_00,
            destination=Refund.Destination.BALANCE,
            reason="Kindness",
            requested_by=None,
        )
        text = words(member.get(BALANCE)).split("What happened")[1]
        rows = [
            f"A payment was refunded Payment {by_card.reference}",
            "+$15.00 $85.00",
            f"Paid bills Payment {spent.reference}",
            "−$30.00 $70.00",
            f"Money added Payment {added.reference}",
            "+$100.00 $100.00",
        ]
        places = [text.index(row) for row in rows]
        assert places == sorted(places)
        assert "You have $85.00" in words(member.get(BALANCE))

    def test_what_is_held_is_said_with_the_payment_that_holds_it(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        paying.add_money(sandbox, account, 100_00)
        payment = paying.pay_many(
            sandbox,
            {make_invoice(account, 90_00): 90_00},
            from_balance_cents=60_00,
            card="pm_card_threeDSecure2Required",
        )
        page = member.get(BALANCE)
        assert (
            "$60.00 of it is set aside for payments that have not ended. You can use $40.00."
            in words(page)
        )
        assert f"$60.00 for payment {payment.reference}" in words(page)
        assert f'href="/payments/{payment.reference}/"' in page.content.decode()

    def test_long_histories_have_pages(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        paying.add_money(sandbox, account, 100_00)
        member.get(BALANCE)
        with CaptureQueriesContext(connection) as of_one:
            member.get(BALANCE)
        for _ in range(21):
            paying.pay_many(sandbox, {make_invoice(account, 1_00): 1_00}, from_balance_cents=1_00)
        with CaptureQueriesContext(connection) as of_many:
            member.get(BALANCE)
        assert len(of_many) == len(of_one) <= 4
        first, second = words(member.get(BALANCE)), words(member.get(f"{BALANCE}?page=2"))
        assert first.count("−$1.00") == 20
        assert "−$1.00 $79.00" in first
        assert second.count("−$1.00") == 1
        assert "+$100.00 $100.00" in second
        assert "There is nothing older" in words(member.get(f"{BALANCE}?page=3"))
        for nonsense in ("0", "-1", "x", "9" * 30, "²"):
            assert member.get(BALANCE, {"page": nonsense}).status_code == 200

    def test_anothers_balance_is_not_mine(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        paying.add_money(sandbox, make_account(), 77_77)
        assert "77.77" not in member.get(BALANCE).content.decode()
        assert "You have $0.00" in words(member.get(BALANCE))


class TestGettingItBack:
    def test_says_what_goes_where_and_sends_it_after_the_click(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        first = paying.add_money(sandbox, account, 30_00)
        second = paying.add_money(sandbox, account, 40_00, card="pm_card_mastercard")
        paying.pay_many(sandbox, {make_invoice(account, 25_00): 25_00}, from_balance_cents=25_00)

        page = member.get(BACK)
        text = words(page)
        assert "You get back $45.00" in text
        assert "Mastercard ending in 4444 $40.00" in text
        assert "Visa ending in 4242 $5.00" in text
        assert Refund.objects.count() == 0

        response = member.post(BACK, {"total": "4500"}, follow=True)

        assert "$45.00 is on its way back." in words(response)
        assert "You have $0.00" in words(response)
        assert dict(Refund.objects.values_list("payment", "amount_cents")) == {
            first.pk: 5_00,
            second.pk: 40_00,
        }
        refunds.reconcile_refunds(at=paying.later(minutes=5))
        assert set(Refund.objects.values_list("state", flat=True)) == {RefundState.SUCCEEDED}
        taken = {line.payment: line.refunded_cents for line in sandbox.charges() if line.refunded_cents}
        assert taken == {first.reference: 5_00, second.reference: 40_00}
        assert "Sent back to you" in words(member.get(BALANCE))
        paying.assert_invariants(sandbox)

    @pytest.mark.parametrize("total", ["", "4499", "1", "x", "450000"])
    def test_another_sum_than_the_page_showed_sends_nothing(
        self, member: Client, account: BillingAccount, sandbox: Sandbox, total: str
    ) -> None:
        paying.add_money(sandbox, account, 45_00)
        response = member.post(BACK, {"total": total}, follow=True)
        assert "changed meanwhile" in words(response)
        assert Refund.objects.count() == 0

    def test_money_that_came_in_after_the_page_was_checked_is_not_sent_along(
        self,
        member: Client,
        account: BillingAccount,
        sandbox: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Another tab adds $20.00 at the last moment before the account is locked."""
        paying.add_money(sandbox, account, 45_00)
        withdraw = balance.withdraw

        def withdraw_late(**given: Any) -> list[Refund]:
            paying.add_money(sandbox, account, 20_00)
            return withdraw(**given)

        monkeypatch.setattr(balance, "withdraw", withdraw_late)
        response = member.post(BACK, {"total": "4500"}, follow=True)

        assert "changed meanwhile" in words(response)
        assert "You get back $65.00" in words(response)
        assert Refund.objects.count() == 0

    def test_twice_sends_it_once(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        paying.add_money(sandbox, account, 45_00)
        member.post(BACK, {"total": "4500"})
        response = member.post(BACK, {"total": "4500"})
        assert "There is nothing to send back" in words(response)
        assert Refund.objects.count() == 1

    def test_with_nothing_there_says_so(self, member: Client) -> None:
        assert "There is nothing to send back" in words(member.get(BACK))
        assert member.get(BALANCE).content.decode().count(f'href="{BACK}"') == 0

    def test_money_that_never_came_from_a_card_stays_and_says_whom_to_call(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        by_card = paying.pay(sandbox, make_invoice(account, 40_00))
        refunds.request(
            payment=by_card,
            amount_cents=40_00,
            destination=Refund.Destination.BALANCE,
            reason="Kindness",
            requested_by=None,
        )
        text = words(member.get(BACK))
        assert "The $40.00 in your account balance did not come from a card" in text
        assert account.region.phone in text


class TestPayingByItself:
    def test_is_switched_on_and_off_with_a_mail_each_time(
        self, member: Client, account: BillingAccount
    ) -> None:
        assert "Pay new bills by itself Off" in words(member.get(BALANCE))
        for on, subject in [
            ("1", "Your account balance now pays your bills"),
            ("0", "Your account balance no longer pays your bills by itself"),
        ]:
            response = member.post(SWITCH, {"on": on}, follow=True)
            assert "We mailed you a confirmation." in words(response)
            account.refresh_from_db()
            assert account.auto_apply_balance == (on == "1")
            mail = Email.objects.latest("pk")
            assert mail.subject == subject
            assert mail.to == [account.guarantor.user.email]
            assert account.region.phone in mail.message
        assert Email.objects.count() == 2

    def test_a_second_click_sends_no_second_mail(self, member: Client) -> None:
        member.post(SWITCH, {"on": "1"})
        member.post(SWITCH, {"on": "1"})
        assert Email.objects.count() == 1

    def test_is_not_switched_by_a_link(self, member: Client, account: BillingAccount) -> None:
        assert member.get(SWITCH).status_code == 405
        account.refresh_from_db()
        assert account.auto_apply_balance is False

    def test_once_on_it_pays_a_new_bill_and_the_page_tells(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        paying.add_money(sandbox, account, 100_00)
        member.post(SWITCH, {"on": "1"})
        bill = make_invoice(account, 30_00, due_on=dt.date(2026, 12, 1))

        account.refresh_from_db()
        (payment,) = balance.apply_automatically(account=account)

        assert payment.state == State.SUCCEEDED
        bill.refresh_from_db()
        assert bill.open_cents == 0
        text = words(member.get(BALANCE))
        assert "You have $70.00" in text
        assert f"Paid bills Payment {payment.reference}" in text
        assert "Started by itself" in words(member.get(f"/payments/{payment.reference}/"))
        paying.assert_invariants(sandbox)


def test_a_top_up_whose_answer_was_lost_is_not_a_balance_yet(
    member: Client, account: BillingAccount, sandbox: Sandbox
) -> None:
    sandbox.faults.add("POST /v1/payment_intents/*/confirm", "act_then_stall")
    sandbox.faults.add("GET /v1/payment_intents/*", "drop_before")
    payment = paying.add_money(sandbox, account, 50_00)

    text = words(member.get(f"/payments/{payment.reference}/"))
    assert "Please do not add the money again" in text
    assert "You have $0.00" in words(member.get(BALANCE))

    submission.advance(payment_id=payment.pk, via="reconciler", at=paying.later(minutes=10))
    assert "You have $50.00" in words(member.get(BALANCE))
    paying.assert_invariants(sandbox)
