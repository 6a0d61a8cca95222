"""What a payment's page tells: everything that happened to it, in words, in order, with its dates."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format

from demo.stripe.core import Sandbox
from payments.models import (
    Dispute,
    DisputeState,
    Payment,
    PaymentEvent,
    Refund,
    RefundState,
    State,
)
from payments.services import refunds
from payments.timeline import Step, timeline
from tests.support import paying
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice

START = dt.datetime(2026, 11, 2, 15, tzinfo=dt.UTC)


def at(hours: float) -> dt.datetime:
    return START + dt.timedelta(hours=hours)


def card_payment(**facts: object) -> Payment:
    """Of $120.00, not saved anywhere."""
    given = {
        "reference": "KP-2345-6789-ABCD",
        "amount_cents": 120_00,
        "method_kind": "card",
        "method_brand": "visa",
        "method_last4": "4242",
        "payer": Payment.Payer.MEMBER,
    }
    return Payment(**{**given, **facts})


def moves(*states: str, hours: float = 0) -> list[PaymentEvent]:
    """A payment's moves, an hour apart."""
    before = ["", *states]
    return [
        PaymentEvent(at=at(hours + n), from_state=before[n], to_state=state, via="browser")
        for n, state in enumerate(states)
    ]


def told(steps: list[Step]) -> list[str]:
    return [step.what for step in steps]


PAID = ("created", "submitted", "succeeded")


class TestThePaymentItself:
    def test_by_card(self) -> None:
        steps = timeline(card_payment(), events=moves(*PAID))
        assert told(steps) == [
            "You confirmed the payment",
            "Sent to our payment service",
            "The money arrived",
            "Posted to your bills",
        ]
        assert [step.at for step in steps] == [at(0), at(1), at(2), at(2)]

    def test_by_bank_says_when_it_was_sent_and_when_it_arrived(self) -> None:
        bank = card_payment(method_kind="us_bank_account", method_brand="Demo Bank")
        steps = timeline(bank, events=moves("created", "submitted", "processing", "succeeded"))
        assert told(steps)[2:] == ["Sent to your bank", "The money arrived", "Posted to your bills"]

    def test_returned_by_the_bank_before_it_arrived(self) -> None:
        bank = card_payment(method_kind="us_bank_account")
        events = moves("created", "submitted", "processing", "failed")
        events[-1].detail = "R01"
        last = timeline(bank, events=events)[-1]
        assert (last.what, last.tone) == ("Returned by your bank, nothing was taken", "bad")
        assert "R01" not in last.note
        assert last.note

    def test_declined_says_why_in_words(self) -> None:
        events = moves("created", "submitted", "failed")
        events[-1].detail = "insufficient_funds"
        last = timeline(card_payment(), events=events)[-1]
        assert last.what == "Declined"
        assert last.note == "There was not enough money available on this card."

    def test_an_extra_step_a_lost_answer_and_an_end_without_a_charge(self) -> None:
        steps = timeline(
            card_payment(),
            events=moves("created", "submitted", "requires_action", "unknown", "canceled"),
        )
        assert told(steps)[2:] == [
            "Your bank asked you to confirm the payment",
            "We had no answer and began to check",
            "Ended without a charge",
        ]

    def test_from_the_account_balance_alone_nothing_was_sent_anywhere(self) -> None:
        payment = card_payment(from_balance_cents=120_00, method_kind="balance")
        assert told(timeline(payment, events=moves(*PAID))) == [
            "You confirmed the payment",
            "Taken from your account balance",
            "Posted to your bills",
        ]

    def test_made_by_the_account_balance_itself(self) -> None:
        payment = card_payment(from_balance_cents=120_00, payer=Payment.Payer.SYSTEM)
        assert told(timeline(payment, events=moves(*PAID)))[0].startswith("Started by itself")

    def test_money_added_to_the_account_balance(self) -> None:
        payment = card_payment(to_balance_cents=120_00)
        assert told(timeline(payment, events=moves(*PAID)))[-1] == "Added to your account balance"


class TestMoneyThatWentBack:
    def refund(self, cents: int, hours: float, **facts: object) -> Refund:
        return Refund(
            reference="RF-2345-6789-ABCD",
            amount_cents=cents,
            created_at=at(hours),
            **{"destination": "source", **facts},
        )

    def test_a_refund_is_told_once_with_its_amount(self) -> None:
        refund = self.refund(20_00, 24, sent_at=at(25), ended_at=at(26), state=RefundState.SUCCEEDED)
        events = [
            *moves(*PAID),
            PaymentEvent(at=at(24), from_state="succeeded", to_state="partly_refunded", via="staff"),
        ]
        steps = timeline(card_payment(), events=events, refunds=[refund])
        assert told(steps)[4:] == [
            "Refund of $20.00 started",
            "Refund sent to Visa ending in 4242",
            "Refund of $20.00 made",
        ]
        assert [step.at for step in steps[4:]] == [at(24), at(25), at(26)]

    def test_a_refund_on_its_way_has_not_been_made(self) -> None:
        refund = self.refund(20_00, 24, sent_at=at(25), state=RefundState.PENDING)
        assert told(timeline(card_payment(), events=moves(*PAID), refunds=[refund]))[4:] == [
            "Refund of $20.00 started",
            "Refund sent to Visa ending in 4242",
        ]

    def test_a_refund_that_could_not_be_delivered_says_where_the_money_is(self) -> None:
        refund = self.refund(20_00, 24, ended_at=at(30), state=RefundState.FAILED)
        last = timeline(card_payment(), events=moves(*PAID), refunds=[refund])[-1]
        assert last.what == "The refund could not be delivered"
        assert last.note == "$20.00 is in your account balance instead."

    def test_a_refund_to_the_account_balance_is_one_step(self) -> None:
        refund = self.refund(20_00, 24, destination="balance", ended_at=at(24), state="succeeded")
        steps = timeline(card_payment(), events=moves(*PAID), refunds=[refund])
        assert told(steps)[4:] == ["$20.00 refunded to your account balance"]

    @pytest.mark.parametrize(
        ("state", "end"),
        [
            (DisputeState.OPEN, []),
            (DisputeState.WON, ["Your bank decided that the payment stands"]),
            (DisputeState.LOST, ["Your bank decided for you and kept the $120.00"]),
        ],
    )
    def test_a_dispute_and_its_end(self, state: str, end: list[str]) -> None:
        dispute = Dispute(
            amount_cents=120_00,
            reason="fraudulent",
            state=state,
            opened_at=at(48),
            decided_at=None if state == DisputeState.OPEN else at(96),
        )
        events = [
            *moves(*PAID),
            PaymentEvent(at=at(48), from_state="succeeded", to_state="disputed", via="webhook"),
        ]
        steps = timeline(card_payment(), events=events, disputes=[dispute])
        first = "Disputed: your bank took $120.00 back until it decides"
        assert told(steps)[4:] == [first, *end]

    def test_a_bank_debit_returned_after_it_arrived(self) -> None:
        dispute = Dispute(
            amount_cents=120_00,
            reason="insufficient_funds",
            is_return=True,
            state=DisputeState.LOST,
            opened_at=at(48),
            decided_at=at(48),
        )
        bank = card_payment(method_kind="us_bank_account")
        last = timeline(bank, events=moves(*PAID), disputes=[dispute])[-1]
        assert (last.what, last.tone) == ("Returned: your bank took $120.00 back", "bad")
        assert last.note

    def test_everything_is_in_the_order_of_time_whatever_caused_it(self) -> None:
        steps = timeline(
            card_payment(),
            events=moves(*PAID),
            refunds=[
                self.refund(5_00, 200, destination="balance"),
                self.refund(7_00, 100, destination="balance"),
            ],
            disputes=[Dispute(amount_cents=1_00, opened_at=at(150), state=DisputeState.OPEN)],
        )
        assert [step.at for step in steps] == sorted(step.at for step in steps)
        assert [what[:8] for what in told(steps)[4:]] == ["$7.00 re", "Disputed", "$5.00 re"]


def test_every_state_of_a_payment_can_be_told() -> None:
    """A new state is not forgotten: a move to it is a step, unless a refund or a dispute tells it."""
    for state in State:
        steps = timeline(card_payment(), events=moves(state))
        went_back = state in ("partly_refunded", "refunded", "disputed", "returned")
        assert bool(steps) != went_back, state


def test_it_is_told_in_the_language_of_its_reader() -> None:
    with translation.override("es"):
        assert len(timeline(card_payment(), events=moves(*PAID))) == 4


@pytest.mark.django_db(transaction=True)
class TestOnThePage:
    @pytest.fixture
    def member(self, client: Client) -> Client:
        self.account = make_account()
        client.force_login(self.account.guarantor.user)
        return client

    def page(self, member: Client, payment: Payment) -> str:
        return words(member.get(f"/payments/{payment.reference}/"))

    def test_of_a_payment_that_was_partly_and_then_wholly_refunded(
        self, member: Client, sandbox: Sandbox
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(self.account))
        for cents in (20_00, 100_00):
            refund = refunds.request(
                payment=payment,
                amount_cents=cents,
                destination=Refund.Destination.SOURCE,
                reason="Wrong bill",
                requested_by=None,
            )
            refunds.advance(refund_id=refund.pk)
            payment.refresh_from_db()
            page = self.page(member, payment)
            assert f"Refund of ${cents // 100}.00 made" in page
        assert "This payment was refunded" in page
        assert page.index("The money arrived") < page.index("Refund of $20.00 started")
        assert page.index("Refund of $20.00 made") < page.index("Refund of $100.00 started")
        assert "Wrong bill" not in page  # staff's words are for staff

    def test_of_a_declined_payment_leads_to_the_same_bills_again(
        self, member: Client, sandbox: Sandbox
    ) -> None:
        bills = {make_invoice(self.account, 30_00): 30_00, make_invoice(self.account, 40_00): 40_00}
        payment = paying.pay_many(sandbox, bills, card="pm_card_visa_chargeDeclined")
        response = member.get(f"/payments/{payment.reference}/")
        again = "/pay/?" + "&amp;".join(f"bill={bill.pk}" for bill in bills)
        assert f'href="{again}"' in response.content.decode()
        assert "Total $70.00" in words(member.get(again.replace("&amp;", "&")))

    def test_of_a_payment_partly_from_the_account_balance(
        self, member: Client, sandbox: Sandbox
    ) -> None:
        paying.add_money(sandbox, self.account, 50_00)
        bill = make_invoice(self.account, 80_00)
        payment = paying.pay_many(sandbox, {bill: 80_00}, from_balance_cents=50_00)
        page = self.page(member, payment)
        assert "$50.00 came from your account balance." in page
        assert "$30.00 was charged to Visa ending in 4242." in page

    def test_has_the_hour_of_the_region(self, member: Client, sandbox: Sandbox) -> None:
        payment = paying.pay(sandbox, make_invoice(self.account))
        local = payment.created_at.astimezone(ZoneInfo("America/Los_Angeles"))
        page = self.page(member, payment)
        assert f"You confirmed the payment {date_format(local, 'DATETIME_FORMAT')}" in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "heading"),
    [
        (["submitted", "processing"], "Your payment is on its way"),
        (["submitted", "succeeded", "partly_refunded"], "A part of this payment was refunded"),
        (["submitted", "succeeded", "refunded"], "This payment was refunded"),
        (["submitted", "succeeded", "disputed"], "This payment is disputed"),
        (["submitted", "succeeded", "disputed", "returned"], "Your bank took this payment back"),
    ],
)
def test_every_state_has_its_page(
    client: Client, sandbox: Sandbox, path: list[str], heading: str
) -> None:
    invoice = make_invoice()
    payment = paying.confirm(paying.start_checkout(sandbox, invoice))
    for state in path:
        Payment.objects.filter(pk=payment.pk).update(
            state=state, settled_at=payment.created_at, next_check_at=None
        )
    client.force_login(invoice.account.guarantor.user)
    response = client.get(f"/payments/{payment.reference}/")
    assert response.status_code == 200
    assert heading in words(response)
