"""Paying from a bank account: agreed to, on its way for days, then settled or given back."""

import datetime as dt

import pytest
from post_office.models import Email

from billing.models import BillingAccount, Invoice
from common.calendar import add_business_days
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments import declines
from payments.exceptions import NotReviewed
from payments.models import Authorization, Payment, PaymentEvent, PaymentMethod, State
from payments.services import checkout as checkouts
from payments.services import methods, submission
from tests.support import paying
from tests.support.factories import make_account, make_invoice
from tests.support.methods import (
    BANK,
    add,
    object_at_stripe,
    pay_and_keep,
    pay_with_saved,
    token_of_unverified_bank,
)
from tests.support.paying import later
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentMethod.Status


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def invoice(account: BillingAccount) -> Invoice:
    """A bill of $120.00."""
    return make_invoice(account, 120_00)


class TestOnItsWay:
    def test_is_authorized_first_and_stripe_learns_from_where(
        self, sandbox: Sandbox, invoice: Invoice
    ) -> None:
        payment = paying.pay(sandbox, invoice, card=BANK)

        assert payment.state == State.PROCESSING
        agreed = Authorization.objects.get()
        assert payment.authorization == agreed
        assert agreed.given_at <= payment.created_at
        charge = object_at_stripe(
            sandbox, object_at_stripe(sandbox, payment.intent_id)["latest_charge"]
        )
        details = charge["payment_method_details"]["us_bank_account"]
        mandate = object_at_stripe(sandbox, details["mandate"])
        assert mandate["type"] == "single_use"
        assert mandate["customer_acceptance"]["online"] == {
            "ip_address": agreed.ip_address,
            "user_agent": agreed.user_agent,
        }

    def test_without_agreement_is_never_sent(self, sandbox: Sandbox, invoice: Invoice) -> None:
        checkout = paying.start_checkout(sandbox, invoice, card=BANK)
        with pytest.raises(NotReviewed):
            checkouts.confirm(
                checkout=checkout,
                reviewed=checkout.method_key,
                payer=Payment.Payer.MEMBER,
                paid_by=None,
            )
        assert Payment.objects.count() == 0
        assert sandbox.charges() == []

    @pytest.mark.parametrize(
        ("status", "state"), [("processing", State.UNKNOWN), ("canceled", State.CANCELED)]
    )
    def test_nobody_agreed_to_it_staff_look_unless_it_came_to_nothing(
        self, sandbox: Sandbox, account: BillingAccount, invoice: Invoice, status: str, state: str
    ) -> None:
        """Whoever holds the client secret can put another method on the intent of a card payment."""
        payment = paying.pay(sandbox, invoice, card="pm_card_threeDSecure2Required")
        bank = add(sandbox, account, BANK).method_id
        with sandbox.store.write() as tx:
            intent = tx.get("ncal", str(payment.intent_id))
            assert intent is not None
            changed = {"status": status, "payment_method": bank, "next_action": None}
            tx.put("ncal", {**intent, **changed})

        payment = submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.WEBHOOK)

        assert (payment.state, payment.method_kind) == (state, "card")
        looked_at = state == State.UNKNOWN
        assert payment.review_reason == ("a bank debit that nobody authorized" if looked_at else "")
        invoice.refresh_from_db()
        assert invoice.open_cents == 120_00

    def test_is_expected_within_four_banking_days_of_the_region(
        self, sandbox: Sandbox, invoice: Invoice
    ) -> None:
        payment = paying.pay(sandbox, invoice, card=BANK)
        today = business_date(payment.region.time_zone)
        assert payment.expected_on == add_business_days(today, 4)

    def test_sets_the_amount_aside_and_pays_nothing_yet(
        self, sandbox: Sandbox, invoice: Invoice
    ) -> None:
        paying.pay(sandbox, invoice, 50_00, card=BANK)
        invoice.refresh_from_db()
        assert (invoice.open_cents, invoice.payable_cents) == (120_00, 70_00)
        assert charged(sandbox) == {}
        paying.assert_invariants(sandbox)

    def test_settles_days_later_with_one_receipt(self, sandbox: Sandbox, invoice: Invoice) -> None:
        payment = paying.pay(sandbox, invoice, card=BANK)
        sandbox.shift_clock(dt.timedelta(days=8))
        paying.hear(sandbox)
        payment.refresh_from_db()
        assert payment.state == State.SUCCEEDED
        assert charged(sandbox) == {payment.reference: 120_00}
        paying.assert_invariants(sandbox)

    def test_from_an_account_that_its_bank_has_not_confirmed_takes_nothing(
        self, sandbox: Sandbox, invoice: Invoice
    ) -> None:
        checkout = paying.start_checkout(sandbox, invoice)
        checkouts.choose_method(checkout=checkout, token=token_of_unverified_bank(sandbox))
        checkout.refresh_from_db()
        payment = paying.confirm(checkout)
        payment = submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
        assert payment.state == State.CANCELED
        invoice.refresh_from_db()
        assert invoice.payable_cents == 120_00
        assert charged(sandbox) == {}

    def test_with_the_wish_to_keep_it_saves_the_account_once_it_settled(
        self, sandbox: Sandbox, invoice: Invoice
    ) -> None:
        payment = pay_and_keep(sandbox, invoice, BANK)
        assert PaymentMethod.objects.count() == 0
        sandbox.bank.settle("ncal", str(payment.intent_id))
        paying.hear(sandbox)
        method = PaymentMethod.objects.get()
        assert (method.kind, method.status, method.last4) == ("us_bank_account", Status.ACTIVE, "6789")
        assert "to keep my bank account" in method.authorization.text


FAILS = [
    ("insufficientFunds", "R01", False),
    ("accountClosed", "R02", True),
    ("noAccount", "R03", True),
    ("debitNotAuthorized", "R10", True),
]


class TestGivenBackBeforeItSettled:
    @pytest.mark.parametrize(("name", "code", "blocks"), FAILS)
    def test_frees_the_bill_says_why_and_blocks_a_dead_account(
        self, sandbox: Sandbox, invoice: Invoice, name: str, code: str, blocks: bool
    ) -> None:
        method = add(sandbox, invoice.account, f"pm_usBankAccount_{name}")
        payment = pay_with_saved(invoice, method)
        sandbox.shift_clock(dt.timedelta(days=8))
        paying.hear(sandbox)

        payment.refresh_from_db()
        method.refresh_from_db()
        invoice.refresh_from_db()
        assert (payment.state, payment.decline_code) == (State.FAILED, code)
        assert (invoice.open_cents, invoice.reserved_cents) == (120_00, 0)
        assert method.status == (Status.BLOCKED if blocks else Status.ACTIVE)
        assert method.blocked_code == (code if blocks else "")
        mails = Email.objects.order_by("pk")
        told = mails.get(subject="Your payment of $120.00 did not go through").message
        assert str(declines.explain(code).happened) in told
        subjects = [mail.subject for mail in mails]
        assert ("A payment method can no longer be used" in subjects) is blocks
        assert charged(sandbox) == {}
        paying.assert_invariants(sandbox)

    @pytest.mark.parametrize("code", sorted(c for c in declines.BLOCKING_CODES if len(c) == 3))
    def test_each_code_that_kills_method_or_mandate_blocks(
        self, sandbox: Sandbox, invoice: Invoice, code: str
    ) -> None:
        method = add(sandbox, invoice.account, BANK)
        payment = pay_with_saved(invoice, method)
        sandbox.bank.return_payment("ncal", str(payment.intent_id), code)
        paying.hear(sandbox)
        method.refresh_from_db()
        assert (method.status, method.blocked_code, method.is_default) == (Status.BLOCKED, code, False)
        assert methods.usable(invoice.account, on=later().date()) == []

    @pytest.mark.parametrize("code", ["R01", "R09"])
    def test_a_lack_of_money_blocks_nothing(
        self, sandbox: Sandbox, invoice: Invoice, code: str
    ) -> None:
        method = add(sandbox, invoice.account, BANK)
        payment = pay_with_saved(invoice, method)
        sandbox.bank.return_payment("ncal", str(payment.intent_id), code)
        paying.hear(sandbox)
        method.refresh_from_db()
        assert method.status == Status.ACTIVE
        assert pay_with_saved(invoice, method).state == State.PROCESSING

    def test_the_codes_are_those_of_the_table(self) -> None:
        kills = {code for code in declines.BLOCKING_CODES if declines.RETURN_CODE.fullmatch(code)}
        method = {"R02", "R03", "R04", "R08", "R11", "R16", "R20", "R31"}
        mandate = {"R05", "R07", "R10", "R29", "R51"}
        assert kills == method | mandate


class TestGivenBackAfterItSettled:
    def test_not_authorized_reopens_the_bill_and_blocks_the_account(
        self, sandbox: Sandbox, invoice: Invoice
    ) -> None:
        method = add(sandbox, invoice.account, BANK)
        payment = pay_with_saved(invoice, method)
        sandbox.bank.settle("ncal", str(payment.intent_id))
        paying.hear(sandbox)
        sandbox.bank.return_payment("ncal", str(payment.intent_id), "R10")
        paying.hear(sandbox)

        payment.refresh_from_db()
        method.refresh_from_db()
        invoice.refresh_from_db()
        assert payment.state == State.RETURNED
        assert invoice.open_cents == 120_00
        assert (method.status, method.blocked_code) == (Status.BLOCKED, "debit_not_authorized")

    def test_blocks_the_account_that_was_kept_from_that_payment(
        self, sandbox: Sandbox, invoice: Invoice
    ) -> None:
        payment = pay_and_keep(sandbox, invoice, BANK)
        sandbox.bank.settle("ncal", str(payment.intent_id))
        paying.hear(sandbox)
        sandbox.bank.return_payment("ncal", str(payment.intent_id), "R02")
        paying.hear(sandbox)
        assert PaymentMethod.objects.get().status == Status.BLOCKED

    def test_a_lack_of_money_does_not_block(self, sandbox: Sandbox, invoice: Invoice) -> None:
        method = add(sandbox, invoice.account, BANK)
        payment = pay_with_saved(invoice, method)
        sandbox.bank.settle("ncal", str(payment.intent_id))
        paying.hear(sandbox)
        sandbox.bank.return_payment("ncal", str(payment.intent_id), "R01")
        paying.hear(sandbox)
        method.refresh_from_db()
        payment.refresh_from_db()
        assert (payment.state, method.status) == (State.RETURNED, Status.ACTIVE)


class TestWords:
    @pytest.mark.parametrize("code", sorted(declines.BLOCKING_CODES | {"R01", "R09"}))
    def test_every_code_has_its_own_words_about_the_account(self, code: str) -> None:
        words = declines.explain(code, kind="us_bank_account")
        general = declines.explain("", kind="us_bank_account")
        said = {"payment_method_bank_account_blocked", "tokenized_account_number_deactivated"}
        assert (str(words.happened) == str(general.happened)) is (code in said)
        assert "card." not in str(words.happened)
        assert code not in f"{words.happened} {words.next_step}"

    def test_a_lack_of_money_on_a_card_and_in_an_account_are_told_apart(self) -> None:
        assert "card" in str(declines.explain("insufficient_funds").happened)
        account = declines.explain("insufficient_funds", kind="us_bank_account")
        assert "bank account" in str(account.happened)

    def test_an_unknown_code_says_what_is_known(self) -> None:
        assert "did not pay" in str(declines.explain("R99").happened)
