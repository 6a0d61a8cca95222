"""What waits for somebody gets an end, by Stripe's word and nobody's own."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from common.clock import now
from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import Payment, PaymentEvent, Refund, RefundState, State
from payments.services import refunds, settlement
from payments.services.verification import CHECKS
from staff.models import Action, AuditRecord
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_staff
from tests.support.staff import act, browser_of, confirm, text_of

pytestmark = pytest.mark.django_db(transaction=True)
WHY = {"reason": "The member called"}
NEEDS_STEP = "pm_card_threeDSecure2Required"


@pytest.fixture
def supervisor() -> Client:
    return browser_of(make_staff(Role.SUPERVISOR))


@pytest.fixture(autouse=True)
def _the_books_hold() -> object:
    yield
    assert {name: list(check()) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


class TestARefundWithoutAnAnswer:
    @pytest.fixture
    def refund(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Refund:
        """Promised two days ago; nobody knows whether it was ever sent."""
        payment = paying.pay(sandbox, make_invoice(make_account(), 100_00))
        monkeypatch.setattr("payments.services.refunds.wake", lambda _task, _key: None)
        made = refunds.request(
            payment=payment,
            amount_cents=40_00,
            destination=Refund.Destination.SOURCE,
            reason="",
            requested_by=None,
        )
        Refund.objects.filter(pk=made.pk).update(
            created_at=now() - dt.timedelta(days=2), state=RefundState.UNKNOWN
        )
        return Refund.objects.get(pk=made.pk)

    def url(self, refund: Refund) -> str:
        return reverse("admin:desk_refund_ask", args=[refund.reference])

    def test_where_stripe_has_none_the_money_becomes_balance(
        self, sandbox: Sandbox, supervisor: Client, refund: Refund
    ) -> None:
        payment_page = reverse("admin:desk_payment", args=[refund.payment.reference])
        assert self.url(refund) in supervisor.get(payment_page).content.decode()
        page, data = confirm(supervisor, self.url(refund), WHY)
        assert "the $40.00 become account balance" in text_of(page)
        done = supervisor.post(self.url(refund), data, follow=True)
        assert "Stripe was asked: Could not be sent." in text_of(done)
        refund.refresh_from_db()
        refund.payment.account.refresh_from_db()
        assert (refund.state, refund.payment.account.balance_cents) == (RefundState.FAILED, 40_00)
        assert self.url(refund) not in supervisor.get(payment_page).content.decode()
        assert AuditRecord.objects.filter(action=Action.REFUND_ASKED).count() == 1
        paying.assert_invariants(sandbox)

    def test_where_stripe_made_it_it_is_made(
        self, sandbox: Sandbox, supervisor: Client, refund: Refund
    ) -> None:
        gateway.create_refund(
            region=refund.payment.region,
            reference=refund.reference,
            intent_id=str(refund.payment.intent_id),
            amount_cents=40_00,
        )
        act(supervisor, self.url(refund), WHY)
        refund.refresh_from_db()
        assert refund.state == RefundState.SUCCEEDED
        paying.assert_invariants(sandbox)

    def test_where_somebody_refunded_there_by_hand_a_person_decides(
        self, sandbox: Sandbox, supervisor: Client, refund: Refund
    ) -> None:
        """The card has the $40.00 already: they do not become account balance as well."""
        with gateway.calling("ncal") as client:  # in Stripe's dashboard, without our reference
            client.v1.refunds.create({"payment_intent": str(refund.payment.intent_id), "amount": 40_00})
        _page, data = confirm(supervisor, self.url(refund), WHY)
        refused = supervisor.post(self.url(refund), data)
        assert "somebody may have refunded this payment there by hand" in text_of(refused)
        refund.refresh_from_db()
        refund.payment.account.refresh_from_db()
        assert (refund.state, refund.lease_until) == (RefundState.UNKNOWN, None)
        assert refund.payment.account.balance_cents == 0

    def test_where_stripe_does_not_answer_nothing_changes(
        self, supervisor: Client, refund: Refund, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(**_asked: object) -> None:
            raise gateway.OutcomeUnknown("timeout")

        _page, data = confirm(supervisor, self.url(refund), WHY)
        monkeypatch.setattr(gateway, "find_refund", silent)
        refused = supervisor.post(self.url(refund), data)
        assert "Stripe did not answer. Nothing changed." in text_of(refused)
        refund.refresh_from_db()
        assert (refund.state, refund.lease_until) == (RefundState.UNKNOWN, None)

    def test_one_that_may_still_be_sent_is_left_alone(self, supervisor: Client, refund: Refund) -> None:
        Refund.objects.filter(pk=refund.pk).update(created_at=now() - dt.timedelta(hours=22))
        refused = supervisor.post(self.url(refund), WHY)
        assert refused.status_code == 422
        with pytest.raises(refunds.NotUnanswered):
            refunds.ask_about(refund_id=refund.pk)


class TestAChargeOfAnotherAmount:
    @pytest.fixture
    def payment(self, sandbox: Sandbox) -> Payment:
        """Stripe took $120.00, where we had asked for something else."""
        payment = paying.pay(sandbox, make_invoice(make_account(), 120_00), card=NEEDS_STEP)
        sandbox.complete_challenge("ncal", str(payment.intent_id))
        return settlement.needs_review(
            payment_id=payment.pk, reason="amount 12000 instead of 1", via=PaymentEvent.Via.RECONCILER
        )

    def url(self, payment: Payment) -> str:
        return reverse("admin:desk_send_back", args=[payment.reference])

    def test_it_is_sent_back_whole_and_the_bill_can_be_paid_again(
        self,
        sandbox: Sandbox,
        supervisor: Client,
        payment: Payment,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(settlement, "mismatch", lambda _payment, _intent: "amount")
        shown = supervisor.get(reverse("admin:desk_payment", args=[payment.reference]))
        assert self.url(payment) in shown.content.decode()
        done = act(supervisor, self.url(payment), WHY)
        assert "Sent back" in text_of(done)
        payment.refresh_from_db()
        assert (payment.state, payment.review_reason) == (State.CANCELED, "")
        assert payment.allocations.get().invoice.payable_cents == 120_00
        assert AuditRecord.objects.filter(action=Action.CHARGE_SENT_BACK).count() == 1
        paying.assert_invariants(sandbox)

    def test_what_we_asked_for_is_booked_and_not_sent_back(
        self, sandbox: Sandbox, supervisor: Client, payment: Payment
    ) -> None:
        _page, data = confirm(supervisor, self.url(payment), WHY)
        refused = supervisor.post(self.url(payment), data)
        assert "just what we asked for" in text_of(refused)
        act(supervisor, reverse("admin:desk_ask", args=[payment.reference]), WHY)
        payment.refresh_from_db()
        assert payment.state == State.SUCCEEDED
        assert Refund.objects.count() == 0
        paying.assert_invariants(sandbox)

    def test_of_one_that_had_ended_no_mail_is_promised(
        self, supervisor: Client, payment: Payment
    ) -> None:
        page, _data = confirm(supervisor, self.url(payment), WHY)
        assert "the payer is told by mail" in text_of(page)
        settlement.give_up(payment_id=payment.pk, code="", via=PaymentEvent.Via.RECONCILER)
        page, _data = confirm(supervisor, self.url(payment), WHY)
        assert "no mail is sent" in text_of(page)
        assert "is told by mail" not in text_of(page)
