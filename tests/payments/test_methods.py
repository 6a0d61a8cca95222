"""Saved methods: added, kept after a payment, verified, made the default, blocked, removed."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction
from post_office.models import Email

from billing.models import BillingAccount
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments import gateway, hooks, vault
from payments.exceptions import MethodInFlight, MethodNotUsable, NotReviewed
from payments.models import Authorization, Payment, PaymentMethod, State, StripeCustomer
from payments.services import checkout as checkouts
from payments.services import deposits, methods, setups, webhooks
from tests.support import paying
from tests.support.factories import make_account, make_invoice
from tests.support.methods import (
    BANK,
    add,
    add_by_token,
    object_at_stripe,
    pay_and_keep,
    pay_with_saved,
    start_with_saved,
    token_of_unverified_bank,
)
from tests.support.paying import later
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentMethod.Status


@pytest.fixture
def account() -> BillingAccount:
    """The account of a registered guarantor."""
    return make_account()


def subjects(account: BillingAccount) -> list[str]:
    user = account.guarantor.user
    assert user is not None
    return [mail.subject for mail in Email.objects.order_by("pk") if user.email in mail.to]


def today(account: BillingAccount) -> dt.date:
    return business_date(account.region.time_zone)


def attached_to(sandbox: Sandbox, method: PaymentMethod) -> str | None:
    """The customer that Stripe holds the method for."""
    return object_at_stripe(sandbox, method.method_id)["customer"]


class TestTheCustomerAtStripe:
    def test_is_made_once_however_often_it_is_asked_for(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        first = methods.customer_for(account)
        assert methods.customer_for(account) == first
        StripeCustomer.objects.all().delete()  # its row was lost: the same call finds it again
        assert methods.customer_for(account) == first

    def test_is_a_key_and_nothing_about_anybody(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        found = object_at_stripe(sandbox, methods.customer_for(account))
        told = {name: value for name, value in found.items() if name in gateway_words(found)}
        assert told == {}

    def test_of_another_account_is_another_one(self, sandbox: Sandbox, account: BillingAccount) -> None:
        assert methods.customer_for(account) != methods.customer_for(make_account())


def gateway_words(customer: dict) -> set[str]:
    """The fields of a customer that could say something about a person, where they do."""
    fields = ("address", "description", "email", "metadata", "name", "phone", "shipping")
    return {name for name in fields if customer.get(name)}


class TestAdding:
    def test_a_card_saves_it_under_the_customer_and_takes_nothing(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account)

        assert (method.status, method.brand, method.last4) == (Status.ACTIVE, "visa", "4242")
        assert (method.funding, method.exp_month) == ("credit", 12)
        assert method.is_default
        assert attached_to(sandbox, method) == methods.customer_for(account)
        assert charged(sandbox) == {}
        assert subjects(account) == ["A payment method was added"]

    def test_the_row_is_there_before_stripe_hears_of_it(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        sandbox.faults.add("POST /v1/setup_intents", "down_503")
        method = add(sandbox, account)
        assert (method.status, method.setup_id) == (Status.PENDING, None)
        assert Authorization.objects.get() == method.authorization

    def test_a_second_one_does_not_take_the_default_away(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        first, second = add(sandbox, account), add(sandbox, account, "pm_card_mastercard")
        assert (first.is_default, second.is_default) == (True, False)
        assert methods.listed(account) == [first, second]

    def test_a_declined_card_is_not_saved_and_can_never_be_with_its_client_secret(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account, "pm_card_visa_chargeDeclined")

        assert (method.status, method.blocked_code) == (Status.FAILED, "generic_decline")
        assert object_at_stripe(sandbox, method.setup_id)["status"] == "canceled"
        assert methods.listed(account) == []
        assert subjects(account) == []

    def test_a_token_used_twice_saves_once(self, sandbox: Sandbox, account: BillingAccount) -> None:
        token = sandbox.confirmation_token("ncal")
        first, second = add_by_token(account, token), add_by_token(account, token)
        assert (first.status, second.status) == (Status.ACTIVE, Status.FAILED)
        assert methods.listed(account) == [first]

    def test_a_bank_account_that_its_bank_confirmed_is_ready_at_once(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account, BANK)
        assert (method.status, method.kind, method.last4) == (Status.ACTIVE, "us_bank_account", "6789")
        setup = object_at_stripe(sandbox, method.setup_id)
        mandate = object_at_stripe(sandbox, setup["mandate"])
        assert (mandate["type"], mandate["status"]) == ("multi_use", "active")
        assert mandate["customer_acceptance"]["online"]["ip_address"] == "203.0.113.7"

    def test_more_than_ten_times_a_day_is_refused_before_stripe_is_asked(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        for _ in range(setups.MAX_A_DAY):
            add(sandbox, account, "pm_card_visa_chargeDeclined")
        asked = len(sandbox.requests("ncal"))
        with pytest.raises(setups.TooManyAdded):
            add(sandbox, account)
        setups_made = sandbox.requests("ncal")[asked:]
        assert [call["path"] for call in setups_made if "setup_intents" in call["path"]] == []
        assert PaymentMethod.objects.count() == setups.MAX_A_DAY


class TestTheBanksExtraStep:
    CARD = "pm_card_authenticationRequiredOnSetup"

    def test_taken_it_saves_the_card(self, sandbox: Sandbox, account: BillingAccount) -> None:
        method = add(sandbox, account, self.CARD)
        assert method.status == Status.PENDING
        assert setups.client_secret(method=method).startswith("seti_")

        sandbox.complete_challenge("ncal", str(method.setup_id))
        assert setups.ask(method_pk=method.pk).status == Status.ACTIVE
        assert subjects(account) == ["A payment method was added"]

    def test_failed_it_saves_nothing(self, sandbox: Sandbox, account: BillingAccount) -> None:
        method = add(sandbox, account, self.CARD)
        sandbox.complete_challenge("ncal", str(method.setup_id), succeed=False)
        assert setups.ask(method_pk=method.pk).status == Status.FAILED
        assert object_at_stripe(sandbox, method.setup_id)["status"] == "canceled"

    def test_left_alone_it_is_given_up_after_half_an_hour(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account, self.CARD)
        setups.reconcile_methods(at=later(minutes=10))
        method.refresh_from_db()
        assert method.status == Status.PENDING
        setups.reconcile_methods(at=later(minutes=45))
        method.refresh_from_db()
        assert (method.status, method.next_check_at) == (Status.FAILED, None)

    def test_the_client_secret_is_only_for_one_that_waits(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        with pytest.raises(gateway.Refused):
            setups.client_secret(method=add(sandbox, account))


class TestAnAnswerThatIsLost:
    @pytest.mark.parametrize("call", ["POST /v1/setup_intents", "POST /v1/customers"])
    def test_before_anything_was_saved_ends_it_without_a_trace(
        self, sandbox: Sandbox, account: BillingAccount, call: str
    ) -> None:
        sandbox.faults.add(call, "act_then_stall")
        method = add(sandbox, account)
        assert method.status == Status.PENDING

        setups.reconcile_methods(at=later(minutes=3))
        assert methods.listed(account) == [method]
        setups.reconcile_methods(at=later(minutes=10))
        assert methods.listed(account) == []

    def test_after_stripe_saved_it_is_found_by_asking(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        sandbox.faults.add("POST /v1/setup_intents/*/confirm", "act_then_stall")
        method = add(sandbox, account)
        assert method.status == Status.PENDING

        setups.reconcile_methods(at=later(minutes=3))

        method.refresh_from_db()
        assert (method.status, method.is_default) == (Status.ACTIVE, True)

    def test_is_found_by_the_webhook_too_once(self, sandbox: Sandbox, account: BillingAccount) -> None:
        sandbox.faults.add("POST /v1/setup_intents/*/confirm", "act_then_stall")
        method = add(sandbox, account)

        sandbox.webhooks.deliver_due()
        webhooks.process_pending(at=later(minutes=1))
        setups.reconcile_methods(at=later(minutes=3))

        method.refresh_from_db()
        assert method.status == Status.ACTIVE
        assert subjects(account) == ["A payment method was added"]

    def test_never_confirmed_is_given_up_after_five_minutes(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        sandbox.faults.add("POST /v1/setup_intents/*/confirm", "drop_before")
        method = add(sandbox, account)
        setups.reconcile_methods(at=later(minutes=10))
        method.refresh_from_db()
        assert method.status == Status.FAILED
        assert object_at_stripe(sandbox, method.setup_id)["status"] == "canceled"

    def test_of_a_setup_of_somebody_else_changes_nothing(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        mine = add(sandbox, account, TestTheBanksExtraStep.CARD)
        theirs = add(sandbox, make_account())
        setup = vault.retrieve_setup(region=account.region, setup_id=str(theirs.setup_id))
        assert setups.settle_setup(method_pk=mine.pk, setup=setup).status == Status.PENDING


class TestMicroDeposits:
    @pytest.fixture
    def waiting(self, sandbox: Sandbox, account: BillingAccount) -> PaymentMethod:
        """A bank account whose deposits have arrived."""
        method = add_by_token(account, token_of_unverified_bank(sandbox))
        assert method.status == Status.VERIFY
        sandbox.bank.microdeposits_arrive("ncal", str(method.setup_id))
        return method

    def test_are_announced_with_the_day_they_arrive(
        self, sandbox: Sandbox, account: BillingAccount, waiting: PaymentMethod
    ) -> None:
        assert waiting.deposits_on is not None
        assert today(account) < waiting.deposits_on <= today(account) + dt.timedelta(days=4)
        assert subjects(account) == ["Verify your bank account"]
        assert methods.usable(account, on=today(account)) == []

    @pytest.mark.parametrize("answer", [{"amounts": (45, 32)}, {"code": "SM11AA"}])
    def test_answered_rightly_verify_the_account(
        self, waiting: PaymentMethod, sandbox: Sandbox, answer: dict
    ) -> None:
        method = deposits.verify(method=waiting, **answer)
        assert (method.status, method.is_default) == (Status.ACTIVE, True)
        assert attached_to(sandbox, method) is not None

    def test_answered_wrongly_say_how_many_tries_are_left_and_end_after_ten_codes(
        self, waiting: PaymentMethod, account: BillingAccount
    ) -> None:
        for left in range(9, 0, -1):
            with pytest.raises(deposits.WrongAnswer) as wrong:
                deposits.verify(method=waiting, code="SM22BB")
            assert wrong.value.tries_left == left
        with pytest.raises(deposits.NothingToVerify):
            deposits.verify(method=waiting, code="SM22BB")
        waiting.refresh_from_db()
        assert waiting.status == Status.FAILED
        assert subjects(account)[-1] == "A bank account could not be verified"
        with pytest.raises(deposits.NothingToVerify):
            deposits.verify(method=waiting, code="SM11AA")

    def test_of_two_amounts_end_after_three_tries(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        with sandbox.store.write() as tx:
            tx.set("microdeposit_type", "amounts")
        method = add_by_token(account, token_of_unverified_bank(sandbox))
        assert method.verify_by == PaymentMethod.VerifyBy.AMOUNTS
        sandbox.bank.microdeposits_arrive("ncal", str(method.setup_id))
        for left in (2, 1):
            with pytest.raises(deposits.WrongAnswer) as wrong:
                deposits.verify(method=method, amounts=(1, 2))
            assert wrong.value.tries_left == left
        with pytest.raises(deposits.NothingToVerify):
            deposits.verify(method=method, amounts=(1, 2))
        method.refresh_from_db()
        assert method.status == Status.FAILED

    def test_asked_about_too_early_cost_no_try(self, sandbox: Sandbox, account: BillingAccount) -> None:
        method = add_by_token(account, token_of_unverified_bank(sandbox))
        with pytest.raises(deposits.NotArrivedYet):
            deposits.verify(method=method, code="SM11AA")
        method.refresh_from_db()
        assert setups.tries_left(method) == 10

    def test_whose_answer_was_lost_count_the_try_and_are_found_by_asking(
        self, waiting: PaymentMethod, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add("POST /v1/setup_intents/*/verify_microdeposits", "act_then_stall")
        with pytest.raises(gateway.OutcomeUnknown):
            deposits.verify(method=waiting, code="SM11AA")
        setups.reconcile_methods(at=later(hours=7))
        waiting.refresh_from_db()
        assert (waiting.status, waiting.verify_tries) == (Status.ACTIVE, 1)

    def test_that_cannot_be_sent_end_it(self, sandbox: Sandbox, account: BillingAccount) -> None:
        name = "pm_usBankAccount_failMicrodeposits"
        method = add_by_token(account, token_of_unverified_bank(sandbox, name))
        sandbox.bank.microdeposits_arrive("ncal", str(method.setup_id))
        setups.reconcile_methods(at=later(hours=7))
        method.refresh_from_db()
        assert (method.status, method.blocked_code) == (
            Status.FAILED,
            "payment_method_microdeposit_failed",
        )

    def test_that_nobody_answers_end_after_ten_days(
        self, waiting: PaymentMethod, sandbox: Sandbox
    ) -> None:
        sandbox.shift_clock(dt.timedelta(days=11))
        sandbox.webhooks.deliver_due()
        setups.reconcile_methods(at=later(days=11))
        waiting.refresh_from_db()
        assert waiting.status == Status.FAILED


class TestKeptAfterAPayment:
    def test_a_card_that_paid_is_saved_when_that_was_asked_for(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        payment = pay_and_keep(sandbox, make_invoice(account))

        method = PaymentMethod.objects.get()
        assert (payment.state, payment.saved_method) == (State.SUCCEEDED, method)
        assert (method.status, method.is_default, method.last4) == (Status.ACTIVE, True, "4242")
        assert method.authorization == payment.authorization
        assert attached_to(sandbox, method) == methods.customer_for(account)
        assert "A payment method was added" in subjects(account)
        paying.assert_invariants(sandbox)

    def test_a_declined_one_is_not(self, sandbox: Sandbox, account: BillingAccount) -> None:
        pay_and_keep(sandbox, make_invoice(account), "pm_card_visa_chargeDeclined")
        assert PaymentMethod.objects.count() == 0

    def test_one_that_was_not_asked_for_is_not(self, sandbox: Sandbox, account: BillingAccount) -> None:
        paying.pay(sandbox, make_invoice(account))
        assert PaymentMethod.objects.count() == 0
        assert StripeCustomer.objects.count() == 0

    def test_without_agreement_nothing_is_paid_and_nothing_kept(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        checkout = paying.start_checkout(sandbox, make_invoice(account))
        checkouts.choose_method(checkout=checkout, token=checkout.confirmation_token, keep=True)
        checkout.refresh_from_db()
        with pytest.raises(NotReviewed):
            checkouts.confirm(
                checkout=checkout,
                reviewed=checkout.method_key,
                payer=Payment.Payer.MEMBER,
                paid_by=None,
            )
        assert Payment.objects.count() == 0
        assert Authorization.objects.count() == 0


class TestPayingWithASavedMethod:
    def test_charges_it_once_without_a_token(self, sandbox: Sandbox, account: BillingAccount) -> None:
        method = add(sandbox, account)
        payment = pay_with_saved(make_invoice(account, 75_00), method)
        assert payment.state == State.SUCCEEDED
        assert charged(sandbox) == {payment.reference: 75_00}
        assert object_at_stripe(sandbox, payment.intent_id)["payment_method"] == method.method_id
        paying.assert_invariants(sandbox)

    def test_twice_works_twice(self, sandbox: Sandbox, account: BillingAccount) -> None:
        method = add(sandbox, account)
        for _ in range(2):
            assert pay_with_saved(make_invoice(account), method).state == State.SUCCEEDED
        assert sum(charged(sandbox).values()) == 240_00

    def test_an_answer_that_is_lost_charges_once(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account)
        sandbox.faults.add("POST /v1/payment_intents/*/confirm", "act_then_stall")
        payment = pay_with_saved(make_invoice(account, 75_00), method)
        assert payment.state == State.SUCCEEDED
        assert charged(sandbox) == {payment.reference: 75_00}


class TestAMethodThatCannotPay:
    """Refused when it is chosen and again when it is confirmed; nothing moves."""

    def refused_now(self, method: PaymentMethod, account: BillingAccount) -> None:
        invoice = make_invoice(account)
        with pytest.raises(MethodNotUsable):
            start_with_saved(invoice, method)
        assert Payment.objects.count() == 0

    def test_somebody_elses(self, sandbox: Sandbox, account: BillingAccount) -> None:
        self.refused_now(add(sandbox, make_account()), account)

    def test_removed(self, sandbox: Sandbox, account: BillingAccount) -> None:
        self.refused_now(methods.remove(method=add(sandbox, account)), account)

    def test_blocked(self, sandbox: Sandbox, account: BillingAccount) -> None:
        self.refused_now(methods.block(method=add(sandbox, account, BANK), code="R02"), account)

    def test_not_verified(self, sandbox: Sandbox, account: BillingAccount) -> None:
        self.refused_now(add_by_token(account, token_of_unverified_bank(sandbox)), account)

    def test_expired(self, sandbox: Sandbox, account: BillingAccount) -> None:
        method = add(sandbox, account)
        PaymentMethod.objects.filter(pk=method.pk).update(exp_year=2020)
        method.refresh_from_db()
        self.refused_now(method, account)

    @pytest.mark.parametrize("what", ["removed", "blocked", "expired"])
    def test_between_review_and_confirmation(
        self, sandbox: Sandbox, account: BillingAccount, what: str
    ) -> None:
        method = add(sandbox, account, BANK)
        checkout = start_with_saved(make_invoice(account), method)
        match what:
            case "removed":
                methods.remove(method=method)
            case "blocked":
                methods.block(method=method, code="R10")
            case _:
                PaymentMethod.objects.update(exp_month=1, exp_year=2020)
        with pytest.raises(MethodNotUsable):
            paying.confirm(checkout)
        assert Payment.objects.count() == 0
        assert charged(sandbox) == {}

    @pytest.mark.parametrize(
        ("month", "year", "on", "good"),
        [
            (11, 2026, dt.date(2026, 11, 30), True),  # to the last day of the month on the card
            (11, 2026, dt.date(2026, 12, 1), False),
            (12, 2025, dt.date(2026, 1, 1), False),
            (1, 2027, dt.date(2026, 12, 31), True),
        ],
    )
    def test_expires_with_its_month(
        self, sandbox: Sandbox, account: BillingAccount, month: int, year: int, on: dt.date, good: bool
    ) -> None:
        add(sandbox, account)
        PaymentMethod.objects.update(exp_month=month, exp_year=year)
        assert bool(methods.usable(account, on=on)) is good


class TestTheDefault:
    def test_is_one_at_a_time_and_listed_first(self, sandbox: Sandbox, account: BillingAccount) -> None:
        first, second = add(sandbox, account), add(sandbox, account, BANK)
        methods.set_default(method=second)
        assert methods.listed(account) == [second, first]
        assert PaymentMethod.objects.filter(is_default=True).count() == 1

    def test_is_never_one_that_cannot_pay(self, sandbox: Sandbox, account: BillingAccount) -> None:
        method = methods.block(method=add(sandbox, account, BANK), code="R02")
        assert not method.is_default
        with pytest.raises(MethodNotUsable):
            methods.set_default(method=method)

    def test_postgresql_refuses_a_second_one(self, sandbox: Sandbox, account: BillingAccount) -> None:
        add(sandbox, account)
        second = add(sandbox, account, "pm_card_mastercard")
        with pytest.raises(IntegrityError, match="one_default_method"), transaction.atomic():
            PaymentMethod.objects.filter(pk=second.pk).update(is_default=True)


class TestRemoving:
    def test_takes_effect_at_once_and_stripe_forgets_it(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = methods.remove(method=add(sandbox, account))

        setups.forget(method_pk=method.pk)

        assert methods.listed(account) == []
        assert (method.status, method.is_default) == (Status.REMOVED, False)
        assert attached_to(sandbox, method) is None
        assert subjects(account)[-1] == "A payment method was removed"

    def test_twice_is_once(self, sandbox: Sandbox, account: BillingAccount) -> None:
        method = add(sandbox, account)
        methods.remove(method=method)
        methods.remove(method=method)
        for _ in range(2):
            setups.forget(method_pk=method.pk)
        assert subjects(account).count("A payment method was removed") == 1

    def test_while_stripe_is_away_is_repeated_until_it_is_done(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account)
        sandbox.faults.add("POST /v1/payment_methods/*/detach", "down_503")
        methods.remove(method=method)
        assert attached_to(sandbox, method) is not None
        setups.reconcile_methods(at=later(minutes=20))
        method.refresh_from_db()
        assert attached_to(sandbox, method) is None
        assert method.next_check_at is None

    def test_is_refused_while_a_payment_with_it_has_not_ended(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account, BANK)
        payment = pay_with_saved(make_invoice(account), method)
        assert payment.state == State.PROCESSING
        with pytest.raises(MethodInFlight) as refusal:
            methods.remove(method=method)
        assert refusal.value.reference == payment.reference
        method.refresh_from_db()
        assert method.status == Status.ACTIVE

    def test_before_the_banks_step_was_taken_ends_the_setup(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = methods.remove(method=add(sandbox, account, TestTheBanksExtraStep.CARD))
        setups.forget(method_pk=method.pk)
        assert object_at_stripe(sandbox, method.setup_id)["status"] == "canceled"
        assert subjects(account) == []

    def test_at_the_moment_it_was_saved_leaves_nothing_at_stripe(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account, TestTheBanksExtraStep.CARD)
        sandbox.complete_challenge("ncal", str(method.setup_id))
        methods.remove(method=method)
        setups.forget(method_pk=method.pk)
        setup = object_at_stripe(sandbox, method.setup_id)
        assert object_at_stripe(sandbox, setup["payment_method"])["customer"] is None

    @pytest.fixture
    def _autopay(self) -> Iterator[None]:
        def uses(method: PaymentMethod) -> list[str]:
            return ["Autopay of your premiums"] if method.kind == "card" else []

        hooks.register_uses(uses)
        hooks.register_uses(uses)  # registered once, however often an app gets ready
        yield
        hooks._uses.remove(uses)

    @pytest.mark.usefixtures("_autopay")
    def test_knows_what_uses_a_method(self, sandbox: Sandbox, account: BillingAccount) -> None:
        assert hooks.in_use_by(add(sandbox, account)) == ["Autopay of your premiums"]
        assert hooks.in_use_by(add(sandbox, account, BANK)) == []


class TestWhatChangesAtStripe:
    def test_a_card_that_its_network_renewed_is_shown_with_its_new_date(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account)
        with sandbox.store.write() as tx:
            found = tx.get("ncal", str(method.method_id))
            assert found is not None
            found["card"]["exp_year"] = 2035
            tx.put("ncal", found)
        assert setups.refresh(method_pk=method.pk).exp_year == 2035

    def test_of_one_that_is_gone_is_not_asked_about(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = methods.remove(method=add(sandbox, account))
        asked = len(sandbox.requests("ncal"))
        assert setups.refresh(method_pk=method.pk).status == Status.REMOVED
        assert len(sandbox.requests("ncal")) == asked
