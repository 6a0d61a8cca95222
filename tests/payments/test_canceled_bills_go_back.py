"""What a card had paid on a bill that was canceled since goes back to that card: once, as far as it is
unspent, and never more than the card paid. Stripe's book, ours and the member's pages agree.
"""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from accounts.roles import Role
from billing import statements
from billing.models import BillingAccount, Invoice
from billing.services import invoices as bills
from billing.statements import Sums
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments.claim_content import claim_of
from payments.history import around
from payments.history_filter import HistoryFilter
from payments.models import DisputeState, Payment, PaymentEvent, Refund, RefundState, State
from payments.receipt_content import content_of
from payments.services import balance, refunds, submission, webhooks
from payments.services.refunds import CannotRefund
from payments.services.reversal import became_balance, remaining
from payments.services.verification import CHECKS
from tests.races.test_double_submission import at_once
from tests.support import paying
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_staff
from tests.support.staff import act, browser_of

pytestmark = pytest.mark.django_db(transaction=True)
BALANCE, BACK = "/balance/", "/balance/back/"


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def member(client: Client, account: BillingAccount) -> Client:
    client.force_login(account.guarantor.user)
    return client


def paid_and_canceled(
    sandbox: Sandbox, account: BillingAccount, cents: int = 120_00, *, from_balance_cents: int = 0
) -> Payment:
    """A payment by card of a bill that turned out to be wrong."""
    bill = make_invoice(account, cents)
    payment = paying.pay_many(sandbox, {bill: cents}, from_balance_cents=from_balance_cents)
    bills.void(invoice=bill)
    return payment


def withdraw(account: BillingAccount) -> list[Refund]:
    return balance.withdraw(account=account, requested_by=account.guarantor.user)


def balance_of(account: BillingAccount) -> int:
    account.refresh_from_db()
    return account.balance_cents


def sent_back(sandbox: Sandbox) -> dict[str, int]:
    """What the witness says went back, by payment."""
    return {line.payment: line.refunded_cents for line in sandbox.charges() if line.refunded_cents}


def hear(sandbox: Sandbox) -> None:
    sandbox.webhooks.deliver_due(everything=True)
    webhooks.process_pending(at=paying.later(minutes=5))


def test_all_of_it_goes_back_and_every_page_and_document_says_so(
    sandbox: Sandbox, account: BillingAccount, member: Client
) -> None:
    payment = paid_and_canceled(sandbox, account)
    (part,) = became_balance(payment)
    assert became_balance(payment) == {part: 120_00}
    assert remaining(payment) == {}

    page = words(member.get(BACK))
    assert "You get back $120.00" in page
    assert "on a bill that was canceled" in page
    assert "Visa ending in 4242 $120.00" in page
    response = member.post(BACK, {"total": "12000"}, follow=True)
    assert "$120.00 is on its way back." in words(response)
    assert "You have $0.00" in words(response)

    payment.refresh_from_db()
    refund = Refund.objects.get()
    assert (refund.state, payment.state) == (RefundState.SUCCEEDED, State.REFUNDED)
    assert sent_back(sandbox) == {payment.reference: 120_00}
    assert (remaining(payment), became_balance(payment)) == ({}, {})
    assert paying.owed(account) == 0
    assert "There is nothing to send back" in words(member.get(BACK))
    assert "Sent back to you" in words(member.get(BALANCE))
    said = words(member.get(f"/payments/{payment.reference}/"))
    assert "This payment was refunded" in said
    assert "owed on that bill again" not in said
    told = Email.objects.latest("pk")
    assert "We refunded $120.00 of your payment to" in told.message
    assert "is owed again" not in told.message + told.html_message
    claim = claim_of(payment)
    assert (claim.paid_cents, claim.left_cents, content_of(payment).left_cents) == (120_00, 0, 0)
    year = business_date(account.region.time_zone).year
    assert statements.statement(account, year).together == Sums(120_00, 120_00)
    month = dt.date(year, 1, 1)
    sums = around(account, HistoryFilter(), chart_from=month, chart_to=month).totals
    assert (sums.paid_cents, sums.refunded_cents) == (120_00, 120_00)
    paying.assert_invariants(sandbox)


def test_what_was_spent_of_it_stays_and_goes_back_only_when_it_is_free_again(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    payment = paid_and_canceled(sandbox, account)
    other = make_invoice(account, 50_00)
    paying.pay_many(sandbox, {other: 50_00}, from_balance_cents=50_00)

    assert balance.withdrawal_plan(account_again(account)) == [(payment, 70_00)]
    withdraw(account)

    payment.refresh_from_db()
    assert (payment.state, balance_of(account)) == (State.PARTLY_REFUNDED, 0)
    assert sent_back(sandbox) == {payment.reference: 70_00}
    paying.assert_invariants(sandbox)

    bills.void(invoice=other)
    withdraw(account)
    payment.refresh_from_db()
    assert (payment.state, balance_of(account)) == (State.REFUNDED, 0)
    assert sent_back(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


def test_what_the_balance_had_paid_goes_back_to_where_that_came_from(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    added = paying.add_money(sandbox, account, 50_00)
    payment = paid_and_canceled(sandbox, account, from_balance_cents=50_00)
    assert balance_of(account) == 120_00

    withdraw(account)

    assert sent_back(sandbox) == {payment.reference: 70_00, added.reference: 50_00}
    payment.refresh_from_db()
    assert (payment.state, balance_of(account)) == (State.PARTLY_REFUNDED, 0)
    paying.assert_invariants(sandbox)


def test_of_one_payment_only_the_canceled_bills_go_and_a_refund_takes_only_the_others(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    wrong, right = make_invoice(account, 80_00), make_invoice(account, 40_00)
    payment = paying.pay_many(sandbox, {wrong: 80_00, right: 40_00})
    refunds.request(
        payment=payment,
        amount_cents=30_00,
        destination=Refund.Destination.SOURCE,
        reason="",
        requested_by=None,
    )
    bills.void(invoice=wrong)
    part = payment.allocations.get(invoice=wrong)
    with pytest.raises(CannotRefund):  # it is account balance already
        refunds.request(
            payment=payment,
            amount_cents=1_00,
            destination=Refund.Destination.BALANCE,
            reason="",
            requested_by=None,
            parts={part.pk: 1_00},
        )

    withdraw(account)

    assert sent_back(sandbox) == {payment.reference: 30_00 + 60_00}
    right.refresh_from_db()
    assert (right.open_cents, balance_of(account)) == (10_00, 0)
    payment.refresh_from_db()
    assert sum(remaining(payment).values()) == 30_00
    paying.assert_invariants(sandbox)


def test_from_two_tabs_and_five_processes_it_goes_back_once(
    sandbox: Sandbox, account: BillingAccount, member: Client
) -> None:
    payment = paid_and_canceled(sandbox, account)
    at_once(5, lambda _: withdraw(account))
    assert "There is nothing to send back" in words(member.post(BACK, {"total": "12000"}, follow=True))
    refunds.reconcile_refunds(at=paying.later(minutes=5))
    assert sent_back(sandbox) == {payment.reference: 120_00}
    assert Refund.objects.count() == 1
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("spent_cents", [0, 20_00])
def test_a_dispute_of_the_rest_takes_what_is_there_and_bills_what_is_not(
    sandbox: Sandbox, account: BillingAccount, spent_cents: int
) -> None:
    payment = paid_and_canceled(sandbox, account)
    held = make_invoice(account, 50_00)
    waiting = paying.pay_many(
        sandbox, {held: 50_00}, from_balance_cents=49_50, card="pm_card_threeDSecure2Required"
    )
    withdraw(account)
    assert sent_back(sandbox) == {payment.reference: 70_50}
    submission.abandon(payment_id=waiting.pk, via=PaymentEvent.Via.BROWSER)  # what was held is free
    if spent_cents:
        other = make_invoice(account, spent_cents)
        paying.pay_many(sandbox, {other: spent_cents}, from_balance_cents=spent_cents)

    dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
    hear(sandbox)
    assert balance.withdrawal_plan(account_again(account)) == []  # while the bank has not decided
    sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)
    hear(sandbox)

    payment.refresh_from_db()
    assert payment.disputes.get().state == DisputeState.LOST
    assert (payment.state, payment.refunded_cents, payment.disputed_cents) == (
        State.RETURNED,
        70_50,
        49_50,
    )
    assert sum(became_balance(payment).values()) == spent_cents
    owed = Invoice.objects.filter(kind=Invoice.Kind.CHARGE)
    assert sum(owed.values_list("open_cents", flat=True)) == spent_cents
    assert (balance_of(account), withdraw(account)) == (0, [])
    paying.assert_invariants(sandbox)


def test_what_a_bank_kept_of_it_cannot_go_to_the_card_as_well(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    payment = paid_and_canceled(sandbox, account)
    dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id), cents=50_00)
    sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)
    hear(sandbox)
    payment.refresh_from_db()
    assert (payment.state, balance_of(account)) == (State.PARTLY_REFUNDED, 70_00)

    assert became_balance(payment) == {payment.allocations.get().pk: 70_00}
    assert balance.withdrawal_plan(account_again(account)) == [(payment, 70_00)]


def test_the_history_counts_it_once(sandbox: Sandbox, account: BillingAccount) -> None:
    """It left the bill when that was canceled; what goes to the card leaves the account balance."""
    paid_and_canceled(sandbox, account)
    withdraw(account)
    ever = {"chart_from": dt.date(2000, 1, 1), "chart_to": dt.date(2100, 1, 1)}
    assert list(around(account, HistoryFilter(), **ever).months.values()) == [0]


def test_a_check_that_had_paid_a_canceled_bill_goes_to_no_card(
    sandbox: Sandbox, account: BillingAccount, member: Client
) -> None:
    by_card = paid_and_canceled(sandbox, account, 20_00)
    wrong = make_invoice(account, 60_00)
    agent = browser_of(make_staff(Role.BILLING_AGENT))
    check = {
        "kind": "check",
        "check_number": "1042",
        "pays": "medical",
        "reason": "By mail",
        "amount": "60.00",
    }
    act(agent, reverse("admin:desk_record", args=[account.pk]), check)
    bills.void(invoice=wrong)
    assert balance_of(account) == 80_00

    page = words(member.get(BACK))
    assert "You get back $20.00" in page
    assert "$60.00 more cannot go back to a card or account by itself" in page
    withdraw(account)

    assert sent_back(sandbox) == {by_card.reference: 20_00}
    assert (balance_of(account), withdraw(account)) == (60_00, [])
    assert {name: list(check()) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


def test_one_that_the_card_could_not_take_is_balance_again(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    bill = make_invoice(account, 120_00)
    payment = paying.pay(sandbox, bill, card="pm_card_refundFail")
    bills.void(invoice=bill)
    withdraw(account)
    assert balance_of(account) == 0

    sandbox.shift_clock(dt.timedelta(days=7))
    hear(sandbox)

    payment.refresh_from_db()
    assert (balance_of(account), payment.refunded_cents) == (120_00, 0)
    bill.refresh_from_db()
    assert bill.open_cents == 0
    paying.assert_invariants(sandbox)


def account_again(account: BillingAccount) -> BillingAccount:
    return BillingAccount.objects.get(pk=account.pk)
