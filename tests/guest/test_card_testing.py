"""Trying out stolen cards on somebody's bill: how many get to Stripe, who hears of it, who does not."""

import datetime as dt
from urllib.parse import urlencode

import pytest
from django.test import Client

from billing.models import Invoice
from common.clock import now
from demo.stripe.core import Sandbox
from payments.gateway import Event
from payments.guest import breaker, paying
from payments.models import Payment, State, WebhookEvent
from payments.services import attempts, submission, webhooks
from tests.support import guests
from tests.support import paying as members
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice
from tests.support.guests import BILL, DECLINED, PAYMENT, THREE_D_SECURE
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)

CARDS = 1_000
Alarms = list[str]


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> Alarms:
    """The errors logged about guests and cards."""
    raised: Alarms = []
    for log in (paying.log, breaker.log, submission.log):
        monkeypatch.setattr(log, "error", lambda event, **_: raised.append(event))
    return raised


def confirm_at_stripe(sandbox: Sandbox, intent: str, secret: str, card: str) -> int:
    """Past our server, with the client secret of an open intent; returns Stripe's status."""
    body = {
        "client_secret": secret,
        "confirmation_token": sandbox.confirmation_token("ncal", card=card),
        "return_url": "https://thief.example/",
    }
    headers = {
        "Authorization": "Bearer pk_test_demo_ncal",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    path = f"/v1/payment_intents/{intent}/confirm"
    return sandbox.handle("POST", path, headers, urlencode(body)).status


def attempts_at_stripe(sandbox: Sandbox) -> int:
    """How often a bank was asked, by the witness' book."""
    return len(sandbox.charges())


def open_intent(client: Client, sandbox: Sandbox, bill: Invoice) -> tuple[str, str]:
    """A payment that waits for its bank's step, whose client secret the browser has."""
    payment = guests.pay(client, sandbox, bill, card=THREE_D_SECURE)
    page = client.get(PAYMENT)
    return str(payment.intent_id), page.context["client_secret"]


class TestAThousandCardsOnOneIntent:
    def test_the_first_refusal_that_we_hear_of_ends_it(self, client: Client, sandbox: Sandbox) -> None:
        intent, secret = open_intent(client, sandbox, make_invoice())
        for _ in range(CARDS):
            confirm_at_stripe(sandbox, intent, secret, DECLINED)
            sandbox.webhooks.deliver_due()
        assert attempts_at_stripe(sandbox) == 1
        assert Payment.objects.get().state in (State.FAILED, State.CANCELED)

    def test_hidden_behind_cards_that_wait_for_their_bank_it_ends_after_five(
        self, client: Client, sandbox: Sandbox, alarms: Alarms
    ) -> None:
        """Whenever we look, the intent waits for a step; only counting the refusals tells."""
        intent, secret = open_intent(client, sandbox, make_invoice())
        for _ in range(CARDS):
            confirm_at_stripe(sandbox, intent, secret, DECLINED)
            confirm_at_stripe(sandbox, intent, secret, THREE_D_SECURE)
            sandbox.webhooks.deliver_due()
        assert attempts_at_stripe(sandbox) == attempts.MOST_ON_AN_INTENT
        assert alarms == ["payment.card_testing"]
        assert Payment.objects.get().state == State.FAILED

    def test_on_intent_after_intent_no_more_than_twenty_a_day_reach_stripe(
        self, client: Client, sandbox: Sandbox, alarms: Alarms
    ) -> None:
        bill = make_invoice()
        tried = 0
        while True:
            guests.find(client, guests.by_code(bill))
            guests.give_amount(client, sandbox, bill, card=THREE_D_SECURE)
            if guests.confirm(client).headers["Location"] != PAYMENT:
                break
            intent = str(Payment.objects.latest("pk").intent_id)
            secret = client.get(PAYMENT).context["client_secret"]
            for _ in range(CARDS // 10):
                confirm_at_stripe(sandbox, intent, secret, DECLINED)
                confirm_at_stripe(sandbox, intent, secret, THREE_D_SECURE)
                sandbox.webhooks.deliver_due()
                tried += 1
        assert tried == 400
        assert attempts_at_stripe(sandbox) == 20
        assert "Too many cards were tried for this bill today" in words(client.get(BILL))
        assert alarms.count("guest.card_testing") == 1
        self.others_are_unaffected(sandbox, bill)

    def others_are_unaffected(self, sandbox: Sandbox, bill: Invoice) -> None:
        other = guests.pay(Client(), sandbox, make_invoice(total_cents=31_00))
        assert charged(sandbox) == {other.reference: 31_00}
        owner = members.pay(sandbox, bill)  # signed in, on the very bill that was attacked
        assert owner.state == State.SUCCEEDED
        members.assert_invariants(sandbox)

    def test_on_many_intents_side_by_side_no_more_than_twenty_a_day_reach_stripe(
        self, client: Client, sandbox: Sandbox, alarms: Alarms
    ) -> None:
        """By account number each payment takes the next free bill; nothing has ended when they open."""
        account = make_account()
        bills = [make_invoice(account, 10_00) for _ in range(16)]
        opened = []
        for bill in bills:
            guests.find(client, guests.by_account(account))
            guests.give_amount(client, sandbox, bill, card=THREE_D_SECURE, amount="10.00")
            if guests.confirm(client).headers["Location"] == PAYMENT:
                intent = str(Payment.objects.latest("pk").intent_id)
                opened.append((intent, client.get(PAYMENT).context["client_secret"]))
        assert attempts_at_stripe(sandbox) == 0
        for _ in range(10):
            for intent, secret in opened:
                confirm_at_stripe(sandbox, intent, secret, DECLINED)
                confirm_at_stripe(sandbox, intent, secret, THREE_D_SECURE)
                sandbox.webhooks.deliver_due()
        assert attempts_at_stripe(sandbox) == attempts.MOST_BY_GUESTS
        assert alarms.count("guest.card_testing") == len(bills) - len(opened) == 12


class TestInABurst:
    """Before we hear of anything Stripe takes what it gets: docs/decisions/0016 states the bound."""

    BURST = 100

    def burst(self, sandbox: Sandbox, intent: str, secret: str) -> None:
        for _ in range(self.BURST // 2):
            confirm_at_stripe(sandbox, intent, secret, DECLINED)
            confirm_at_stripe(sandbox, intent, secret, THREE_D_SECURE)

    def test_all_get_through_until_we_hear_then_none(
        self, client: Client, sandbox: Sandbox, alarms: Alarms
    ) -> None:
        bill = make_invoice()
        intent, secret = open_intent(client, sandbox, bill)
        self.burst(sandbox, intent, secret)
        assert attempts_at_stripe(sandbox) == self.BURST // 2

        sandbox.webhooks.deliver_due()

        self.burst(sandbox, intent, secret)
        assert attempts_at_stripe(sandbox) == self.BURST // 2
        assert alarms == ["payment.card_testing"]
        assert attempts.by_guests(bill.account, at=now()) == self.BURST // 2
        assert not attempts.may_start(bill.account, at=now())

    def test_the_first_look_ends_it_without_any_webhook(
        self, client: Client, sandbox: Sandbox, alarms: Alarms
    ) -> None:
        sandbox.webhooks.set_mode("drop")
        intent, secret = open_intent(client, sandbox, make_invoice())
        self.burst(sandbox, intent, secret)

        client.post("/guest/payment/refresh/")

        self.burst(sandbox, intent, secret)
        assert attempts_at_stripe(sandbox) == self.BURST // 2
        assert alarms == ["payment.card_testing"]
        assert Payment.objects.get().state == State.FAILED

    def test_while_no_webhook_comes_four_client_secrets_a_day_leave_for_one_account(
        self, client: Client, sandbox: Sandbox, alarms: Alarms
    ) -> None:
        """Leaving the bank's step after a burst does not make room for the next one."""
        sandbox.webhooks.set_mode("drop")
        bill = make_invoice()
        for _ in range(6):
            guests.find(client, guests.by_code(bill))
            guests.give_amount(client, sandbox, bill, card=THREE_D_SECURE)
            guests.confirm(client)
            client.post("/guest/payment/abandon/")
        assert Payment.objects.count() == attempts.MOST_BY_GUESTS // attempts.MOST_ON_AN_INTENT
        assert alarms == ["guest.card_testing"] * 2


def test_a_payment_that_waits_for_staff_takes_no_cards(client: Client, sandbox: Sandbox) -> None:
    """Nobody asks about it any more: a bank account that nobody authorized put it into review."""
    intent, secret = open_intent(client, sandbox, make_invoice())
    confirm_at_stripe(sandbox, intent, secret, "pm_usBankAccount_insufficientFunds")
    sandbox.webhooks.deliver_due()
    payment = Payment.objects.get()
    assert payment.review_reason == "a bank debit that nobody authorized"
    sandbox.shift_clock(dt.timedelta(days=8))
    debits = attempts_at_stripe(sandbox)
    sandbox.webhooks.deliver_due()
    for _ in range(10):
        confirm_at_stripe(sandbox, intent, secret, DECLINED)
        confirm_at_stripe(sandbox, intent, secret, THREE_D_SECURE)
        sandbox.webhooks.deliver_due()
    assert (attempts_at_stripe(sandbox), debits) == (1, 1)
    payment.refresh_from_db()
    assert payment.state == State.UNKNOWN
    assert payment.review_reason == "a bank debit that nobody authorized"


def test_cards_that_are_refused_one_by_one_end_below_twenty_too(
    client: Client, sandbox: Sandbox, alarms: Alarms
) -> None:
    bill = make_invoice()
    guests.find(client, guests.by_code(bill))
    for _ in range(20):
        guests.give_amount(client, sandbox, bill, card=DECLINED)
        guests.confirm(client)
    assert attempts_at_stripe(sandbox) == attempts.MOST_BY_GUESTS - attempts.MOST_ON_AN_INTENT + 1
    assert Payment.objects.count() == 16
    assert alarms == ["guest.card_testing"] * 4
    tomorrow = now() + attempts.DAY
    assert attempts.may_start(bill.account, at=tomorrow)


def test_a_refusal_told_twice_counts_once(client: Client, sandbox: Sandbox) -> None:
    payment = guests.pay(client, sandbox, make_invoice(), card=THREE_D_SECURE)
    for _ in range(9):
        event = Event("evt_1", attempts.REFUSED, str(payment.intent_id), "")
        webhooks.receive(account="ncal", event=event)
    assert WebhookEvent.objects.filter(type=attempts.REFUSED).count() == 1
    assert not attempts.is_card_testing(payment)


class TestTheBreaker:
    def many_pay(self, sandbox: Sandbox, *, refused: int, paid: int) -> None:
        for card, count in ((DECLINED, refused), ("pm_card_visa", paid)):
            for _ in range(count):
                checkout = members.start_checkout(sandbox, make_invoice(), card=card)
                payment = members.checkouts.confirm(
                    checkout=checkout,
                    reviewed=checkout.method_key,
                    payer=Payment.Payer.GUEST,
                    paid_by=None,
                )
                submission.advance(payment_id=payment.pk, via=members.PaymentEvent.Via.BROWSER)

    def test_stops_guests_where_cards_of_most_accounts_are_refused_and_opens_by_itself(
        self, client: Client, sandbox: Sandbox, alarms: Alarms
    ) -> None:
        self.many_pay(sandbox, refused=16, paid=4)
        bill = make_invoice()
        guests.find(client, guests.by_code(bill))
        guests.give_amount(client, sandbox, bill)
        assert guests.confirm(client).headers["Location"] == BILL
        assert "paused for a few minutes" in words(client.get(BILL))
        assert alarms == ["guest.breaker_open"]
        assert Payment.objects.count() == 20
        assert members.pay(sandbox, bill).state == State.SUCCEEDED  # members are not concerned
        assert not breaker.is_open(at=now() + breaker.WINDOW)

    def test_one_hammered_account_does_not_stop_the_others(
        self, client: Client, sandbox: Sandbox
    ) -> None:
        bill = make_invoice()
        guests.find(client, guests.by_code(bill))
        for _ in range(5):
            guests.give_amount(client, sandbox, bill, card=DECLINED)
            guests.confirm(client)
        self.many_pay(sandbox, refused=7, paid=13)
        assert not breaker.is_open(at=now())

    def test_leaving_a_banks_step_after_four_refusals_looks_no_better(
        self, client: Client, sandbox: Sandbox
    ) -> None:
        bill = make_invoice()
        guests.find(client, guests.by_code(bill))
        for card in [DECLINED] * 4 + [THREE_D_SECURE]:
            guests.give_amount(client, sandbox, bill, card=card)
            guests.confirm(client)
        client.post("/guest/payment/abandon/")
        assert Payment.objects.latest("pk").state == State.CANCELED
        self.many_pay(sandbox, refused=11, paid=8)
        assert breaker.is_open(at=now())

    def test_a_payment_called_off_counts_as_refused_if_a_card_was_and_else_not_at_all(
        self, client: Client, sandbox: Sandbox
    ) -> None:
        intents = []
        for _ in range(2):
            browser = Client()
            intents.append(
                str(guests.pay(browser, sandbox, make_invoice(), card=THREE_D_SECURE).intent_id)
            )
            browser.post("/guest/payment/abandon/")
        webhooks.receive(account="ncal", event=Event("evt_1", attempts.REFUSED, intents[0], ""))
        assert breaker.counted(at=now()) == breaker.Count(accounts=1, refused=1)
        told = breaker.refused_since(now() - breaker.WINDOW).values_list("intent_id", flat=True)
        assert list(told) == intents[:1]

    @pytest.mark.parametrize(("refused", "paid"), [(19, 0), (11, 9)])
    def test_too_few_accounts_or_too_few_refusals_tell_nothing(
        self, sandbox: Sandbox, refused: int, paid: int
    ) -> None:
        self.many_pay(sandbox, refused=refused, paid=paid)
        assert not breaker.is_open(at=now())
