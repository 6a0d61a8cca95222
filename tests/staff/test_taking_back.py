"""A check or cash that was recorded in error: not twice unnoticed, and out of the books again."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from billing.models import BillingAccount, JournalLine
from billing.services import invoices as bills
from common.clock import now
from demo.stripe.core import Sandbox
from payments.history import around
from payments.history_filter import HistoryFilter
from payments.models import Payment, Refund, State
from payments.services import refunds
from payments.services.balance import withdrawal_plan
from payments.services.recorded_balance import recorded_cents
from payments.services.verification import CHECKS
from staff import totals
from staff.lists import LISTS
from staff.models import Action, AuditRecord, RefundRequest
from tests.support import paying
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_staff
from tests.support.mail import mails_to
from tests.support.staff import act, browser_of, confirm, text_of

pytestmark = pytest.mark.django_db

CHECK = {"kind": "check", "check_number": "1042", "pays": "medical", "reason": "By mail"}
WRONG = {"reason": "Typed for the wrong account"}


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def agent() -> Client:
    return browser_of(make_staff(Role.BILLING_AGENT))


@pytest.fixture
def supervisor() -> Client:
    return browser_of(make_staff(Role.SUPERVISOR))


@pytest.fixture(autouse=True)
def _the_books_hold() -> object:
    yield
    assert {name: list(check()) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


def record(client: Client, account: BillingAccount, amount: str, **data: str) -> Payment:
    url = reverse("admin:desk_record", args=[account.pk])
    assert "is recorded" in text_of(act(client, url, CHECK | {"amount": amount} | data))
    return Payment.objects.latest("pk")


def undo(payment: Payment) -> str:
    return reverse("admin:desk_undo", args=[payment.reference])


def to_balance(payment: Payment, cents: int) -> None:
    refunds.request(
        payment=payment,
        amount_cents=cents,
        destination=Refund.Destination.BALANCE,
        reason="",
        requested_by=None,
    )


def bank_cents() -> int:
    return sum(JournalLine.objects.filter(ledger_account="bank").values_list("amount_cents", flat=True))


class TestTakenBack:
    def test_a_reversing_entry_reopens_the_bill_empties_the_balance_and_tells_the_member(
        self, agent: Client, account: BillingAccount
    ) -> None:
        make_invoice(account, 30_00)
        payment = record(agent, account, "50.00")
        assert (paying.owed(account), bank_cents()) == (0, 50_00)
        page, data = confirm(agent, undo(payment), WRONG)
        assert (
            f"$50.00 of payment {payment.reference} by Check 1042 is taken out of the books"
            in text_of(page)
        )
        assert Refund.objects.count() == 0
        assert "Taken back" in text_of(agent.post(undo(payment), data, follow=True))
        account.refresh_from_db()
        payment.refresh_from_db()
        assert (paying.owed(account), account.balance_cents, bank_cents()) == (30_00, 0, 0)
        assert (payment.state, recorded_cents(account)) == (State.REFUNDED, 0)
        record_of_it = AuditRecord.objects.get(action=Action.PAYMENT_UNDONE)
        assert record_of_it.detail["amount_cents"] == 50_00
        assert record_of_it.detail["reason"] == WRONG["reason"]
        mail = mails_to(account.guarantor.user.email)[-1]
        assert mail.subject == "A payment of $50.00 was recorded in error"
        member = Client()
        member.force_login(account.guarantor.user)
        said = words(member.get(reverse("payments:show", args=[payment.reference])))
        assert "$50.00 taken back: it was recorded in error" in said
        assert "This payment was recorded in error" in said
        assert "refunded" not in said.lower()
        assert "Refund of" not in said
        history = words(member.get(reverse("payments:history")))
        assert "Recorded in error" in history
        balance = words(member.get(reverse("payments:balance")))
        assert "Taken back: it was recorded in error" in balance
        assert "Sent back to you" not in balance
        sums = around(
            account, HistoryFilter(), chart_from=dt.date(2000, 1, 1), chart_to=dt.date(2000, 1, 31)
        ).totals
        assert (sums.error_cents, sums.refunded_cents) == (50_00, 0)

    def test_recorded_anew_it_came_in_once(self, agent: Client, account: BillingAccount) -> None:
        wrong = record(agent, make_account(), "50.00", pays="balance")
        act(agent, undo(wrong), WRONG)
        right = record(agent, account, "50.00", pays="balance")
        assert totals.money_in(since=totals.today()) == {totals.today(): 50_00}
        assert list(LISTS["today"].rows()) == [right]

    def test_twice_in_two_tabs_it_happens_once(self, agent: Client, account: BillingAccount) -> None:
        payment = record(agent, account, "50.00", pays="balance")
        _page, data = confirm(agent, undo(payment), WRONG)
        for expected in ("Taken back", "done already, once"):
            assert expected in text_of(agent.post(undo(payment), data, follow=True))
        refused = agent.post(undo(payment), WRONG)
        assert refused.status_code == 422
        assert (Refund.objects.count(), bank_cents()) == (1, 0)

    def test_above_the_limit_it_waits_for_another_person(
        self, agent: Client, supervisor: Client, account: BillingAccount
    ) -> None:
        make_invoice(account, 300_00)
        payment = record(agent, account, "300.00")
        page, data = confirm(agent, undo(payment), WRONG)
        assert "This is above $250.00: nothing moves until another person approves" in text_of(page)
        agent.post(undo(payment), data)
        assert (paying.owed(account), bank_cents(), Refund.objects.count()) == (0, 300_00, 0)
        url = reverse("admin:desk_decide", args=[RefundRequest.objects.get().pk])
        page, data = confirm(supervisor, url, {"decision": "approve", "reason": "Checked"})
        assert "is taken out of the books: it was recorded in error" in text_of(page)
        supervisor.post(url, data)
        assert (paying.owed(account), bank_cents()) == (300_00, 0)

    def test_not_where_its_money_was_spent(self, agent: Client, account: BillingAccount) -> None:
        payment = record(agent, account, "60.00", pays="balance")
        paying.pay_many(None, {make_invoice(account, 60_00): 60_00}, from_balance_cents=60_00)  # type: ignore[arg-type]
        _page, data = confirm(agent, undo(payment), WRONG)
        refused = agent.post(undo(payment), data)
        assert refused.status_code == 422
        assert "Refund to the account balance what it paid since" in text_of(refused)
        assert (Refund.objects.count(), bank_cents()) == (0, 60_00)

    def test_stripe_has_no_part_in_it(self, agent: Client, account: BillingAccount) -> None:
        act(agent, undo(record(agent, account, "10.00", pays="balance")), WRONG)
        for told in ({"refund_id": "re_1"}, {"sent_at": now()}):
            with pytest.raises(IntegrityError, match="refund_at_stripe"), transaction.atomic():
                Refund.objects.update(**told)

    def test_not_a_payment_that_came_through_stripe(
        self, sandbox: Sandbox, agent: Client, account: BillingAccount
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account, 30_00))
        refused = agent.post(undo(payment), WRONG)
        assert "Only a check or cash" in text_of(refused)
        with pytest.raises(refunds.CannotRefund):
            refunds.request(
                payment=payment,
                amount_cents=30_00,
                destination=Refund.Destination.NOWHERE,
                reason="",
                requested_by=None,
            )
        assert paying.owed(account) == 0

    def test_the_cards_money_beside_it_still_goes_back(
        self, sandbox: Sandbox, agent: Client, account: BillingAccount
    ) -> None:
        paying.add_money(sandbox, account, 40_00)
        make_invoice(account, 30_00)
        payment = record(agent, account, "50.00")
        account.refresh_from_db()
        assert recorded_cents(account) == 20_00
        act(agent, undo(payment), WRONG)
        account.refresh_from_db()
        assert (account.balance_cents, recorded_cents(account)) == (40_00, 0)


class TestWhatBecameAccountBalance:
    """The wrong check has left the bill it paid: it is taken from where it stands now."""

    def test_a_check_that_was_refunded_to_the_balance(
        self, agent: Client, account: BillingAccount
    ) -> None:
        make_invoice(account, 50_00)
        payment = record(agent, account, "50.00")
        to_balance(payment, 50_00)
        assert "Taken back" in text_of(act(agent, undo(payment), WRONG))
        account.refresh_from_db()
        assert (paying.owed(account), account.balance_cents, bank_cents()) == (50_00, 0, 0)
        assert recorded_cents(account) == 0

    def test_a_check_over_two_bills_of_which_one_was_canceled(
        self, agent: Client, account: BillingAccount
    ) -> None:
        canceled, stands = make_invoice(account, 30_00), make_invoice(account, 20_00)
        payment = record(agent, account, "50.00")
        bills.void(invoice=canceled)
        page, data = confirm(agent, undo(payment), WRONG)
        assert "$50.00 of payment" in text_of(page)
        agent.post(undo(payment), data)
        account.refresh_from_db()
        stands.refresh_from_db()
        payment.refresh_from_db()
        assert (stands.open_cents, account.balance_cents, bank_cents()) == (20_00, 0, 0)
        assert (payment.state, recorded_cents(account)) == (State.REFUNDED, 0)
        assert mails_to(account.guarantor.user.email)[-1].subject == (
            "A payment of $50.00 was recorded in error"
        )

    def test_what_was_spent_of_it_waits_until_it_is_there_again(
        self, sandbox: Sandbox, agent: Client, account: BillingAccount
    ) -> None:
        canceled = make_invoice(account, 30_00)
        make_invoice(account, 20_00)
        payment = record(agent, account, "50.00")
        bills.void(invoice=canceled)
        spent = paying.pay_many(
            sandbox, {make_invoice(account, 30_00): 30_00}, from_balance_cents=30_00
        )
        page, data = confirm(agent, undo(payment), WRONG)
        assert "$30.00 of it was spent from the account balance" in text_of(page)
        agent.post(undo(payment), data)
        payment.refresh_from_db()
        assert (payment.state, bank_cents(), paying.owed(account)) == (
            State.PARTLY_REFUNDED,
            30_00,
            20_00,
        )
        # Not all of it was taken back: the same check is not recorded anew without a word.
        same = CHECK | {"amount": "50.00"}
        assert agent.post(reverse("admin:desk_record", args=[account.pk]), same).status_code == 422
        refused = agent.post(undo(payment), WRONG)
        assert "was spent" in text_of(refused)

        to_balance(spent, 30_00)
        act(agent, undo(payment), WRONG)
        account.refresh_from_db()
        payment.refresh_from_db()
        assert (payment.state, bank_cents(), account.balance_cents) == (State.REFUNDED, 0, 0)
        assert paying.owed(account) == 50_00

    def test_what_a_card_paid_in_its_place_is_no_recorded_money_afterwards(
        self, sandbox: Sandbox, agent: Client, account: BillingAccount
    ) -> None:
        payment = record(agent, account, "20.00", pays="balance")
        spent = paying.pay_many(
            sandbox, {make_invoice(account, 20_00): 20_00}, from_balance_cents=20_00
        )
        added = paying.add_money(sandbox, account, 20_00)
        act(agent, undo(payment), WRONG)
        to_balance(spent, 20_00)
        account.refresh_from_db()
        assert (account.balance_cents, recorded_cents(account)) == (20_00, 0)
        assert withdrawal_plan(account) == [(added, 20_00)]


class TestCashOfWhichNobodyHears:
    def test_a_second_person_looks_at_it(
        self, agent: Client, supervisor: Client, account: BillingAccount
    ) -> None:
        account.guarantor.user = None
        account.guarantor.save()
        payment = record(agent, account, "10.00", kind="cash", pays="balance")
        page, data = confirm(agent, undo(payment), WRONG)
        assert "nobody of this household gets our mail: nothing moves until" in text_of(page)
        agent.post(undo(payment), data)
        assert (Refund.objects.count(), bank_cents()) == (0, 10_00)
        url = reverse("admin:desk_decide", args=[RefundRequest.objects.get().pk])
        act(supervisor, url, {"decision": "approve", "reason": "Counted the till"})
        assert bank_cents() == 0

    def test_one_person_is_enough_where_the_member_is_told(
        self, agent: Client, account: BillingAccount
    ) -> None:
        payment = record(agent, account, "10.00", kind="cash", pays="balance")
        act(agent, undo(payment), WRONG)
        assert bank_cents() == 0


class TestRecordedTwice:
    def url(self, account: BillingAccount) -> str:
        return reverse("admin:desk_record", args=[account.pk])

    def test_the_same_check_is_refused_unless_it_is_said_to_be_another(
        self, agent: Client, account: BillingAccount
    ) -> None:
        make_invoice(account, 200_00)
        record(agent, account, "50.00")
        same = CHECK | {"amount": "50.00"}
        refused = agent.post(self.url(account), same)
        assert refused.status_code == 422
        assert "A check of this number and amount is recorded" in text_of(refused)
        assert Payment.objects.count() == 1
        record(agent, account, "50.00", another="on")
        assert (Payment.objects.count(), paying.owed(account)) == (2, 100_00)

    @pytest.mark.parametrize(("first", "second"), [("1042", "0001042"), ("A7", "a7 ")])
    def test_the_same_number_written_otherwise_is_the_same(
        self, agent: Client, account: BillingAccount, first: str, second: str
    ) -> None:
        record(agent, account, "50.00", pays="balance", check_number=first)
        same = CHECK | {"amount": "50.00", "pays": "balance", "check_number": second}
        assert agent.post(self.url(account), same).status_code == 422
        assert bank_cents() == 50_00

    def test_another_amount_number_or_account_is_another_check(
        self, agent: Client, account: BillingAccount
    ) -> None:
        record(agent, account, "50.00", pays="balance")
        record(agent, account, "50.01", pays="balance")
        record(agent, account, "50.00", pays="balance", check_number="1043")
        record(agent, make_account(), "50.00", pays="balance")
        assert Payment.objects.count() == 4

    def test_one_that_was_taken_back_may_be_recorded_anew(
        self, agent: Client, account: BillingAccount
    ) -> None:
        act(agent, undo(record(agent, account, "50.00", pays="balance")), WRONG)
        record(agent, account, "50.00", pays="balance")
        assert bank_cents() == 50_00

    def test_a_colleague_who_was_faster_is_seen_under_the_lock(
        self, agent: Client, supervisor: Client, account: BillingAccount
    ) -> None:
        _page, data = confirm(agent, self.url(account), CHECK | {"amount": "50", "pays": "balance"})
        record(supervisor, account, "50.00", pays="balance")
        assert agent.post(self.url(account), data).status_code == 422
        assert bank_cents() == 50_00
