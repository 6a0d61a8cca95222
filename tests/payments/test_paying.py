"""A member pays a bill by card: one charge, one entry, one receipt, and the bill is paid."""

import pytest
from django.db import IntegrityError, transaction

from billing.models import BillingAccount, Invoice, JournalEntry
from billing.services import invoices as bills
from demo.stripe.core import Sandbox
from payments.exceptions import BillBusy, BillNotPayable, NotReviewed
from payments.models import Allocation, Payment, PaymentEvent, State
from payments.services import checkout as checkouts
from payments.services import reconcile, submission
from tests.support import paying
from tests.support.factories import make_account, make_invoice
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bill_is_paid_in_full(sandbox: Sandbox) -> None:
    invoice = make_invoice(total_cents=120_00)

    payment = paying.pay(sandbox, invoice)

    assert payment.state == State.SUCCEEDED
    assert paying.states(payment) == ["created", "submitted", "succeeded"]
    assert charged(sandbox) == {payment.reference: 120_00}
    invoice.refresh_from_db()
    assert (invoice.open_cents, invoice.reserved_cents) == (0, 0)
    assert (payment.method_brand, payment.method_last4) == ("visa", "4242")
    paying.assert_invariants(sandbox)


def test_a_part_is_paid_and_the_rest_stays_owed(sandbox: Sandbox) -> None:
    invoice = make_invoice(total_cents=120_00)

    paying.pay(sandbox, invoice, 50_01)
    paying.pay(sandbox, invoice, 9_99)

    invoice.refresh_from_db()
    assert invoice.open_cents == 60_00
    assert sorted(charged(sandbox).values()) == [9_99, 50_01]
    paying.assert_invariants(sandbox)


def test_the_books_say_where_the_money_is(sandbox: Sandbox) -> None:
    invoice = make_invoice(total_cents=120_00)
    payment = paying.pay(sandbox, invoice)

    entry = JournalEntry.objects.get(kind="payment_settled")
    assert entry.source_id == str(payment.pk)
    lines = {(line.ledger_account_id, line.amount_cents, line.invoice_id) for line in entry.lines.all()}
    assert lines == {("processor_clearing", 120_00, None), ("receivable", -120_00, invoice.pk)}


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
    ],
)
def test_a_declined_card_charges_nothing_and_leaves_the_bill_as_it_was(
    sandbox: Sandbox, card: str, code: str
) -> None:
    invoice = make_invoice(total_cents=120_00)

    payment = paying.pay(sandbox, invoice, card=card)

    assert (payment.state, payment.decline_code) == (State.FAILED, code)
    invoice.refresh_from_db()
    assert (invoice.open_cents, invoice.reserved_cents) == (120_00, 0)
    assert charged(sandbox) == {}
    paying.assert_invariants(sandbox)


def test_a_declined_payment_can_never_charge_again_even_with_its_client_secret(
    sandbox: Sandbox,
) -> None:
    payment = paying.pay(sandbox, make_invoice(), card="pm_card_visa_chargeDeclined")

    with sandbox.store.read() as tx:
        intent = tx.get("ncal", str(payment.intent_id))
    assert intent is not None
    assert intent["status"] == "canceled"


def test_after_a_decline_another_card_pays_the_bill_once(sandbox: Sandbox) -> None:
    invoice = make_invoice(total_cents=75_00)
    paying.pay(sandbox, invoice, card="pm_card_visa_chargeDeclined")
    second = paying.pay(sandbox, invoice)

    assert charged(sandbox) == {second.reference: 75_00}
    paying.assert_invariants(sandbox)


class TestTheBanksExtraStep:
    """3-D Secure: the payment waits for the person, and only Stripe's answer counts."""

    def test_completed_it_pays(self, sandbox: Sandbox) -> None:
        invoice = make_invoice()
        payment = paying.pay(sandbox, invoice, card="pm_card_threeDSecure2Required")
        assert payment.state == State.REQUIRES_ACTION
        assert submission.client_secret(payment=payment)

        sandbox.complete_challenge("ncal", str(payment.intent_id))
        payment = submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

        assert payment.state == State.SUCCEEDED
        paying.assert_invariants(sandbox)

    def test_failed_it_is_declined_and_the_bill_is_free_again(self, sandbox: Sandbox) -> None:
        invoice = make_invoice()
        payment = paying.pay(sandbox, invoice, card="pm_card_threeDSecure2Required")

        sandbox.complete_challenge("ncal", str(payment.intent_id), succeed=False)
        payment = submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

        assert payment.state == State.FAILED
        assert payment.decline_code == "payment_intent_authentication_failure"
        invoice.refresh_from_db()
        assert invoice.reserved_cents == 0
        paying.assert_invariants(sandbox)

    def test_abandoned_by_the_payer_it_frees_the_bill(self, sandbox: Sandbox) -> None:
        payment = paying.pay(sandbox, make_invoice(), card="pm_card_threeDSecure2Required")

        payment = submission.abandon(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

        assert payment.state == State.CANCELED
        paying.assert_invariants(sandbox)

    def test_left_alone_it_is_given_up_after_half_an_hour_and_the_payer_is_told(
        self, sandbox: Sandbox, mailoutbox: list
    ) -> None:
        from post_office.models import Email

        payment = paying.pay(sandbox, make_invoice(), card="pm_card_threeDSecure2Required")

        reconcile.reconcile_unsettled(at=paying.later(minutes=10))
        payment.refresh_from_db()
        assert payment.state == State.REQUIRES_ACTION

        reconcile.reconcile_unsettled(at=paying.later(minutes=45))
        payment.refresh_from_db()
        assert payment.state == State.CANCELED
        assert Email.objects.get().to == [payment.paid_by.email]
        paying.assert_invariants(sandbox)


class TestRefusedBeforeAnythingMoves:
    """Bad input: a clear refusal, no payment row, no charge, nothing set aside."""

    @pytest.mark.parametrize("amount_cents", [0, -1, 120_01])
    def test_an_amount_that_is_not_owed(self, sandbox: Sandbox, amount_cents: int) -> None:
        invoice = make_invoice(total_cents=120_00)
        with pytest.raises(BillNotPayable):
            paying.start_checkout(sandbox, invoice, amount_cents)
        assert Payment.objects.count() == 0

    def test_another_households_bill(self, sandbox: Sandbox) -> None:
        mine, theirs = make_account(), make_invoice()
        with pytest.raises(BillNotPayable):
            checkouts.start(account=mine, started_by=None, amounts={theirs: 1_00})

    def test_a_bill_that_was_paid_meanwhile_in_another_tab(self, sandbox: Sandbox) -> None:
        invoice = make_invoice(total_cents=120_00)
        tab_one = paying.start_checkout(sandbox, invoice)
        tab_two = paying.start_checkout(sandbox, invoice)
        payment = paying.confirm(tab_one)
        submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

        with pytest.raises(BillNotPayable):
            paying.confirm(tab_two)
        assert charged(sandbox) == {payment.reference: 120_00}
        paying.assert_invariants(sandbox)

    def test_a_bill_whose_other_payment_has_not_ended(self, sandbox: Sandbox) -> None:
        invoice = make_invoice(total_cents=120_00)
        tab_one = paying.start_checkout(sandbox, invoice, 60_00)
        tab_two = paying.start_checkout(sandbox, invoice, 60_00)
        first = paying.confirm(tab_one)

        with pytest.raises(BillBusy) as refusal:
            paying.confirm(tab_two)
        assert refusal.value.reference == first.reference
        assert Payment.objects.count() == 1

    def test_a_voided_bill(self, sandbox: Sandbox) -> None:
        invoice = make_invoice()
        checkout = paying.start_checkout(sandbox, invoice)
        bills.void(invoice=invoice)
        with pytest.raises(BillNotPayable):
            paying.confirm(checkout)
        paying.assert_invariants(sandbox)

    def test_confirming_without_a_method_chosen(self, sandbox: Sandbox) -> None:
        invoice = make_invoice()
        checkout = checkouts.start(account=invoice.account, started_by=None, amounts={invoice: 1_00})
        with pytest.raises(NotReviewed):
            paying.confirm(checkout)

    def test_a_paid_bill_that_is_canceled_leaves_an_overpayment_that_becomes_account_balance(
        self, sandbox: Sandbox
    ) -> None:
        invoice = make_invoice(total_cents=120_00)
        paying.pay(sandbox, invoice, 50_00)

        voided = bills.void(invoice=invoice)
        again = bills.void(invoice=invoice)

        account = BillingAccount.objects.get(pk=invoice.account_id)
        assert (voided.open_cents, again.open_cents, account.balance_cents) == (0, 0, 50_00)
        paying.assert_invariants(sandbox)

    def test_a_bill_on_its_way_cannot_be_voided(self, sandbox: Sandbox) -> None:
        invoice = make_invoice()
        paying.confirm(paying.start_checkout(sandbox, invoice))
        with pytest.raises(bills.CannotVoid):
            bills.void(invoice=invoice)


def test_postgresql_refuses_a_second_payment_in_flight_for_one_bill(sandbox: Sandbox) -> None:
    invoice = make_invoice(total_cents=120_00)
    first = paying.confirm(paying.start_checkout(sandbox, invoice, 10_00))
    second_bill = make_invoice(account=invoice.account)
    second = paying.confirm(paying.start_checkout(sandbox, second_bill, 10_00))

    with pytest.raises(IntegrityError, match="one_payment_in_flight_per_invoice"), transaction.atomic():
        Allocation.objects.create(payment=second, invoice=invoice, amount_cents=1)
    assert first.allocations.get().in_flight
    assert Invoice.objects.get(pk=invoice.pk).reserved_cents == 10_00
