"""Checks and cash: recorded once, seen, and going back to nobody's card."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from accounts.services import second_steps
from billing.models import BillingAccount, JournalLine
from demo.stripe.core import Sandbox
from payments import history
from payments.history_filter import HistoryFilter
from payments.models import Payment, Refund, State
from payments.services import balance, refunds
from payments.services.recorded_balance import recorded_cents
from payments.services.verification import CHECKS
from staff.models import Action, AuditRecord
from tests.support import paying
from tests.support.factories import SECRET, make_account, make_invoice, make_staff
from tests.support.staff import act, browser_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def supervisor() -> Client:
    return browser_of(make_staff(Role.SUPERVISOR))


@pytest.fixture(autouse=True)
def _the_books_hold() -> object:
    yield
    assert {name: list(check()) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


def url(name: str, key: object) -> str:
    return reverse(f"admin:desk_{name}", args=[key])


def acted() -> list[str]:
    return list(AuditRecord.objects.exclude(act_key=None).values_list("action", flat=True))


class TestAChecksWay:
    def record(self, client: Client, account: BillingAccount, **data: str) -> str:
        asked = {"kind": "check", "check_number": "1042", "pays": "medical", "reason": "By mail"} | data
        return text_of(act(client, url("record", account.pk), asked))

    def test_it_pays_the_oldest_bill_first_and_what_is_over_becomes_balance(
        self, supervisor: Client, account: BillingAccount
    ) -> None:
        bill = make_invoice(account, 30_00)
        self.record(supervisor, account, amount="50.00")
        bill.refresh_from_db()
        account.refresh_from_db()
        assert (bill.open_cents, account.balance_cents) == (0, 20_00)
        payment = Payment.objects.get()
        assert (payment.state, payment.payer, payment.intent_id) == (State.SUCCEEDED, "staff", None)
        bank = JournalLine.objects.filter(ledger_account="bank")
        assert list(bank.values_list("amount_cents", flat=True)) == [50_00]
        assert not JournalLine.objects.filter(ledger_account="processor_clearing").exists()
        assert acted() == [Action.PAYMENT_RECORDED]
        (event,) = history.page(account, HistoryFilter())
        assert event.method == "Check 1042"

    def test_a_part_in_cash(self, supervisor: Client, account: BillingAccount) -> None:
        bill = make_invoice(account, 30_00)
        said = self.record(supervisor, account, kind="cash", amount="12.50", pays=str(bill.pk))
        assert "is recorded" in said
        bill.refresh_from_db()
        assert bill.open_cents == 17_50

    def test_it_goes_back_to_the_balance_alone(
        self, supervisor: Client, account: BillingAccount
    ) -> None:
        bill = make_invoice(account, 30_00)
        self.record(supervisor, account, amount="50.00")
        payment = Payment.objects.get()
        with pytest.raises(refunds.CannotRefund):
            refunds.request(
                payment=payment,
                amount_cents=5_00,
                destination=Refund.Destination.SOURCE,
                reason="",
                requested_by=None,
            )
        page = supervisor.post(url("refund_balance", account.pk), {"reason": "Asked for it"})
        assert page.status_code == 422
        act(
            supervisor,
            url("refund", payment.reference),
            {"amount": "50.00", "destination": "balance", "reason": "Wrong account"},
        )
        bill.refresh_from_db()
        account.refresh_from_db()
        assert (bill.open_cents, account.balance_cents) == (30_00, 50_00)

    def test_cash_that_never_was_leaves_through_no_card(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        """The card's money is spent, the cash is there: it goes back to no card, whatever is tried."""
        paying.add_money(sandbox, account, 100_00)
        bill = make_invoice(account, 100_00)
        paying.pay_many(sandbox, {bill: 100_00}, from_balance_cents=100_00)
        self.record(supervisor, account, kind="cash", amount="100.00", pays="balance")
        account.refresh_from_db()
        assert (account.spendable_cents, recorded_cents(account)) == (100_00, 100_00)
        assert balance.withdrawal_plan(account) == []
        page = supervisor.post(url("refund_balance", account.pk), {"reason": "Asked for it"})
        assert page.status_code == 422
        # Through a bill and back it is no other money.
        second = make_invoice(account, 100_00)
        paid = paying.pay_many(sandbox, {second: 100_00}, from_balance_cents=100_00)
        refunds.request(
            payment=paid,
            amount_cents=100_00,
            destination=Refund.Destination.BALANCE,
            reason="",
            requested_by=None,
        )
        account.refresh_from_db()
        assert (account.spendable_cents, recorded_cents(account)) == (100_00, 100_00)
        assert balance.withdrawal_plan(account) == []

    def test_cash_does_not_leave_by_refunding_a_top_up_that_was_spent(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        added = paying.add_money(sandbox, account, 100_00)
        paying.pay_many(sandbox, {make_invoice(account, 100_00): 100_00}, from_balance_cents=100_00)
        self.record(supervisor, account, kind="cash", amount="100.00", pays="balance")
        with pytest.raises(refunds.CannotRefund):
            refunds.request(
                payment=added,
                amount_cents=100_00,
                destination=Refund.Destination.SOURCE,
                reason="",
                requested_by=None,
            )
        account.refresh_from_db()
        assert (account.balance_cents, Refund.objects.count()) == (100_00, 0)

    def test_the_cards_own_money_still_goes_back(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        added = paying.add_money(sandbox, account, 100_00)
        self.record(supervisor, account, amount="60.00", pays="balance")
        account.refresh_from_db()
        assert balance.withdrawal_plan(account) == [(added, 100_00)]
        # Of a bill paid now the card's money is spent first.
        bill = make_invoice(account, 90_00)
        paying.pay_many(sandbox, {bill: 90_00}, from_balance_cents=90_00)
        account.refresh_from_db()
        assert balance.withdrawal_plan(account) == [(added, 10_00)]

    def test_a_check_that_was_spent_does_not_hold_money_that_was_added_later(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        self.record(supervisor, account, amount="60.00", pays="balance")
        bill = make_invoice(account, 60_00)
        paying.pay_many(sandbox, {bill: 60_00}, from_balance_cents=60_00)
        added = paying.add_money(sandbox, account, 80_00)
        account.refresh_from_db()
        assert balance.withdrawal_plan(account) == [(added, 80_00)]

    def test_nobody_makes_much_balance_not_even_by_small_checks(
        self, supervisor: Client, account: BillingAccount
    ) -> None:
        asked = {"kind": "check", "check_number": "7", "pays": "balance", "reason": "By mail"}
        page = supervisor.post(url("record", account.pk), asked | {"amount": "250.01"})
        assert page.status_code == 422
        self.record(supervisor, account, amount="200.00", pays="balance")
        page = supervisor.post(url("record", account.pk), asked | {"amount": "50.01"})
        assert "$250.01 of account balance would be from checks and cash" in text_of(page)
        self.record(supervisor, account, amount="50.00", pays="balance")
        account.refresh_from_db()
        assert account.balance_cents == 250_00

    def test_nobody_acts_on_their_own_account(self, account: BillingAccount) -> None:
        user = account.guarantor.user
        user.is_staff = user.is_superuser = True
        user.save()
        second_steps.give(user=user, secret=SECRET)
        asked = {"kind": "cash", "amount": "5", "pays": "balance", "reason": "By mail"}
        page = browser_of(user).post(url("record", account.pk), asked)
        assert page.status_code == 422
        assert "This is your own account" in text_of(page)
        assert Payment.objects.count() == 0

    def test_a_check_has_a_number(self, supervisor: Client, account: BillingAccount) -> None:
        asked = {"kind": "check", "amount": "5", "pays": "balance", "reason": "By mail"}
        page = supervisor.post(url("record", account.pk), asked)
        assert page.status_code == 422
        assert "number of the check" in text_of(page)
