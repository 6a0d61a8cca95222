"""The same card or bank account saved twice: one row stays, and pays with the newer one at Stripe."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from autopay.models import Enrollment
from billing.models import BillingAccount
from demo.stripe.core import Sandbox
from payments import vault
from payments.gateway import Method
from payments.models import PaymentEvent, PaymentMethod, State
from payments.services import deposits, methods, setups, submission
from tests.races.test_double_submission import at_once
from tests.support import paying
from tests.support.autopay import enroll
from tests.support.factories import PASSWORD, make_account, make_invoice
from tests.support.methods import (
    BANK,
    add,
    add_by_token,
    object_at_stripe,
    pay_and_keep,
    pay_with_saved,
    token_of_unverified_bank,
)
from tests.support.paying import later
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentMethod.Status
NEEDS_STEP = "pm_card_authenticationRequiredOnSetup"


@pytest.fixture
def account() -> BillingAccount:
    """The account of a registered guarantor."""
    return make_account()


def times_told(subject: str) -> int:
    return sum(mail.subject == subject for mail in Email.objects.all())


def at_stripe(sandbox: Sandbox, account: BillingAccount) -> set[str]:
    """The PaymentMethods that Stripe holds for the account's customer."""
    customer = methods.customer_for(account)
    with sandbox.store.read() as tx:
        return {found["id"] for found in tx.find("ncal", "payment_method", {"customer": customer})}


class TestACardAddedAgain:
    def test_leaves_one_row_that_pays_with_the_newer_one(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        first = add(sandbox, account)
        add(sandbox, account, "pm_card_mastercard")
        old_id, old_agreement = first.method_id, first.authorization
        PaymentMethod.objects.filter(pk=first.pk).update(exp_year=2020)

        again = add(sandbox, account)

        first.refresh_from_db()
        assert (again.status, again.same_as, again.is_default) == (Status.REMOVED, first, False)
        assert (again.method_id, again.exp_year, again.authorization) == (old_id, 2020, old_agreement)
        assert (first.status, first.is_default) == (Status.ACTIVE, True)
        assert first.exp_year is not None
        assert first.exp_year > 2020
        assert first.authorization.given_at > old_agreement.given_at
        assert [method.last4 for method in methods.listed(account)] == ["4242", "4444"]
        assert times_told("A payment method was added") == 2
        assert times_told("A payment method was removed") == 0

        payment = pay_with_saved(make_invoice(account, 75_00), first)
        assert charged(sandbox) == {payment.reference: 75_00}
        assert object_at_stripe(sandbox, payment.intent_id)["payment_method"] == first.method_id

    def test_is_held_by_stripe_once(self, sandbox: Sandbox, account: BillingAccount) -> None:
        first = add(sandbox, account)
        add(sandbox, account)
        setups.reconcile_methods(at=later(minutes=20))
        first.refresh_from_db()
        assert at_stripe(sandbox, account) == {first.method_id}
        assert not PaymentMethod.objects.filter(next_check_at__isnull=False).exists()

    def test_goes_on_drawing_for_autopay(self, sandbox: Sandbox, account: BillingAccount) -> None:
        first = add(sandbox, account)
        enrolled = enroll(first)
        add(sandbox, account)
        assert Enrollment.objects.get().method == first
        assert Enrollment.objects.get().authorization == enrolled.authorization

    def test_is_another_card_where_its_number_is(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        add(sandbox, account)
        add(sandbox, account, "pm_card_mastercard")
        add(sandbox, account, BANK)
        assert PaymentMethod.objects.filter(status=Status.ACTIVE, same_as=None).count() == 3

    def test_of_another_household_tells_nothing(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        theirs, mine = add(sandbox, make_account()), add(sandbox, account)
        assert mine.fingerprint == theirs.fingerprint != ""
        assert (mine.status, mine.same_as, mine.is_default) == (Status.ACTIVE, None, True)
        assert times_told("A payment method was added") == 2

    def test_that_was_removed_is_a_new_one(self, sandbox: Sandbox, account: BillingAccount) -> None:
        methods.remove(method=add(sandbox, account))
        again = add(sandbox, account)
        assert (again.status, again.same_as) == (Status.ACTIVE, None)
        assert times_told("A payment method was added") == 2

    def test_after_the_banks_step_too(self, sandbox: Sandbox, account: BillingAccount) -> None:
        first, again = (add(sandbox, account, NEEDS_STEP) for _ in range(2))
        for method in (first, again):
            sandbox.complete_challenge("ncal", str(method.setup_id))
            setups.ask(method_pk=method.pk)
        setups.ask(method_pk=again.pk)  # the webhook comes late
        assert methods.listed(account) == [first]
        assert times_told("A payment method was added") == 1

    def test_in_two_tabs_at_once_is_saved_once(self, sandbox: Sandbox, account: BillingAccount) -> None:
        tabs = [add(sandbox, account, NEEDS_STEP) for _ in range(2)]
        for method in tabs:
            sandbox.complete_challenge("ncal", str(method.setup_id))

        ended = at_once(2, lambda tab: setups.ask(method_pk=tabs[tab].pk))

        assert sorted(method.status for method in ended) == [Status.ACTIVE, Status.REMOVED]
        assert len(methods.listed(account)) == 1
        assert times_told("A payment method was added") == 1

    def test_postgresql_refuses_a_second_active_row(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        add(sandbox, account)
        again = add(sandbox, account)
        with pytest.raises(IntegrityError, match="one_active_method"), transaction.atomic():
            PaymentMethod.objects.filter(pk=again.pk).update(status=Status.ACTIVE, same_as=None)


class TestAPaymentUnderWay:
    def test_keeps_what_it_was_sent_with_until_it_has_ended(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        first = add(sandbox, account, BANK)
        old_id = first.method_id
        payment = pay_with_saved(make_invoice(account, 75_00), first)
        assert payment.state == State.PROCESSING

        again = add(sandbox, account, BANK)
        setups.reconcile_methods(at=later(minutes=20))
        assert object_at_stripe(sandbox, old_id)["customer"] is not None

        sandbox.bank.settle("ncal", str(payment.intent_id))
        submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.WEBHOOK)
        setups.reconcile_methods(at=later(minutes=40))
        again.refresh_from_db()
        assert object_at_stripe(sandbox, old_id)["customer"] is None
        assert (again.method_id, again.next_check_at) == (old_id, None)


class TestABankAccountThatIsVerified:
    def test_already_waits_for_no_deposits(self, sandbox: Sandbox, account: BillingAccount) -> None:
        first = add(sandbox, account, BANK)
        before = first.method_id
        again = add_by_token(account, token_of_unverified_bank(sandbox))
        setups.reconcile_methods(at=later(minutes=20))
        first.refresh_from_db()
        assert (again.status, again.same_as) == (Status.REMOVED, first)
        assert first.method_id == before
        assert object_at_stripe(sandbox, again.setup_id)["status"] == "canceled"
        assert times_told("Verify your bank account") == 0

    def test_at_once_ends_the_wait_of_its_like(self, sandbox: Sandbox, account: BillingAccount) -> None:
        waiting = add_by_token(account, token_of_unverified_bank(sandbox))
        ready = add(sandbox, account, BANK)
        waiting.refresh_from_db()
        assert (waiting.status, waiting.same_as) == (Status.REMOVED, ready)
        assert methods.listed(account) == [ready]
        with pytest.raises(deposits.NothingToVerify):
            deposits.verify(method=waiting, code="SM11AA")

    def test_after_it_was_blocked_is_a_new_agreement(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        blocked = methods.block(method=add(sandbox, account, BANK), code="R10")
        again = add(sandbox, account, BANK)
        blocked.refresh_from_db()
        assert (blocked.status, blocked.same_as) == (Status.BLOCKED, None)
        assert (again.status, again.same_as, again.is_default) == (Status.ACTIVE, None, True)


class TestKeptAfterAPayment:
    def test_a_card_that_was_saved_before_stays_one(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        first = add(sandbox, account)
        old_id = first.method_id

        payment = pay_and_keep(sandbox, make_invoice(account))

        first.refresh_from_db()
        spare = PaymentMethod.objects.get(same_as=first)
        assert payment.saved_method == first
        assert first.method_id != old_id
        assert (first.authorization, spare.method_id) == (payment.authorization, old_id)
        setups.reconcile_methods(at=later(minutes=20))
        assert at_stripe(sandbox, account) == {first.method_id}
        assert times_told("A payment method was added") == 1
        paying.assert_invariants(sandbox)

    def test_a_debit_that_settles_late_does_not_undo_a_newer_agreement(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        payment = pay_and_keep(sandbox, make_invoice(account), BANK)
        assert payment.state == State.PROCESSING
        newer = add(sandbox, account, BANK)
        agreed, held = newer.authorization, newer.method_id
        intent = object_at_stripe(sandbox, payment.intent_id)

        sandbox.bank.settle("ncal", str(payment.intent_id))
        submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.WEBHOOK)

        newer.refresh_from_db()
        assert (newer.authorization, newer.method_id) == (agreed, held)
        assert PaymentMethod.objects.get(same_as=newer).method_id == intent["payment_method"]


class TestWhatStripeTellsLater:
    def test_is_stored_for_a_row_that_had_no_fingerprint(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        method = add(sandbox, account)
        PaymentMethod.objects.update(fingerprint="")
        setups.refresh(method_pk=method.pk)
        assert add(sandbox, account).same_as == method

    def test_of_two_old_rows_that_are_the_same_leaves_both(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        first = add(sandbox, account)
        PaymentMethod.objects.update(fingerprint="")
        second = add(sandbox, account)
        assert setups.refresh(method_pk=first.pk).fingerprint == ""
        assert methods.listed(account) == [first, second]

    @pytest.mark.parametrize("blocked_code", ["", "R02"])
    def test_of_the_one_that_was_taken_over_meanwhile_changes_nothing(
        self,
        sandbox: Sandbox,
        account: BillingAccount,
        monkeypatch: pytest.MonkeyPatch,
        blocked_code: str,
    ) -> None:
        """The card is added again while Stripe is asked about the PaymentMethod that it had."""
        method = add(sandbox, account)
        older, exp_year = method.method_id, method.exp_year
        ask = vault.retrieve_method

        def ask_slowly(**given: Any) -> Method | None:
            found = ask(**given)
            assert found is not None
            add(sandbox, account)
            return replace(found, exp_year=2031, blocked_code=blocked_code)

        monkeypatch.setattr(vault, "retrieve_method", ask_slowly)
        setups.refresh(method_pk=method.pk)

        method.refresh_from_db()
        assert method.method_id != older
        assert (method.status, method.blocked_code, method.exp_year) == (Status.ACTIVE, "", exp_year)


class TestThePages:
    @pytest.fixture
    def member(self, client: Client, account: BillingAccount) -> Client:
        """The guarantor's browser; the password was given again just now."""
        client.force_login(account.guarantor.user)
        client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": "/"})
        return client

    @pytest.mark.parametrize(
        ("what", "language", "words"),
        [
            ("pm_card_visa", "en", "You had saved this card already; we kept it up to date."),
            (BANK, "es", "Ya había guardado esta cuenta bancaria; la mantuvimos al día."),
        ],
    )
    def test_say_that_it_was_saved_before(
        self,
        sandbox: Sandbox,
        account: BillingAccount,
        member: Client,
        what: str,
        language: str,
        words: str,
    ) -> None:
        add(sandbox, account, what)
        fingerprint = PaymentMethod.objects.get().fingerprint
        member.cookies["django_language"] = language
        token = sandbox.confirmation_token("ncal", card=what)
        member.post(reverse("payments:method_add"), {"confirmation_token": token})
        check = reverse("payments:method_check")
        shown = member.get(check).context["terms"].sha256

        text = member.post(check, {"agree": "on", "shown": shown}, follow=True).text

        assert words in text
        assert fingerprint not in text

    def test_of_the_banks_step_find_the_way_to_the_list(
        self, sandbox: Sandbox, account: BillingAccount, member: Client
    ) -> None:
        add(sandbox, account)
        again = add(sandbox, account)
        step = member.get(reverse("payments:method_step", args=[again.pk]), follow=True)
        assert "You had saved this card already" in step.text
        for page in ("payments:method_remove", "payments:method_default"):
            assert member.post(reverse(page, args=[again.pk])).status_code == 404

    def test_of_a_payment_say_so_once_it_is_paid(
        self, sandbox: Sandbox, account: BillingAccount, member: Client
    ) -> None:
        invoices = [make_invoice(account) for _ in range(2)]
        pages = [
            member.get(reverse("payments:show", args=[pay_and_keep(sandbox, invoice).reference])).text
            for invoice in invoices
        ]
        assert ["You had saved this card already" in text for text in pages] == [False, True]


def test_a_fingerprint_is_left_out_where_an_answer_is_printed(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    method = add(sandbox, account)
    found = vault.retrieve_method(region=account.region, method_id=str(method.method_id))
    assert found is not None
    assert found.fingerprint == method.fingerprint != ""
    assert found.fingerprint not in repr(found)
