"""What staff do beside refunds and recording: move, correct, use a balance, resolve, mail again."""

import pytest
from django.test import Client
from django.urls import reverse
from post_office.models import STATUS, Email

from accounts.roles import Role
from billing.models import BillingAccount, Correction, Invoice, JournalLine
from billing.services import invoices as bills
from billing.statements import statement
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments import history
from payments.history_filter import HistoryFilter
from payments.models import Payment, PaymentEvent, PaymentMove, Refund, State
from payments.services import moving, refunds, review, settlement
from payments.services.verification import CHECKS
from staff.models import Action, AuditRecord
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_member, make_staff
from tests.support.staff import act, browser_of, confirm, text_of

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


class TestCorrections:
    @pytest.mark.parametrize(
        ("kind", "bearer", "action"),
        [
            ("adjustment", "billed_revenue", Action.BILL_ADJUSTED),
            ("write_off", "write_offs", Action.BILL_WRITTEN_OFF),
        ],
    )
    def test_less_is_owed_and_the_books_say_who_bears_it(
        self, supervisor: Client, account: BillingAccount, kind: str, bearer: str, action: str
    ) -> None:
        bill = make_invoice(account, 80_00)
        asked = {"kind": kind, "amount": "30.00", "reason": "Hardship"}
        page, _data = confirm(supervisor, url("correct", bill.pk), asked)
        assert "Then $50.00 of it is owed instead of $80.00." in text_of(page)
        act(supervisor, url("correct", bill.pk), asked)
        bill.refresh_from_db()
        assert (bill.open_cents, bill.total_cents) == (50_00, 80_00)
        lines = JournalLine.objects.filter(entry__source="correction").values_list(
            "ledger_account", "amount_cents"
        )
        assert set(lines) == {(bearer, 30_00), ("receivable", -30_00)}
        assert acted() == [action]

    def test_canceling_it_later_gives_back_what_was_paid_and_not_what_was_given_up(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        bill = make_invoice(account, 80_00)
        for kind, amount in (("write_off", "10.00"), ("adjustment", "5.00")):
            asked = {"kind": kind, "amount": amount, "reason": "Hardship"}
            act(supervisor, url("correct", bill.pk), asked)
        bill.refresh_from_db()
        paying.pay(sandbox, bill, 20_00)
        bills.void(invoice=bill)
        account.refresh_from_db()
        assert account.balance_cents == 20_00
        sums = JournalLine.objects.filter(ledger_account="write_offs")
        assert sum(sums.values_list("amount_cents", flat=True)) == 0

    @pytest.mark.parametrize("amount", ["80.01", "-1", "0"])
    def test_not_more_than_is_owed(
        self, supervisor: Client, account: BillingAccount, amount: str
    ) -> None:
        bill = make_invoice(account, 80_00)
        asked = {"kind": "write_off", "amount": amount, "reason": "x"}
        assert supervisor.post(url("correct", bill.pk), asked).status_code == 422
        assert Correction.objects.count() == 0

    def test_an_agent_does_not(self, account: BillingAccount) -> None:
        agent = browser_of(make_staff(Role.BILLING_AGENT))
        assert agent.get(url("correct", make_invoice(account).pk)).status_code == 403


class TestMoving:
    @pytest.fixture
    def paid(self, sandbox: Sandbox, account: BillingAccount) -> tuple[Payment, Invoice, Invoice]:
        child = make_member(first_name="Pim", registered=False)
        wrong, right = make_invoice(account, 60_00), make_invoice(account, 50_00, patient=child)
        return paying.pay(sandbox, wrong), wrong, right

    def move(self, client: Client, payment: Payment, old: Invoice, new: Invoice, amount: str) -> str:
        asked = {
            "from_bill": str(old.pk),
            "to_bill": str(new.pk),
            "amount": amount,
            "reason": "Mixed up",
        }
        return text_of(act(client, url("move", payment.reference), asked))

    def test_it_keeps_its_date_and_its_receipt_and_counts_once(
        self, supervisor: Client, paid: tuple[Payment, Invoice, Invoice]
    ) -> None:
        payment, wrong, right = paid
        account = payment.account
        self.move(supervisor, payment, wrong, right, "40.00")
        wrong.refresh_from_db()
        right.refresh_from_db()
        assert (wrong.open_cents, right.open_cents) == (40_00, 10_00)
        payment.refresh_from_db()
        assert payment.state == State.SUCCEEDED
        entry = JournalLine.objects.filter(entry__source="move")[0].entry
        on = business_date(payment.region.time_zone, payment.settled_at)
        assert entry.effective_on == on
        (event,) = history.page(account, HistoryFilter())
        assert event.amount_cents == 60_00
        assert history.page(account, HistoryFilter(patient=right.patient_id)) != []
        totals = {str(each.name): each for each in statement(account, on.year).patients}
        assert set(totals) == {"Ada Okafor", "Pim Okafor"}
        assert acted() == [Action.PAYMENT_MOVED]

    def test_it_moves_back_and_the_whole_can_still_be_refunded(
        self, sandbox: Sandbox, supervisor: Client, paid: tuple[Payment, Invoice, Invoice]
    ) -> None:
        payment, wrong, right = paid
        self.move(supervisor, payment, wrong, right, "40.00")
        self.move(supervisor, payment, right, wrong, "15.00")
        refunds.request(
            payment=payment,
            amount_cents=60_00,
            destination=Refund.Destination.BALANCE,
            reason="",
            requested_by=None,
        )
        payment.refresh_from_db()
        wrong.refresh_from_db()
        right.refresh_from_db()
        assert (payment.state, wrong.open_cents, right.open_cents) == (State.REFUNDED, 60_00, 50_00)

    def test_not_more_than_it_paid_nor_to_a_premium_nor_to_another_household(
        self, supervisor: Client, paid: tuple[Payment, Invoice, Invoice]
    ) -> None:
        payment, wrong, right = paid
        premium = make_invoice(payment.account, 500_00, kind=Invoice.Kind.PREMIUM)
        foreign = make_invoice(make_account(), 500_00)
        by = make_staff(Role.SUPERVISOR)
        for new, cents in ((right, 50_01), (premium, 10_00), (foreign, 10_00), (wrong, 10_00)):
            with pytest.raises(moving.CannotMove):
                moving.move_to_bill(
                    payment=payment,
                    from_invoice=wrong,
                    to_invoice=new,
                    amount_cents=cents,
                    reason="",
                    moved_by=by,
                )
        asked = {
            "from_bill": str(wrong.pk),
            "to_bill": str(foreign.pk),
            "amount": "10",
            "reason": "x",
        }
        assert supervisor.post(url("move", payment.reference), asked).status_code == 422
        assert PaymentMove.objects.count() == 0


class TestTheBalance:
    def test_it_pays_what_is_due(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        paying.add_money(sandbox, account, 100_00)
        bill = make_invoice(account, 30_00)
        done = act(supervisor, url("apply_balance", account.pk), {"reason": "Asked on the phone"})
        assert "Paid from the account balance" in text_of(done)
        bill.refresh_from_db()
        account.refresh_from_db()
        assert (bill.open_cents, account.balance_cents) == (0, 70_00)
        again = supervisor.post(url("apply_balance", account.pk), {"reason": "Again"})
        assert again.status_code == 422

    def test_it_goes_back_to_where_it_came_from(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        paying.add_money(sandbox, account, 100_00)
        page, _data = confirm(supervisor, url("refund_balance", account.pk), {"reason": "Moving away"})
        assert "$100.00 goes back to Visa ending in 4242" in text_of(page)
        act(supervisor, url("refund_balance", account.pk), {"reason": "Moving away"})
        account.refresh_from_db()
        assert account.balance_cents == 0
        assert Refund.objects.get().amount_cents == 100_00

    def test_a_payment_that_one_person_refunded_is_not_refunded_again_as_balance(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        payment = paying.add_money(sandbox, account, 400_00)
        act(
            supervisor,
            url("refund", payment.reference),
            {"amount": "200.00", "destination": "source", "reason": "Too much"},
        )
        page = supervisor.post(url("refund_balance", account.pk), {"reason": "The rest"})
        assert page.status_code == 422
        assert "$200.00, with what was refunded before, is above $250.00" in text_of(page)
        assert Refund.objects.count() == 1


class TestPaymentsInReview:
    @pytest.fixture
    def stuck(self, sandbox: Sandbox, account: BillingAccount) -> Payment:
        """Submitted, never confirmed at Stripe, and set aside for somebody to look at."""
        payment = paying.confirm(paying.start_checkout(sandbox, make_invoice(account, 30_00)))
        paying.submitted(payment)
        return settlement.needs_review(
            payment_id=payment.pk, reason="no trace", via=PaymentEvent.Via.RECONCILER
        )

    def test_one_that_stripe_never_charged_ends_and_its_bill_is_free_again(
        self, sandbox: Sandbox, supervisor: Client, stuck: Payment
    ) -> None:
        done = act(supervisor, url("end", stuck.reference), {"evidence": "Stripe case 77"})
        assert "marked as not charged" in text_of(done)
        stuck.refresh_from_db()
        assert (stuck.state, stuck.review_reason) == (State.CANCELED, "")
        assert stuck.allocations.get().invoice.payable_cents == 30_00
        assert acted() == [Action.PAYMENT_ENDED]
        paying.assert_invariants(sandbox)

    def test_one_that_stripe_has_charged_does_not_end_and_is_settled_by_asking(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account, 30_00))
        # As if our side had never heard of it: only the row is put back, past its triggers.
        fresh = paying.confirm(paying.start_checkout(sandbox, make_invoice(account, 20_00)))
        paying.submitted(fresh)
        settlement.needs_review(payment_id=fresh.pk, reason="amount", via=PaymentEvent.Via.RECONCILER)
        Payment.objects.filter(pk=fresh.pk).update(intent_id="pi_of_another")
        with pytest.raises(review.NotInReview):
            review.ask_again(payment=payment)
        asked = act(supervisor, url("ask", fresh.reference), {"reason": "Member called"})
        assert "Stripe was asked" in text_of(asked)
        fresh.refresh_from_db()
        assert fresh.review_reason == ""

    def test_a_settled_payment_is_not_offered(
        self, sandbox: Sandbox, supervisor: Client, account: BillingAccount
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account, 30_00))
        page = supervisor.post(url("end", payment.reference), {"evidence": "x"})
        assert page.status_code == 422
        assert "does not wait for anybody" in text_of(page)


class TestMails:
    def mail(self, account: BillingAccount, status: int) -> Email:
        return Email.objects.create(
            from_email="a@example.com",
            to=[account.guarantor.user.email],
            subject="Your receipt",
            message="text",
            message_id="<1@kppay.example>",
            status=status,
        )

    def test_one_that_failed_is_tried_again(self, supervisor: Client, account: BillingAccount) -> None:
        email = self.mail(account, STATUS.failed)
        act(supervisor, url("mail_again", email.pk), {"reason": "Mailbox was full"})
        assert Email.objects.get().status == STATUS.queued
        assert acted() == [Action.MAILED_AGAIN]

    def test_one_that_was_sent_goes_out_as_a_mail_of_its_own(
        self, supervisor: Client, account: BillingAccount
    ) -> None:
        email = self.mail(account, STATUS.sent)
        act(supervisor, url("mail_again", email.pk), {"reason": "Deleted"})
        first, second = Email.objects.order_by("pk")
        assert second.subject == first.subject
        assert second.message_id != first.message_id

    def test_only_mails_of_members(self, supervisor: Client, account: BillingAccount) -> None:
        email = self.mail(account, STATUS.sent)
        Email.objects.filter(pk=email.pk).update(to="staff@example.com")
        assert supervisor.get(url("mail_again", email.pk)).status_code == 404
