"""The pages of paying after the bills are chosen: each step, each refusal, each outcome."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Invoice
from demo.stripe.core import Sandbox
from payments.models import Checkout, Payment, State
from payments.services import submission
from tests.support import paying
from tests.support.billing import words
from tests.support.checkout_pages import CHOOSE, choose, give_method, reviewed
from tests.support.factories import make_invoice
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def invoice() -> Invoice:
    """A bill of $120.00 of a registered member."""
    return make_invoice(total_cents=120_00)


@pytest.fixture
def member(client: Client, invoice: Invoice) -> Client:
    """That member's browser."""
    client.force_login(invoice.account.guarantor.user)
    return client


def test_from_bill_to_paid_in_four_pages(member: Client, invoice: Invoice, sandbox: Sandbox) -> None:
    assert "Lake Clinic" in member.get(CHOOSE).content.decode()
    method = choose(member, invoice, "50.01")
    page = member.get(method).content.decode()
    assert 'data-amount="5001"' in page
    assert "pk_test_demo_ncal" in page
    review = give_method(member, method, sandbox)
    page = member.get(review).content.decode()
    assert "Visa ending in 4242" in page
    assert "$50.01" in page
    assert "$69.99" in page  # what the bill still owes afterwards
    assert charged(sandbox) == {}

    result = member.post(review, reviewed(member, review)).headers["Location"]

    page = member.get(result).content.decode()
    payment = Payment.objects.get()
    assert payment.reference in page
    assert "Your payment has been made" in page
    assert charged(sandbox) == {payment.reference: 50_01}
    paying.assert_invariants(sandbox)


def test_stripe_is_told_an_amount_and_an_opaque_reference_and_nothing_else(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    review = give_method(member, choose(member, invoice), sandbox)
    member.post(review, reviewed(member, review))

    payment = Payment.objects.get()
    with sandbox.store.read() as tx:
        intent = tx.get("ncal", str(payment.intent_id))
    assert intent is not None
    assert intent["metadata"] == {"payment": payment.reference}
    assert intent["description"] is None
    text = str(intent)
    for word in (invoice.number, invoice.provider, invoice.account.guarantor.last_name):
        assert word not in text


def test_a_bill_paid_meanwhile_in_another_tab_is_said_and_not_charged(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    first = give_method(member, choose(member, invoice), sandbox)
    second = give_method(member, choose(member, invoice), sandbox)
    seen = reviewed(member, second)
    member.post(first, reviewed(member, first))

    response = member.post(second, seen, follow=True)

    assert "paid or changed meanwhile" in response.content.decode()
    assert len(charged(sandbox)) == 1
    paying.assert_invariants(sandbox)


def test_confirming_without_the_review_step_is_refused(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    method = choose(member, invoice)
    review = method.replace("method", "review")

    assert member.post(review).status_code == 302  # no method was chosen
    give_method(member, method, sandbox)
    assert member.post(review).status_code == 302  # chosen, but its page was never seen
    assert Payment.objects.count() == 0
    assert charged(sandbox) == {}


@pytest.mark.parametrize("token", ["", "ctoken_", "tok_x", "ctoken_<script>", "4242424242424242"])
def test_a_token_that_is_none_goes_no_further(member: Client, invoice: Invoice, token: str) -> None:
    response = member.post(choose(member, invoice), {"confirmation_token": token})
    assert response.status_code == 422
    assert Checkout.objects.get().confirmation_token == ""


def test_a_token_that_stripe_does_not_know_is_explained(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    response = member.post(choose(member, invoice), {"confirmation_token": "ctoken_unknown"})
    assert response.status_code == 422
    assert "Enter them again" in response.content.decode()


def test_stripe_away_while_choosing_the_method_loses_nothing(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    method = choose(member, invoice)
    token = sandbox.confirmation_token("ncal")
    sandbox.faults.add("GET /v1/confirmation_tokens/*", "down_503")

    response = member.post(method, {"confirmation_token": token})

    assert response.status_code == 422
    assert "Nothing was charged" in response.content.decode()
    assert member.post(method, {"confirmation_token": token}).status_code == 302


class TestEachOutcomeHasItsPage:
    def result(
        self, member: Client, invoice: Invoice, sandbox: Sandbox, card: str = "pm_card_visa"
    ) -> str:
        review = give_method(member, choose(member, invoice), sandbox, card)
        result = member.post(review, reviewed(member, review)).headers["Location"]
        return member.get(result).content.decode()

    def test_declined_in_words_and_with_the_way_on(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        page = self.result(member, invoice, sandbox, "pm_card_visa_chargeDeclinedInsufficientFunds")
        assert "There was not enough money available on this card." in page
        assert "Nothing was charged" in page
        assert f"/pay/?bill={invoice.pk}" in page
        assert "insufficient_funds" not in page

    def test_a_stolen_card_is_told_no_more_than_any_other(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        page = self.result(member, invoice, sandbox, "pm_card_visa_chargeDeclinedStolenCard")
        assert "stolen" not in page.lower()
        assert "did not approve" in page

    def test_the_banks_step_carries_what_the_script_needs(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        page = self.result(member, invoice, sandbox, "pm_card_threeDSecure2Required")
        assert "Your bank asks you to confirm" in page
        assert "data-client-secret=" in page

    def test_checking_says_not_to_pay_again_and_the_bill_is_not_offered(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add("POST /v1/payment_intents/*/confirm", "act_then_stall")
        sandbox.faults.add("GET /v1/payment_intents/*", "drop_before")
        page = self.result(member, invoice, sandbox)
        assert "Please do not pay again" in page
        assert "declined" not in page.lower()
        offer = member.get(CHOOSE)
        assert "Another payment of this bill has not ended" in words(offer)
        assert f"/payments/{Payment.objects.get().reference}/" in offer.content.decode()
        assert 'name="pay"' not in offer.content.decode()

    def test_polling_tells_when_to_load_again_and_changes_nothing(
        self, member: Client, invoice: Invoice, sandbox: Sandbox
    ) -> None:
        self.result(member, invoice, sandbox)
        payment = Payment.objects.get()
        url = reverse("payments:state", args=[payment.reference])
        assert member.get(url, {"seen": payment.state}).status_code == 204
        assert member.get(url, {"seen": "unknown"}).headers["HX-Refresh"] == "true"


def test_a_payment_of_another_member_does_not_exist_for_me(member: Client, sandbox: Sandbox) -> None:
    theirs = paying.pay(sandbox, make_invoice())
    unknown = reverse("payments:show", args=["KP-2222-2222-2222"])
    for name in ("show", "state"):
        assert member.get(reverse(f"payments:{name}", args=[theirs.reference])).status_code == 404
    for name in ("refresh", "abandon"):
        assert member.post(reverse(f"payments:{name}", args=[theirs.reference])).status_code == 404
    assert member.get(unknown).status_code == 404


def test_a_checkout_of_another_member_does_not_exist_for_me(member: Client, sandbox: Sandbox) -> None:
    theirs = paying.start_checkout(sandbox, make_invoice())
    for name in ("method", "review"):
        for key in (theirs.pk, uuid.uuid4()):
            url = reverse(f"payments:{name}", args=[key])
            assert member.get(url).status_code == 404
            assert member.post(url).status_code == 404
    assert Payment.objects.count() == 0


def test_nothing_happens_on_get(member: Client, invoice: Invoice, sandbox: Sandbox) -> None:
    review = give_method(member, choose(member, invoice), sandbox)
    member.get(review)
    assert Payment.objects.count() == 0
    payment = paying.pay(sandbox, invoice, card="pm_card_threeDSecure2Required")
    for name in ("refresh", "abandon"):
        assert member.get(reverse(f"payments:{name}", args=[payment.reference])).status_code == 405
    payment.refresh_from_db()
    assert payment.state == State.REQUIRES_ACTION


def test_only_pages_that_take_a_method_admit_stripe(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    method = choose(member, invoice)
    origin = "http://127.0.0.1:1"
    assert origin in member.get(method).headers["Content-Security-Policy"]
    review = give_method(member, method, sandbox)
    for url in (CHOOSE, review, "/billing/"):
        assert origin not in member.get(url).headers["Content-Security-Policy"]


def test_the_client_secret_is_only_for_a_payment_that_waits(sandbox: Sandbox) -> None:
    payment = paying.pay(sandbox, make_invoice())
    with pytest.raises(submission.gateway.Refused):
        submission.client_secret(payment=payment)
