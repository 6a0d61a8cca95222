"""Rows 31 to 34: refunds race, banks take money back. Nothing goes back twice, nothing gets lost."""

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from post_office.models import Email

from billing.models import BillingAccount, Invoice, JournalLine
from billing.services import invoices as bills
from demo.stripe.core import Sandbox
from payments.models import Authorization, Dispute, DisputeState, Payment, Refund, RefundState, State
from payments.services import reconcile, refunds, webhooks
from payments.services.moves import lock_payment
from payments.services.refunds import CannotRefund
from payments.services.reversal import charge_returned_item_fee
from tests.races.test_double_submission import at_once
from tests.support import paying
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db(transaction=True)


def refund(payment: Payment, cents: int) -> Refund:
    return refunds.request(
        payment=payment,
        amount_cents=cents,
        destination=Refund.Destination.SOURCE,
        reason="Asked for",
        requested_by=None,
    )


def hear(sandbox: Sandbox, payment: Payment, *, minutes: int = 5) -> None:
    """Every webhook arrives, and the inbox is swept until nothing waits."""
    sandbox.webhooks.deliver_due(everything=True)
    refunds.reconcile_refunds(at=paying.later(minutes=minutes))
    webhooks.process_pending(at=paying.later(minutes=minutes))
    payment.refresh_from_db()


@pytest.fixture
def payment(sandbox: Sandbox) -> Payment:
    """A settled payment of $120.00 by card."""
    made = paying.pay(sandbox, make_invoice(total_cents=120_00))
    hear(sandbox, made)
    return made


@pytest.fixture
def debit(sandbox: Sandbox) -> Payment:
    """A settled payment of $120.00 from a bank account."""
    made = paying.pay(sandbox, make_invoice(total_cents=120_00), card="pm_usBankAccount_success")
    assert made.state == State.PROCESSING
    sandbox.bank.settle("ncal", str(made.intent_id))
    hear(sandbox, made)
    assert made.state == State.SUCCEEDED
    return made


class TestRow31:
    def test_ten_refunds_at_once_never_exceed_what_was_captured(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        outcomes = at_once(10, lambda _: refund(payment, 50_00))

        assert sum(isinstance(outcome, Refund) for outcome in outcomes) == 2
        assert sum(isinstance(outcome, CannotRefund) for outcome in outcomes) == 8
        refunds.reconcile_refunds(at=paying.later(minutes=5))
        assert sum(line.refunded_cents for line in sandbox.charges()) == 100_00
        paying.assert_invariants(sandbox)

    def test_one_refund_sent_by_ten_processes_goes_back_once(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        sandbox.faults.add("POST /v1/refunds", "rate_429")
        made = refund(payment, 50_00)
        at_once(10, lambda _: refunds.advance(refund_id=made.pk))
        refunds.reconcile_refunds(at=paying.later(minutes=5))
        assert sum(line.refunded_cents for line in sandbox.charges()) == 50_00
        paying.assert_invariants(sandbox)


class TestADispute:
    def test_opened_parks_the_money_and_won_brings_it_back(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        hear(sandbox, payment)
        assert payment.state == State.DISPUTED
        assert payment.allocations.get().invoice.open_cents == 0
        paying.assert_invariants(sandbox)

        sandbox.bank.decide_dispute("ncal", dispute["id"], won=True)
        hear(sandbox, payment)
        assert (payment.state, payment.disputed_cents) == (State.SUCCEEDED, 0)
        paying.assert_invariants(sandbox)

    def test_lost_reopens_the_bill_and_the_payer_is_told(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)
        hear(sandbox, payment)

        assert payment.state == State.RETURNED
        assert payment.allocations.get().invoice.open_cents == 120_00
        assert Dispute.objects.get().state == DisputeState.LOST
        assert Email.objects.latest("pk").to == [payment.paid_by.email]
        paying.assert_invariants(sandbox)

    def test_heard_of_many_times_in_any_order_it_counts_once(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)
        with sandbox.store.read() as tx:
            told = [e["id"] for e in tx.find("ncal", "event") if "dispute" in e["type"]]
        for event in [*told, *reversed(told), *told]:
            sandbox.webhooks.redeliver(event)
        hear(sandbox, payment)

        assert Dispute.objects.count() == 1
        assert payment.state == State.RETURNED
        paying.assert_invariants(sandbox)

    def test_a_disputed_payment_gives_no_refund(self, sandbox: Sandbox, payment: Payment) -> None:
        sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        hear(sandbox, payment)
        with pytest.raises(CannotRefund):
            refund(payment, 1)


class TestRow32:
    def test_a_refund_first_and_then_a_dispute_of_the_rest_lose_no_cent_twice(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        refund(payment, 50_00)
        dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)
        hear(sandbox, payment)

        assert (payment.refunded_cents, payment.disputed_cents) == (50_00, 70_00)
        assert payment.allocations.get().invoice.open_cents == 120_00
        paying.assert_invariants(sandbox)

    def test_a_dispute_that_overtakes_a_promised_refund_waits_and_the_refund_becomes_balance(
        self, sandbox: Sandbox, payment: Payment
    ) -> None:
        sandbox.faults.add("POST /v1/refunds", "rate_429")
        made = refund(payment, 50_00)
        sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        sandbox.webhooks.deliver_due(everything=True)
        assert Dispute.objects.count() == 0  # the refund has no outcome yet

        hear(sandbox, payment)
        hear(sandbox, payment, minutes=10)

        made.refresh_from_db()
        payment.account.refresh_from_db()
        assert made.state == RefundState.FAILED  # Stripe refunds nothing that is disputed
        assert payment.account.balance_cents == 50_00
        assert (payment.state, payment.disputed_cents) == (State.DISPUTED, 120_00)
        paying.assert_invariants(sandbox)


class TestARefundThatComesBack:
    """It had succeeded; days later the payer's bank sends it back."""

    @pytest.fixture
    def sent(self, sandbox: Sandbox) -> Refund:
        payment = paying.pay(sandbox, make_invoice(total_cents=120_00), card="pm_card_refundFail")
        made = refund(payment, 50_00)
        hear(sandbox, payment)
        made.refresh_from_db()
        assert (made.state, made.next_check_at) == (RefundState.SUCCEEDED, None)
        return made

    def assert_is_balance(self, sandbox: Sandbox, sent: Refund) -> None:
        sent.refresh_from_db()
        account = BillingAccount.objects.get(pk=sent.payment.account_id)
        assert (sent.state, sent.failure_code) == (RefundState.FAILED, "expired_or_canceled_card")
        assert sent.next_check_at is None
        assert account.balance_cents == 50_00
        assert Payment.objects.get(pk=sent.payment_id).refunded_cents == 0
        paying.assert_invariants(sandbox)

    def test_it_becomes_account_balance_once_and_the_payer_is_told(
        self, sandbox: Sandbox, sent: Refund
    ) -> None:
        mails = Email.objects.count()
        sandbox.shift_clock(dt.timedelta(days=7))

        hear(sandbox, sent.payment)  # refund.updated and refund.failed
        hear(sandbox, sent.payment, minutes=10)

        self.assert_is_balance(sandbox, sent)
        assert Email.objects.count() == mails + 1

    def test_an_event_that_found_stripe_away_is_not_forgotten(
        self, sandbox: Sandbox, sent: Refund
    ) -> None:
        """Nobody but the event tells of it: it waits until Stripe answers."""
        sandbox.shift_clock(dt.timedelta(days=7))
        sandbox.faults.add("GET /v1/refunds/*", "down_503", times=50)
        sandbox.webhooks.deliver_due(everything=True)
        sent.refresh_from_db()
        assert sent.state == RefundState.SUCCEEDED
        assert sent.lease_until is None
        sandbox.faults.clear()

        webhooks.process_pending(at=paying.later(minutes=5))

        self.assert_is_balance(sandbox, sent)


class TestRow33:
    @pytest.mark.parametrize("code", ["R01", "R10"])
    def test_a_debit_returned_after_it_settled_reopens_the_bill_and_reverses_the_books(
        self, sandbox: Sandbox, debit: Payment, code: str
    ) -> None:
        sandbox.bank.return_payment("ncal", str(debit.intent_id), code)
        hear(sandbox, debit)

        assert debit.state == State.RETURNED
        assert debit.allocations.get().invoice.open_cents == 120_00
        clearing = JournalLine.objects.filter(ledger_account="processor_clearing")
        assert sum(clearing.values_list("amount_cents", flat=True)) == 0
        assert "returned" in Email.objects.latest("pk").subject
        paying.assert_invariants(sandbox)

    def test_a_debit_returned_before_it_settled_was_never_paid(self, sandbox: Sandbox) -> None:
        made = paying.pay(sandbox, make_invoice(total_cents=120_00), card="pm_usBankAccount_success")
        sandbox.bank.return_payment("ncal", str(made.intent_id), "R01")
        hear(sandbox, made)

        assert made.state == State.FAILED
        assert made.allocations.get().invoice.payable_cents == 120_00
        paying.assert_invariants(sandbox)

    def test_without_any_webhook_the_reconciler_hears_of_a_settled_debit(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.webhooks.set_mode("drop")
        made = paying.pay(sandbox, make_invoice(total_cents=120_00), card="pm_usBankAccount_success")
        sandbox.bank.settle("ncal", str(made.intent_id))
        reconcile.reconcile_unsettled(at=paying.later(hours=7))
        made.refresh_from_db()
        assert made.state == State.SUCCEEDED
        paying.assert_invariants(sandbox)

    def test_the_fee_for_a_returned_debit_is_billed_only_where_it_is_switched_on(
        self, sandbox: Sandbox, debit: Payment, settings: Any
    ) -> None:
        settings.RETURNED_ITEM_FEE_CENTS = 25_00
        sandbox.bank.return_payment("ncal", str(debit.intent_id), "R01")
        hear(sandbox, debit)

        fee = Invoice.objects.get(kind=Invoice.Kind.CHARGE)
        assert (fee.open_cents, fee.account_id) == (25_00, debit.account_id)
        assert "A returned-item fee of $25.00" in Email.objects.latest("pk").message
        paying.assert_invariants(sandbox)

    @pytest.mark.parametrize("fee_cents", [0, 25_00])
    def test_the_fee_is_for_a_debit_returned_before_it_settled_as_well(
        self, sandbox: Sandbox, settings: Any, fee_cents: int
    ) -> None:
        """The usual case; the authorization says "if my bank returns a debit"."""
        settings.RETURNED_ITEM_FEE_CENTS = fee_cents
        made = paying.pay(sandbox, make_invoice(total_cents=120_00), card="pm_usBankAccount_success")
        sandbox.bank.return_payment("ncal", str(made.intent_id), "R01")
        for _ in range(2):
            hear(sandbox, made)
            reconcile.reconcile_unsettled(at=paying.later(days=1))

        assert made.state == State.FAILED
        fees = Invoice.objects.filter(kind=Invoice.Kind.CHARGE, account=made.account_id)
        assert [fee.open_cents for fee in fees] == ([fee_cents] if fee_cents else [])
        told = Email.objects.latest("pk").message
        assert ("A returned-item fee of $25.00" in told) is bool(fee_cents)
        paying.assert_invariants(sandbox)

    def test_the_fee_is_owed_once_for_a_payment_however_often_its_bank_takes_of_it(
        self, sandbox: Sandbox, debit: Payment, settings: Any
    ) -> None:
        settings.RETURNED_ITEM_FEE_CENTS = 25_00
        for days in (0, 1):
            with transaction.atomic():
                on = dt.date(2026, 11, 2) + dt.timedelta(days=days)
                charge_returned_item_fee(lock_payment(debit.pk), on=on)
        assert Invoice.objects.filter(kind=Invoice.Kind.CHARGE).count() == 1
        paying.assert_invariants(sandbox)

    def test_a_card_that_was_declined_owes_no_fee(self, sandbox: Sandbox, settings: Any) -> None:
        settings.RETURNED_ITEM_FEE_CENTS = 25_00
        made = paying.pay(sandbox, make_invoice(total_cents=120_00), card="pm_card_visa_chargeDeclined")
        assert made.state == State.FAILED
        assert not Invoice.objects.filter(kind=Invoice.Kind.CHARGE).exists()
        paying.assert_invariants(sandbox)

    def test_added_money_that_was_spent_and_then_returned_is_owed_as_a_bill_of_its_own(
        self, sandbox: Sandbox
    ) -> None:
        account = make_account()
        added = paying.add_money(sandbox, account, 100_00, card="pm_usBankAccount_success")
        assert BillingAccount.objects.get(pk=account.pk).balance_cents == 0  # held until settled
        sandbox.bank.settle("ncal", str(added.intent_id))
        hear(sandbox, added)
        bill = make_invoice(account=account, total_cents=70_00)
        paying.pay_many(sandbox, {bill: 70_00}, from_balance_cents=70_00)

        sandbox.bank.return_payment("ncal", str(added.intent_id), "R01")
        hear(sandbox, added)

        account.refresh_from_db()
        bill.refresh_from_db()
        owed = Invoice.objects.get(kind=Invoice.Kind.CHARGE)
        assert (account.balance_cents, bill.open_cents, owed.open_cents) == (0, 0, 70_00)
        paying.assert_invariants(sandbox)


def test_row_34_a_returned_debit_is_never_sent_again_by_itself(sandbox: Sandbox) -> None:
    """Each debit after an R01 is a new one that the payer authorised anew; none is a re-presentment."""
    invoice = make_invoice(total_cents=120_00)
    for tries in (1, 2, 3):
        made = paying.pay(sandbox, invoice, card="pm_usBankAccount_success")
        sandbox.bank.return_payment("ncal", str(made.intent_id), "R01")
        hear(sandbox, made)
        for days in (1, 5, 30, 179):
            reconcile.reconcile_unsettled(at=paying.later(days=days))
        invoice.refresh_from_db()
        assert made.state == State.FAILED
        assert len(sandbox.charges()) == tries == Authorization.objects.count()
    paying.assert_invariants(sandbox)


def test_a_debit_returned_after_its_bill_was_canceled_takes_the_balance_it_became(
    sandbox: Sandbox, debit: Payment
) -> None:
    invoice = debit.allocations.get().invoice
    bills.void(invoice=invoice)
    assert BillingAccount.objects.get(pk=debit.account_id).balance_cents == 120_00

    sandbox.bank.return_payment("ncal", str(debit.intent_id), "R01")
    hear(sandbox, debit)

    assert debit.state == State.RETURNED
    assert BillingAccount.objects.get(pk=debit.account_id).balance_cents == 0
    assert Invoice.objects.filter(kind=Invoice.Kind.CHARGE).count() == 0
    with pytest.raises(CannotRefund):
        refund(debit, 1)
    paying.assert_invariants(sandbox)
