"""Prepaid money: added, held, spent on bills, given back; never twice, never below zero."""

import pytest
from django.db import OperationalError

from billing.models import BillingAccount, Invoice
from demo.stripe.core import Sandbox
from payments import tasks
from payments.exceptions import BalanceTooLow, MixedBills
from payments.models import Payment, RefundState, State
from payments.services import balance, refunds
from payments.services import checkout as checkouts
from tests.races.test_double_submission import at_once
from tests.support import paying
from tests.support.factories import make_account, make_invoice
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


def balance_of(account: BillingAccount) -> tuple[int, int]:
    """Balance and held part, in cents."""
    account.refresh_from_db()
    return account.balance_cents, account.held_cents


def test_added_money_is_there_once_it_has_arrived(sandbox: Sandbox, account: BillingAccount) -> None:
    payment = paying.add_money(sandbox, account, 100_00)

    assert payment.state == State.SUCCEEDED
    assert balance_of(account) == (100_00, 0)
    assert charged(sandbox) == {payment.reference: 100_00}
    paying.assert_invariants(sandbox)


def test_a_declined_top_up_adds_nothing(sandbox: Sandbox, account: BillingAccount) -> None:
    paying.add_money(sandbox, account, 100_00, card="pm_card_visa_chargeDeclined")
    assert balance_of(account) == (0, 0)
    paying.assert_invariants(sandbox)


def test_a_bill_is_paid_from_the_balance_alone_without_asking_stripe(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    paying.add_money(sandbox, account, 100_00)
    invoice = make_invoice(account=account, total_cents=60_00)
    asked = len(sandbox.requests())

    payment = paying.pay_many(sandbox, {invoice: 60_00}, from_balance_cents=60_00)

    assert (payment.state, payment.method_kind) == (State.SUCCEEDED, "balance")
    assert balance_of(account) == (40_00, 0)
    assert len(sandbox.requests()) == asked
    paying.assert_invariants(sandbox)


def test_balance_and_card_pay_a_bill_together(sandbox: Sandbox, account: BillingAccount) -> None:
    paying.add_money(sandbox, account, 50_00)
    invoice = make_invoice(account=account, total_cents=120_00)

    payment = paying.pay_many(sandbox, {invoice: 120_00}, from_balance_cents=50_00)

    invoice.refresh_from_db()
    assert (payment.state, invoice.open_cents) == (State.SUCCEEDED, 0)
    assert charged(sandbox)[payment.reference] == 70_00
    assert balance_of(account) == (0, 0)
    paying.assert_invariants(sandbox)


def test_a_declined_card_gives_the_balance_part_back(sandbox: Sandbox, account: BillingAccount) -> None:
    paying.add_money(sandbox, account, 50_00)
    invoice = make_invoice(account=account, total_cents=120_00)

    paying.pay_many(
        sandbox, {invoice: 120_00}, from_balance_cents=50_00, card="pm_card_visa_chargeDeclined"
    )

    assert balance_of(account) == (50_00, 0)
    paying.assert_invariants(sandbox)


def test_while_a_payment_waits_its_part_of_the_balance_is_held(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    paying.add_money(sandbox, account, 50_00)
    waiting, other = (make_invoice(account=account, total_cents=120_00) for _ in range(2))

    paying.pay_many(
        sandbox, {waiting: 120_00}, from_balance_cents=40_00, card="pm_card_threeDSecure2Required"
    )

    assert balance_of(account) == (50_00, 40_00)
    with pytest.raises(BalanceTooLow):
        paying.pay_many(sandbox, {other: 20_00}, from_balance_cents=10_01)
    paying.assert_invariants(sandbox)


def test_row_35_two_tabs_spending_80_of_100_one_is_refused(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    paying.add_money(sandbox, account, 100_00)
    bills = [make_invoice(account=account, total_cents=80_00) for _ in range(2)]
    tabs = [paying.start_many(sandbox, {bill: 80_00}, from_balance_cents=80_00) for bill in bills]

    outcomes = at_once(2, lambda index: paying.confirm_and_submit(tabs[index]))

    assert sum(isinstance(outcome, Payment) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, BalanceTooLow) for outcome in outcomes) == 1
    assert balance_of(account) == (20_00, 0)
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("use", [-1, 50_01, 120_01])
def test_using_what_is_not_there_is_refused(
    sandbox: Sandbox, account: BillingAccount, use: int
) -> None:
    paying.add_money(sandbox, account, 50_00)
    invoice = make_invoice(account=account, total_cents=120_00)
    with pytest.raises(BalanceTooLow):
        checkouts.start(
            account=account, started_by=None, amounts={invoice: 120_00}, from_balance_cents=use
        )


def test_premiums_and_medical_bills_are_never_mixed_in_one_payment(account: BillingAccount) -> None:
    medical = make_invoice(account=account)
    premium = make_invoice(account=account, kind=Invoice.Kind.PREMIUM)
    with pytest.raises(MixedBills):
        checkouts.start(account=account, started_by=None, amounts={medical: 1, premium: 1})


class TestTheUnspentRestGoesBack:
    def test_to_the_card_it_came_from(self, sandbox: Sandbox, account: BillingAccount) -> None:
        paying.add_money(sandbox, account, 100_00)
        invoice = make_invoice(account=account, total_cents=30_00)
        paying.pay_many(sandbox, {invoice: 30_00}, from_balance_cents=30_00)

        [refund] = balance.withdraw(account=account, requested_by=account.guarantor.user)

        refund.refresh_from_db()
        assert (refund.amount_cents, refund.state) == (70_00, RefundState.SUCCEEDED)
        assert balance_of(account) == (0, 0)
        invoice.refresh_from_db()
        assert invoice.open_cents == 0
        paying.assert_invariants(sandbox)

    def test_to_several_sources_the_newest_first(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        first = paying.add_money(sandbox, account, 40_00)
        second = paying.add_money(sandbox, account, 60_00)
        invoice = make_invoice(account=account, total_cents=20_00)
        paying.pay_many(sandbox, {invoice: 20_00}, from_balance_cents=20_00)

        assert balance.withdrawal_plan(account_again(account)) == [(second, 60_00), (first, 20_00)]
        balance.withdraw(account=account, requested_by=account.guarantor.user)

        assert balance_of(account) == (0, 0)
        assert balance.withdrawal_plan(account_again(account)) == []
        paying.assert_invariants(sandbox)

    def test_asked_for_twice_at_once_it_goes_back_once(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        paying.add_money(sandbox, account, 100_00)
        at_once(5, lambda _: balance.withdraw(account=account, requested_by=account.guarantor.user))
        refunds.reconcile_refunds(at=paying.later(minutes=5))
        assert sum(line.refunded_cents for line in sandbox.charges()) == 100_00
        assert balance_of(account) == (0, 0)
        paying.assert_invariants(sandbox)


def account_again(account: BillingAccount) -> BillingAccount:
    return BillingAccount.objects.get(pk=account.pk)


class TestAutomaticUse:
    def test_new_bills_are_paid_by_due_date_once_it_is_switched_on(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        import datetime as dt

        paying.add_money(sandbox, account, 100_00)
        late = make_invoice(account=account, total_cents=80_00, due_on=dt.date(2026, 12, 31))
        soon = make_invoice(account=account, total_cents=70_00, due_on=dt.date(2026, 12, 1))
        assert balance.apply_automatically(account=account) == []

        balance.set_auto_apply(account=account, on=True)
        [payment] = balance.apply_automatically(account=account)

        late.refresh_from_db()
        soon.refresh_from_db()
        assert (soon.open_cents, late.open_cents) == (0, 50_00)
        assert payment.payer == Payment.Payer.SYSTEM
        assert balance_of(account) == (0, 0)
        assert balance.apply_automatically(account=account) == []
        paying.assert_invariants(sandbox)

    def test_premiums_and_medical_bills_become_two_payments(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        paying.add_money(sandbox, account, 100_00)
        make_invoice(account=account, total_cents=30_00)
        make_invoice(account=account, total_cents=40_00, kind=Invoice.Kind.PREMIUM)
        balance.set_auto_apply(account=account, on=True)

        assert len(balance.apply_automatically(account=account)) == 2
        assert balance_of(account) == (30_00, 0)
        paying.assert_invariants(sandbox)

    def test_one_account_that_cannot_keeps_no_other_waiting(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        accounts = [make_account(), make_account()]
        for each in accounts:
            paying.add_money(sandbox, each, 100_00)
            make_invoice(account=each, total_cents=100_00)
            balance.set_auto_apply(account=each, on=True)
        apply, asked = balance.apply_automatically, []

        def fail_first(*, account: BillingAccount) -> list[Payment]:
            asked.append(account)
            if len(asked) == 1:
                raise OperationalError("canceling statement due to lock timeout")
            return apply(account=account)

        monkeypatch.setattr(balance, "apply_automatically", fail_first)
        with pytest.raises(ExceptionGroup):
            tasks.apply_balances()

        assert Payment.objects.get(payer=Payment.Payer.SYSTEM).account == asked[1]
        paying.assert_invariants(sandbox)

    def test_two_runs_at_once_spend_it_once(self, sandbox: Sandbox, account: BillingAccount) -> None:
        paying.add_money(sandbox, account, 100_00)
        make_invoice(account=account, total_cents=100_00)
        balance.set_auto_apply(account=account, on=True)
        at_once(5, lambda _: balance.apply_automatically(account=account))
        assert Payment.objects.filter(payer=Payment.Payer.SYSTEM).count() == 1
        assert balance_of(account) == (0, 0)
        paying.assert_invariants(sandbox)
