"""The pages of saved payment methods, and paying with one: as a browser without JavaScript sees them.

What Stripe's frame would hand over is put into the form by hand.
"""

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import BillingAccount, Invoice
from demo.stripe.core import Sandbox
from payments import hooks
from payments.models import Authorization, Checkout, Payment, PaymentMethod, State
from payments.services import methods
from tests.support import paying
from tests.support.checkout_pages import choose, give_method, press_pay, reviewed
from tests.support.factories import PASSWORD, make_account, make_invoice
from tests.support.methods import BANK, add, add_by_token, pay_with_saved, token_of_unverified_bank
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentMethod.Status
LIST, ADD, CHECK = "/methods/", "/methods/add/", "/methods/add/check/"


@pytest.fixture
def invoice() -> Invoice:
    """A bill of $120.00 of a registered member."""
    return make_invoice(total_cents=120_00)


@pytest.fixture
def account(invoice: Invoice) -> BillingAccount:
    return invoice.account


@pytest.fixture
def member(client: Client, account: BillingAccount) -> Client:
    """That member's browser; the password was given again just now."""
    client.force_login(account.guarantor.user)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": "/"})
    return client


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, response.status_code
    return response.text


def agree_and_pay(client: Client, review: str) -> str:
    """Look at step 3, tick "I agree" and press the button; returns where it leads."""
    shown = client.get(review).context
    data = {"reviewed": shown["reviewed"], "agree": "on", "shown": shown["terms"].sha256}
    response = client.post(review, data)
    assert response.status_code == 302, response.text
    return response.url


def type_method(client: Client, sandbox: Sandbox, card: str = "pm_card_visa") -> None:
    """The page with Stripe's frame, when adding."""
    token = sandbox.confirmation_token("ncal", card=card)
    response = client.post(ADD, {"confirmation_token": token})
    assert (response.status_code, response.url) == (302, CHECK)


def agree(client: Client, **data: str) -> str:
    """What the check page sends when its box is ticked; returns the page it leads to."""
    shown = client.get(CHECK).context["terms"].sha256
    return client.post(CHECK, {"agree": "on", "shown": shown, **data}, follow=True).text


class TestTheList:
    def test_without_anything_says_what_saving_is_good_for(self, member: Client) -> None:
        text = page(member, LIST)
        assert "Nothing saved yet" in text
        assert f'href="{ADD}"' in text

    def test_shows_each_with_its_standing_in_words(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        add(sandbox, account)
        old = add(sandbox, account, "pm_card_mastercard")
        PaymentMethod.objects.filter(pk=old.pk).update(exp_year=2020)
        methods.block(method=add(sandbox, account, BANK), code="R02")
        add_by_token(account, token_of_unverified_bank(sandbox))
        text = page(member, LIST)
        for words in (
            "Visa ending in 4242",
            "Default",
            "Ready",
            "Mastercard ending in 4444",
            "Expired",
            "Blocked",
            "This bank account has been closed.",
            "To be verified",
            "A small deposit arrives by",
        ):
            assert words in text, words
        assert "R02" not in text

    def test_does_not_show_what_is_gone_or_somebody_elses(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        methods.remove(method=add(sandbox, account))
        add(sandbox, account, "pm_card_visa_chargeDeclined")
        add(sandbox, make_account(), "pm_card_amex")
        text = page(member, LIST)
        assert "4242" not in text
        assert "American Express" not in text

    def test_is_linked_from_billing(self, member: Client) -> None:
        assert f'href="{LIST}"' in page(member, "/billing/")

    def test_asks_the_database_the_same_few_questions_for_one_and_for_twenty(
        self, member: Client, account: BillingAccount, sandbox: Sandbox, invoice: Invoice
    ) -> None:
        step_two = choose(member, invoice)
        counts = {LIST: [], step_two: []}
        for size in (1, 20):
            first = add(sandbox, account) if size == 1 else PaymentMethod.objects.get()
            for number in range(size - 1):
                first.pk, first.method_id, first.setup_id = None, f"pm_{number}", None
                first.is_default, first.fingerprint, first._state.adding = False, "", True
                first.save()
            for url, seen in counts.items():
                member.get(url)
                with CaptureQueriesContext(connection) as captured:
                    assert member.get(url).status_code == 200
                seen.append(len(captured))
        assert all(one == twenty for one, twenty in counts.values()), counts
        assert counts[LIST][0] <= 4


class TestThePassword:
    """Asked again before what can be charged changes (ASVS 7.5.1)."""

    @pytest.fixture
    def hasty(self, account: BillingAccount) -> Client:
        """Logged in, but the password was not given again."""
        client = Client()
        client.force_login(account.guarantor.user)
        return client

    def test_before_adding(self, hasty: Client, sandbox: Sandbox) -> None:
        for url in (ADD, CHECK):
            assert hasty.get(url).url.startswith(reverse("account_reauthenticate"))
            assert hasty.post(url, {"agree": "on"}).url.startswith(reverse("account_reauthenticate"))
        assert PaymentMethod.objects.count() == 0

    def test_before_removing_and_the_removal_goes_on_after_it(
        self, hasty: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        method = add(sandbox, account)
        url = reverse("payments:method_remove", args=[method.pk])
        again = hasty.post(url)
        assert again.url.startswith(reverse("account_reauthenticate"))
        method.refresh_from_db()
        assert method.status == Status.ACTIVE

        hasty.post(again.url, {"password": PASSWORD})

        method.refresh_from_db()
        assert method.status == Status.REMOVED

    def test_before_verifying(self, hasty: Client, account: BillingAccount, sandbox: Sandbox) -> None:
        method = add_by_token(account, token_of_unverified_bank(sandbox))
        url = reverse("payments:method_verify", args=[method.pk])
        assert hasty.post(url, {"code": "SM11AA"}).url.startswith(reverse("account_reauthenticate"))
        method.refresh_from_db()
        assert method.verify_tries == 0


class TestAdding:
    def test_shows_the_terms_in_full_then_saves_with_them_stored(
        self, member: Client, sandbox: Sandbox
    ) -> None:
        assert "pk_test_demo_ncal" in page(member, ADD)
        type_method(member, sandbox)
        text = page(member, CHECK)
        assert "Visa ending in 4242" in text
        assert "It is charged only when I choose it" in text
        assert PaymentMethod.objects.count() == 0

        assert "Visa ending in 4242 is saved." in agree(member)

        method = PaymentMethod.objects.get()
        assert method.status == Status.ACTIVE
        assert method.authorization.ip_address == "127.0.0.1"
        assert "It is charged only when I choose it" in method.authorization.text

    def test_without_agreeing_saves_nothing_and_says_so_at_the_box(
        self, member: Client, sandbox: Sandbox
    ) -> None:
        type_method(member, sandbox)
        shown = member.get(CHECK).context["terms"].sha256
        response = member.post(CHECK, {"shown": shown})
        assert response.status_code == 422
        assert "Tick the box to agree" in response.text
        assert PaymentMethod.objects.count() == Authorization.objects.count() == 0

    @pytest.mark.parametrize("shown", ["", "0" * 64])
    def test_agreeing_to_another_text_than_the_one_shown_counts_for_nothing(
        self, member: Client, sandbox: Sandbox, shown: str
    ) -> None:
        type_method(member, sandbox)
        response = member.post(CHECK, {"agree": "on", "shown": shown})
        assert response.status_code == 422
        assert "The text has changed meanwhile" in response.text
        assert "checked" not in response.text
        assert PaymentMethod.objects.count() == Authorization.objects.count() == 0

    def test_twice_by_a_double_click_saves_once(self, member: Client, sandbox: Sandbox) -> None:
        type_method(member, sandbox)
        agree(member)
        assert member.post(CHECK, {"agree": "on"}).url == LIST
        assert PaymentMethod.objects.count() == 1

    def test_a_card_that_is_declined_says_so_in_words(self, member: Client, sandbox: Sandbox) -> None:
        type_method(member, sandbox, "pm_card_visa_chargeDeclined")
        text = agree(member)
        assert "was not saved" in text
        assert "did not approve" in text

    def test_a_card_whose_bank_asks_shows_the_banks_step(
        self, member: Client, sandbox: Sandbox
    ) -> None:
        type_method(member, sandbox, "pm_card_authenticationRequiredOnSetup")
        assert "Your bank asks you to confirm" in agree(member)
        method = PaymentMethod.objects.get()
        sandbox.complete_challenge("ncal", str(method.setup_id))
        step = reverse("payments:method_step", args=[method.pk])
        assert "is saved." in member.post(step, follow=True).text

    def test_an_answer_that_is_lost_says_that_we_are_checking(
        self, member: Client, sandbox: Sandbox
    ) -> None:
        type_method(member, sandbox)
        sandbox.faults.add("POST /v1/setup_intents/*/confirm", "act_then_stall")
        sandbox.faults.add("GET /v1/setup_intents/*", "drop_before")
        assert "still saving" in agree(member)
        step = reverse("payments:method_step", args=[PaymentMethod.objects.get().pk])
        assert "is saved." in member.post(step, follow=True).text

    def test_while_stripe_is_away_loses_nothing(self, member: Client, sandbox: Sandbox) -> None:
        token = sandbox.confirmation_token("ncal")
        sandbox.faults.add("GET /v1/confirmation_tokens/*", "down_503")
        response = member.post(ADD, {"confirmation_token": token})
        assert response.status_code == 422
        assert "Nothing was charged" in response.text
        assert member.post(ADD, {"confirmation_token": token}).status_code == 302

    @pytest.mark.parametrize("token", ["", "ctoken_", "tok_x", "ctoken_<b>", "4242424242424242"])
    def test_a_token_that_is_none_goes_no_further(self, member: Client, token: str) -> None:
        assert member.post(ADD, {"confirmation_token": token}).status_code == 422
        assert "new_method" not in member.session

    def test_eleven_times_a_day_is_too_many(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        for _ in range(10):
            add(sandbox, account, "pm_card_visa_chargeDeclined")
        type_method(member, sandbox)
        assert "Too many payment methods were tried today" in agree(member)


class TestVerifying:
    @pytest.fixture
    def url(self, member: Client, account: BillingAccount, sandbox: Sandbox) -> str:
        """Of a bank account whose deposit has arrived."""
        method = add_by_token(account, token_of_unverified_bank(sandbox))
        sandbox.bank.microdeposits_arrive("ncal", str(method.setup_id))
        return reverse("payments:method_verify", args=[method.pk])

    def test_asks_for_the_code_and_says_how_many_tries_there_are(
        self, member: Client, url: str
    ) -> None:
        assert "You have 10 tries left." in page(member, url)
        assert "is saved." in member.post(url, {"code": "sm11aa"}, follow=True).text

    def test_a_wrong_code_says_so_and_counts(self, member: Client, url: str) -> None:
        response = member.post(url, {"code": "SM22BB"})
        assert response.status_code == 422
        assert "That is not what we sent. You have 9 tries left." in response.text

    @pytest.mark.parametrize("code", ["", "11AA", "SM11A", "SM11AA7", "SM11A!", "SMÁÉÍÓ"])
    def test_what_cannot_be_a_code_costs_no_try(self, member: Client, url: str, code: str) -> None:
        assert member.post(url, {"code": code}).status_code == 422
        assert PaymentMethod.objects.get().verify_tries == 0

    def test_two_amounts_are_asked_for_where_two_were_sent(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        with sandbox.store.write() as tx:
            tx.set("microdeposit_type", "amounts")
        method = add_by_token(account, token_of_unverified_bank(sandbox))
        sandbox.bank.microdeposits_arrive("ncal", str(method.setup_id))
        url = reverse("payments:method_verify", args=[method.pk])
        assert "You have 3 tries left." in page(member, url)
        for bad in ("1.00", "0", "-0.32", "a"):
            assert member.post(url, {"first": bad, "second": "0.45"}).status_code == 422
        wrong = member.post(url, {"first": "0.01", "second": "0.02"}).text
        assert "You have 2 tries left." in wrong
        assert "is saved." in member.post(url, {"first": "0.45", "second": ".32"}, follow=True).text

    def test_too_early_says_so(self, member: Client, account: BillingAccount, sandbox: Sandbox) -> None:
        method = add_by_token(account, token_of_unverified_bank(sandbox))
        url = reverse("payments:method_verify", args=[method.pk])
        assert "has not arrived yet" in member.post(url, {"code": "SM11AA"}).text
        method.refresh_from_db()
        assert method.verify_tries == 0

    def test_a_method_that_needs_none_leads_back(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        url = reverse("payments:method_verify", args=[add(sandbox, account).pk])
        assert member.get(url).url == LIST


class TestTheDefaultAndRemoving:
    def test_another_default_is_one_click(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        add(sandbox, account)
        other = add(sandbox, account, BANK)
        url = reverse("payments:method_default", args=[other.pk])
        assert "is offered first" in member.post(url, follow=True).text
        other.refresh_from_db()
        assert other.is_default
        assert member.get(url).status_code == 405

    def test_a_blocked_one_cannot_be_the_default(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        method = methods.block(method=add(sandbox, account, BANK), code="R02")
        url = reverse("payments:method_default", args=[method.pk])
        assert "cannot be the default" in member.post(url, follow=True).text

    def test_removing_asks_first_and_changes_nothing_on_get(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        method = add(sandbox, account)
        url = reverse("payments:method_remove", args=[method.pk])
        assert "Remove Visa ending in 4242?" in page(member, url)
        method.refresh_from_db()
        assert method.status == Status.ACTIVE
        assert "was removed" in member.post(url, follow=True).text
        assert member.get(url).status_code == 404

    @pytest.fixture
    def _autopay(self) -> Iterator[None]:
        def uses(method: PaymentMethod) -> list[str]:
            return ["Autopay of your premiums"]

        hooks.register_uses(uses)
        yield
        hooks._uses.remove(uses)

    @pytest.mark.usefixtures("_autopay")
    def test_removing_says_what_will_stop_working(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        url = reverse("payments:method_remove", args=[add(sandbox, account).pk])
        text = page(member, url)
        assert "This will stop working" in text
        assert "Autopay of your premiums" in text

    def test_one_with_a_payment_on_its_way_cannot_be_removed_yet(
        self, member: Client, account: BillingAccount, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        method = add(sandbox, account, BANK)
        payment = pay_with_saved(invoice, method)
        url = reverse("payments:method_remove", args=[method.pk])
        text = member.post(url, follow=True).text
        assert f'<a href="/payments/{payment.reference}/">' in text
        assert "has not ended yet" in text
        method.refresh_from_db()
        assert method.status == Status.ACTIVE


class TestPayingWithASavedMethod:
    def test_is_offered_first_and_takes_three_clicks_without_a_script(
        self, member: Client, invoice: Invoice, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        method = add(sandbox, account)
        step_two = choose(member, invoice)
        text = page(member, step_two)
        assert re.search(rf'value="{method.pk}"[^>]*checked', text)
        review = member.post(step_two, {"method": method.pk}).url
        assert "Visa ending in 4242" in page(member, review)
        assert "I agree" not in page(member, review)

        text = page(member, press_pay(member, review))

        assert "Your payment has been made" in text
        assert sum(charged(sandbox).values()) == 120_00
        paying.assert_invariants(sandbox)

    def test_one_that_was_chosen_stays_chosen_on_the_way_back(
        self, member: Client, invoice: Invoice, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        add(sandbox, account)
        other = add(sandbox, account, "pm_card_mastercard")
        step_two = choose(member, invoice)
        member.post(step_two, {"method": other.pk})
        assert re.search(rf'value="{other.pk}"[^>]*checked', page(member, step_two))

    def test_a_new_one_can_be_chosen_beside_it(
        self, member: Client, invoice: Invoice, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        add(sandbox, account)
        step_two = choose(member, invoice)
        token = sandbox.confirmation_token("ncal", card="pm_card_mastercard")
        review = member.post(step_two, {"method": "new", "confirmation_token": token}).url
        assert "Mastercard ending in 4444" in page(member, review)

    @pytest.mark.parametrize("data", [{}, {"method": "new"}, {"method": ""}])
    def test_nothing_chosen_is_asked_for_again(
        self,
        member: Client,
        invoice: Invoice,
        account: BillingAccount,
        sandbox: Sandbox,
        data: dict[str, str],
    ) -> None:
        add(sandbox, account)
        response = member.post(choose(member, invoice), data)
        assert response.status_code == 422
        assert "There is a problem" in response.text
        assert Checkout.objects.get().method_key == ""

    @pytest.mark.parametrize("which", ["theirs", "removed", "blocked", "expired", "0", "x", "1 OR 1=1"])
    def test_one_that_cannot_pay_is_refused_with_a_message_and_nothing_moves(
        self,
        member: Client,
        invoice: Invoice,
        account: BillingAccount,
        sandbox: Sandbox,
        which: str,
    ) -> None:
        method = add(sandbox, make_account() if which == "theirs" else account, BANK)
        match which:
            case "removed":
                methods.remove(method=method)
            case "blocked":
                methods.block(method=method, code="R10")
            case "expired":
                PaymentMethod.objects.update(exp_month=1, exp_year=2020)
        named = which in ("theirs", "removed", "blocked", "expired")
        response = member.post(choose(member, invoice), {"method": method.pk if named else which})
        assert response.status_code == 422
        assert "cannot be used any more" in response.text
        assert Payment.objects.count() == 0
        assert charged(sandbox) == {}

    def test_one_that_cannot_pay_now_is_shown_with_the_reason(
        self, member: Client, invoice: Invoice, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        methods.block(method=add(sandbox, account, BANK), code="R16")
        text = page(member, choose(member, invoice))
        assert "Saved, but cannot pay now" in text
        assert "your bank has frozen it" in text
        assert 'type="radio"' not in text

    def test_removed_after_the_review_was_shown_leads_back_with_a_message(
        self, member: Client, invoice: Invoice, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        method = add(sandbox, account)
        review = member.post(choose(member, invoice), {"method": method.pk}).url
        sent = reviewed(member, review)
        methods.remove(method=method)
        response = member.post(review, sent, follow=True)
        assert "cannot be used any more" in response.text
        assert Payment.objects.count() == 0


class TestKeepingANewOne:
    def test_is_agreed_to_on_the_review_page_and_saved_when_it_paid(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        token = sandbox.confirmation_token("ncal", setup_future_usage="off_session")
        step_two = choose(member, invoice)
        review = member.post(step_two, {"confirmation_token": token, "keep": "on"}).url
        assert "to keep my card, Visa ending in 4242" in page(member, review)

        refused = member.post(review, reviewed(member, review))
        assert refused.status_code == 422
        assert "Tick the box to agree" in refused.text
        assert Payment.objects.count() == 0

        agree_and_pay(member, review)
        assert PaymentMethod.objects.get().status == Status.ACTIVE
        assert "Visa ending in 4242" in page(member, LIST)

    def test_changed_in_another_tab_needs_another_look(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        step_two = choose(member, invoice)
        token = sandbox.confirmation_token("ncal")
        review = member.post(step_two, {"confirmation_token": token}).url
        sent = reviewed(member, review)
        member.post(step_two, {"confirmation_token": token, "keep": "on"})
        member.post(review, {**sent, "agree": "on"})
        assert Payment.objects.count() == 0


class TestPayingFromABankAccount:
    def test_shows_the_whole_authorization_and_stores_it_before_sending(
        self, member: Client, invoice: Invoice, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        review = give_method(member, choose(member, invoice, "50.01"), sandbox, BANK)
        text = page(member, review)
        for words in (
            account.region.legal_entity,
            "to debit $50.01 electronically (ACH)",
            "STRIPE TEST BANK account ending in 6789",
            "To revoke this authorization, I call",
            "about four banking days",
        ):
            assert words in text, words

        result = page(member, agree_and_pay(member, review))

        payment = Payment.objects.get()
        assert payment.state == State.PROCESSING
        assert payment.authorization is not None
        assert "$50.01" in payment.authorization.text
        assert "We expect the money by" in result
        assert "Your payment is on its way" in result
        assert "Paid" not in result.partition("<main")[2].partition("Details")[0]
        paying.assert_invariants(sandbox)

    def test_without_the_tick_nothing_is_sent(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        review = give_method(member, choose(member, invoice), sandbox, BANK)
        shown = member.get(review).context["terms"].sha256
        response = member.post(review, {**reviewed(member, review), "shown": shown})
        assert response.status_code == 422
        assert "Tick the box to agree" in response.text
        assert Payment.objects.count() == Authorization.objects.count() == 0

    def test_a_text_that_changed_since_it_was_shown_must_be_read_again(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        review = give_method(member, choose(member, invoice), sandbox, BANK)
        data = {**reviewed(member, review), "agree": "on", "shown": "0" * 64}
        response = member.post(review, data)
        assert response.status_code == 422
        assert "The text has changed meanwhile" in response.text
        assert Payment.objects.count() == 0

    def test_a_saved_account_is_authorized_anew_for_each_payment(
        self, member: Client, invoice: Invoice, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        method = add(sandbox, account, BANK)
        review = member.post(choose(member, invoice), {"method": method.pk}).url
        agree_and_pay(member, review)
        payment = Payment.objects.get()
        assert payment.state == State.PROCESSING
        assert payment.authorization != method.authorization


@pytest.mark.parametrize("name", ["method_step", "method_verify", "method_default", "method_remove"])
def test_a_method_of_another_member_does_not_exist_for_me(
    member: Client, sandbox: Sandbox, name: str
) -> None:
    theirs = add(sandbox, make_account())
    for key in (theirs.pk, 999999):
        url = reverse(f"payments:{name}", args=[key])
        assert member.post(url).status_code == 404
    theirs.refresh_from_db()
    assert theirs.status == Status.ACTIVE


def test_only_pages_that_take_a_method_admit_stripe(
    member: Client, account: BillingAccount, sandbox: Sandbox
) -> None:
    origin = "http://127.0.0.1:1"
    assert origin in member.get(ADD).headers["Content-Security-Policy"]
    type_method(member, sandbox)
    for url in (LIST, CHECK):
        assert origin not in member.get(url).headers["Content-Security-Policy"]
