"""Rows 32 and 33 with a bank debit: its bank takes it back whole, late, and whatever was refunded."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from billing import statements
from billing.models import BillingAccount, Invoice, JournalEntry
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments import history
from payments.claim_content import claim_of
from payments.history_filter import HistoryFilter
from payments.models import Dispute, Payment, PaymentMethod, Refund, RefundState, State
from payments.receipt_content import content_of
from payments.services import methods, refunds
from tests.faults.test_money_taken_back import hear, refund
from tests.races.test_double_submission import at_once
from tests.support import paying
from tests.support.autopay import START, Calendar
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice
from tests.support.methods import BANK, add, pay_with_saved
from tests.support.reconciling import held_by_stripe, ledger, reconcile

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentMethod.Status


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def debit(sandbox: Sandbox, account: BillingAccount) -> Payment:
    """A settled payment of $120.00 from a bank account that its owner has saved."""
    made = pay_with_saved(make_invoice(account, 120_00), add(sandbox, account, BANK))
    sandbox.bank.settle("ncal", str(made.intent_id))
    hear(sandbox, made)
    assert made.state == State.SUCCEEDED
    return made


def refunded(sandbox: Sandbox, payment: Payment, cents: int) -> Refund:
    """A refund that has arrived at the payer's bank."""
    made = refund(payment, cents)
    made.refresh_from_db()
    sandbox.bank.finish_refund("ncal", str(made.refund_id))
    hear(sandbox, payment)
    made.refresh_from_db()
    assert made.state == RefundState.SUCCEEDED
    return made


def give_back(sandbox: Sandbox, payment: Payment, code: str = "R10") -> None:
    sandbox.bank.return_payment("ncal", str(payment.intent_id), code)
    hear(sandbox, payment)


def page_of(payment: Payment) -> str:
    client = Client()
    client.force_login(payment.account.guarantor.user)
    return words(client.get(reverse("payments:show", args=[payment.reference])))


def assert_both_books_agree(sandbox: Sandbox) -> None:
    paying.assert_invariants(sandbox)
    assert reconcile(sandbox).differences == []
    assert ledger("processor_clearing") == held_by_stripe(sandbox)
    assert ledger("disputes") == ledger("refunds") == 0


class TestRow32:
    """The bank takes all that it paid; it knows of no refund."""

    def test_returned_whole_after_a_part_was_refunded_all_of_it_is_booked_and_the_excess_is_owed(
        self, sandbox: Sandbox, account: BillingAccount, debit: Payment
    ) -> None:
        refunded(sandbox, debit, 50_00)

        give_back(sandbox, debit)

        taken = Dispute.objects.get()
        assert (taken.amount_cents, taken.excess_cents) == (120_00, 50_00)
        assert (debit.state, debit.refunded_cents, debit.disputed_cents) == (
            State.RETURNED,
            50_00,
            70_00,
        )
        excess = Invoice.objects.get(kind=Invoice.Kind.CHARGE)
        assert (debit.allocations.get().invoice.open_cents, excess.open_cents) == (120_00, 50_00)
        assert debit.saved_method is not None
        assert debit.saved_method.status == Status.BLOCKED
        assert_both_books_agree(sandbox)

        mail = Email.objects.get(subject="Your payment of $120.00 was returned")
        for said in (mail.message, mail.html_message, page_of(debit)):
            assert "$50.00 of this payment had been refunded to you before" in " ".join(said.split())
        assert (content_of(debit).left_cents, claim_of(debit).left_cents) == (0, 0)

    def test_what_the_account_balance_has_of_the_excess_is_taken_from_there(
        self, sandbox: Sandbox, account: BillingAccount, debit: Payment
    ) -> None:
        refunded(sandbox, debit, 50_00)
        hear(sandbox, paying.add_money(sandbox, account, 20_00))

        give_back(sandbox, debit, "R01")

        account.refresh_from_db()
        assert account.balance_cents == 0
        assert Invoice.objects.get(kind=Invoice.Kind.CHARGE).open_cents == 30_00
        assert paying.owed(account) == 150_00
        assert_both_books_agree(sandbox)

    def test_returned_after_all_of_it_was_refunded_is_owed_twice(
        self, sandbox: Sandbox, account: BillingAccount, debit: Payment
    ) -> None:
        refunded(sandbox, debit, 120_00)
        assert debit.state == State.REFUNDED

        give_back(sandbox, debit)

        assert (debit.state, debit.disputed_cents) == (State.RETURNED, 0)
        assert paying.owed(account) == 240_00
        assert_both_books_agree(sandbox)

    def test_a_refund_on_its_way_that_then_fails_becomes_balance_beside_what_is_owed(
        self, sandbox: Sandbox, account: BillingAccount, debit: Payment
    ) -> None:
        made = refund(debit, 50_00)
        give_back(sandbox, debit)
        assert paying.owed(account) == 170_00

        made.refresh_from_db()
        sandbox.bank.fail_refund("ncal", str(made.refund_id))
        hear(sandbox, debit)

        account.refresh_from_db()
        assert (debit.state, paying.owed(account), account.balance_cents) == (
            State.RETURNED,
            170_00,
            50_00,
        )
        assert_both_books_agree(sandbox)

    def test_a_return_that_overtakes_a_promised_refund_waits_and_no_cent_goes_twice(
        self, sandbox: Sandbox, account: BillingAccount, debit: Payment
    ) -> None:
        sandbox.faults.add("POST /v1/refunds", "rate_429")
        made = refund(debit, 50_00)
        sandbox.bank.return_payment("ncal", str(debit.intent_id), "R10")
        sandbox.webhooks.deliver_due(everything=True)
        assert Dispute.objects.count() == 0  # the refund has no outcome yet

        hear(sandbox, debit)
        hear(sandbox, debit, minutes=10)

        made.refresh_from_db()
        account.refresh_from_db()
        assert made.state == RefundState.FAILED  # Stripe refunds nothing that a bank took
        assert (debit.state, debit.disputed_cents) == (State.RETURNED, 120_00)
        assert (paying.owed(account), account.balance_cents) == (120_00, 0)
        assert_both_books_agree(sandbox)

    def test_a_return_waits_for_a_refund_whose_answer_was_lost(
        self, sandbox: Sandbox, account: BillingAccount, debit: Payment
    ) -> None:
        sandbox.faults.add("POST /v1/refunds", "act_then_stall")
        made = refund(debit, 50_00)
        sandbox.bank.return_payment("ncal", str(debit.intent_id), "R10")
        sandbox.webhooks.deliver_due(everything=True)
        made.refresh_from_db()
        assert (made.state, Dispute.objects.count()) == (RefundState.UNKNOWN, 0)

        hear(sandbox, debit)
        hear(sandbox, debit, minutes=10)

        assert (debit.state, paying.owed(account)) == (State.RETURNED, 170_00)
        assert_both_books_agree(sandbox)

    def test_both_at_once_end_with_what_the_witness_says_is_owed(
        self, sandbox: Sandbox, account: BillingAccount, debit: Payment
    ) -> None:
        def act(index: int) -> None:
            if index:
                refund(debit, 50_00)
            else:
                sandbox.bank.return_payment("ncal", str(debit.intent_id), "R10")
                sandbox.webhooks.deliver_due(everything=True)

        at_once(2, act)
        hear(sandbox, debit)
        hear(sandbox, debit, minutes=10)

        account.refresh_from_db()
        assert debit.state == State.RETURNED
        kept_cents = sum(line.net_cents for line in sandbox.charges())
        assert paying.owed(account) - account.balance_cents == 120_00 - kept_cents
        assert_both_books_agree(sandbox)


@pytest.mark.parametrize("code", ["R01", "R10"])
def test_row_33_a_saved_accounts_debit_settled_and_returned_on_day_45(
    sandbox: Sandbox, calendar: Calendar, account: BillingAccount, code: str
) -> None:
    bill, method = make_invoice(account, 120_00), add(sandbox, account, BANK)
    payment = pay_with_saved(bill, method)
    calendar.go_to(START + dt.timedelta(days=8))
    hear(sandbox, payment)
    bill.refresh_from_db()
    assert (payment.state, bill.open_cents) == (State.SUCCEEDED, 0)
    assert content_of(payment).left_cents == 120_00

    day_45 = START + dt.timedelta(days=45)
    calendar.go_to(day_45)
    give_back(sandbox, payment, code)

    bill.refresh_from_db()
    assert (payment.state, bill.open_cents, paying.owed(account)) == (State.RETURNED, 120_00, 120_00)
    # The books are reversed by entries of that day; the payment's own stays what it was.
    taken = Dispute.objects.get()
    entries = JournalEntry.objects.filter(source="dispute", source_id=str(taken.pk)).order_by("pk")
    assert list(entries.values_list("kind", "effective_on")) == [
        ("dispute_opened", day_45),
        ("dispute_lost", day_45),
    ]
    assert (ledger("receivable"), ledger("disputes")) == (120_00, 0)
    # A lack of money kills nothing; who says that nobody may debit is believed.
    method.refresh_from_db()
    usable = methods.usable(account, on=day_45)
    if code == "R01":
        assert (method.status, usable) == (Status.ACTIVE, [method])
        assert pay_with_saved(bill, method).state == State.PROCESSING
    else:
        assert (method.status, method.blocked_code) == (Status.BLOCKED, "debit_not_authorized")
        assert (usable, method.is_default) == ([], False)
    # Every document that is made now says so.
    receipt, claim = content_of(payment), claim_of(payment)
    assert (receipt.amount_cents, receipt.left_cents, claim.left_cents) == (120_00, 0, 0)
    assert [(each.on, each.words) for each in receipt.later] == [
        (day_45, "$120.00 returned: the bank took it back")
    ]
    assert statements.statement(account, START.year).together == statements.Sums(120_00, 120_00)
    listed = history.page(account, HistoryFilter(kind="return"))
    assert [(each.on, each.signed_cents) for each in listed] == [(day_45, -120_00)]
    assert "Your bank took this payment back" in page_of(payment)
    assert Email.objects.filter(subject="Your payment of $120.00 was returned").count() == 1
    assert business_date(account.region.time_zone, taken.decided_at) == day_45
    paying.assert_invariants(sandbox)
    refunds.reconcile_refunds(at=paying.later(days=1))
    assert Refund.objects.count() == 0
