"""The script in a real browser, on a page whose policy is as strict as the portal's."""

import json
from typing import Any

import pytest
import stripe
from playwright.sync_api import Page, Request, expect

from demo.stripe.core import Sandbox
from tests.sandbox.host_page import answer_challenge, form, seen, token, type_card
from tests.sandbox.steps import confirm, create

pytestmark = pytest.mark.e2e


def test_a_card_typed_in_the_frame_pays_through_our_server(
    page: Page,
    ncal: stripe.StripeClient,
    sandbox: Sandbox,
    trouble: list[str],
    sent: list[Request],
    host: str,
) -> None:
    type_card(page, "4242424242424242")
    expect(form(page).get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    expect(form(page).get_by_text("DEMO - test numbers only")).to_be_visible()
    made = token(page)["confirmationToken"]
    assert made["payment_method_preview"]["card"]["last4"] == "4242"
    billing = made["payment_method_preview"]["billing_details"]
    assert billing["address"]["postal_code"] == "94612"

    assert confirm(ncal, create(ncal), confirmation_token=made["id"]).status == "succeeded"
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]
    assert seen(page, "ready")[0]["elementType"] == "payment"
    assert seen(page, "change")[-1]["complete"] is True
    assert trouble == []
    # The page's own origin, and everything the page itself could read, never held the number.
    ours = [request for request in sent if request.url.startswith(host)]
    assert not any("4242424242424242" in (request.post_data or request.url) for request in ours)
    assert "4242424242424242" not in page.content() + json.dumps(page.evaluate("seen"))


def _start_challenge(page: Page, ncal: stripe.StripeClient, number: str) -> stripe.PaymentIntent:
    """Confirm on the server with a card that asks, and hand the question to the browser."""
    type_card(page, number)
    asked = confirm(ncal, create(ncal), confirmation_token=token(page)["confirmationToken"]["id"])
    assert asked.status == "requires_action"
    page.evaluate(
        """(clientSecret) => {
            window.outcome = null;
            stripe.handleNextAction({ clientSecret }).then((result) => (window.outcome = result));
        }""",
        asked.client_secret,
    )
    return asked


def _outcome(page: Page) -> dict[str, Any]:
    for _ in range(200):
        result = page.evaluate("window.outcome")
        if result:
            return result
        page.wait_for_timeout(50)
    raise AssertionError("handleNextAction never came back")


def test_the_banks_question_is_answered_over_the_page(
    page: Page, ncal: stripe.StripeClient, sandbox: Sandbox, trouble: list[str]
) -> None:
    asked = _start_challenge(page, ncal, "4000002760003184")
    question = page.frame_locator("dialog iframe")
    expect(question.get_by_text("Payment of $42.10")).to_be_visible()
    assert sandbox.charges() == []
    answer_challenge(page, "Complete")
    assert _outcome(page)["paymentIntent"]["status"] == "succeeded"
    assert ncal.v1.payment_intents.retrieve(asked.id).status == "succeeded"
    expect(page.locator("dialog")).to_have_count(0)
    assert trouble == []


@pytest.mark.parametrize("how", ["Fail", "Escape"])
def test_a_question_refused_or_closed_takes_nothing(
    page: Page, ncal: stripe.StripeClient, sandbox: Sandbox, how: str
) -> None:
    _start_challenge(page, ncal, "4000002760003184")
    if how == "Fail":
        answer_challenge(page, "Fail")
    else:
        expect(page.locator("dialog")).to_be_visible()
        page.locator("dialog").focus()
        page.keyboard.press("Escape")
    assert _outcome(page)["error"]["code"] == "payment_intent_authentication_failure"
    assert sandbox.charges() == []
    expect(page.locator("dialog")).to_have_count(0)


def test_a_bank_may_decline_after_its_question(
    page: Page, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    _start_challenge(page, ncal, "4000008400001629")
    answer_challenge(page, "Complete")
    assert _outcome(page)["error"]["code"] == "card_declined"
    assert [charge.charged_cents for charge in sandbox.charges()] == [0]


def test_the_browser_itself_can_confirm_and_is_told_of_a_decline(
    page: Page, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = create(ncal)
    given = {"clientSecret": intent.client_secret, "url": page.url}
    confirm_payment = """async ({ clientSecret, url }) => {
        await elements.submit();
        return stripe.confirmPayment({
            elements, clientSecret, redirect: "if_required", confirmParams: { return_url: url } });
    }"""
    type_card(page, "4000000000009995")
    error = page.evaluate(confirm_payment, given)["error"]
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    type_card(page, "378282246310005", cvc="1234")
    paid = page.evaluate(confirm_payment, given)["paymentIntent"]
    assert paid["status"] == "succeeded"
    assert "metadata" not in paid
    found = page.evaluate("(s) => stripe.retrievePaymentIntent(s)", intent.client_secret)
    assert found["paymentIntent"]["status"] == "succeeded"
    assert [charge.charged_cents for charge in sandbox.charges()] == [0, 4210]


def test_by_default_the_browser_goes_to_the_return_url(
    page: Page, ncal: stripe.StripeClient, host: str
) -> None:
    intent = create(ncal)
    type_card(page, "5555555555554444")
    page.evaluate(
        """async ({ clientSecret, url }) => {
            await elements.submit();
            stripe.confirmPayment({ elements, clientSecret, confirmParams: { return_url: url } });
        }""",
        {"clientSecret": intent.client_secret, "url": f"{host}/done?x=1"},
    )
    page.wait_for_url(f"{host}/done?*")
    assert f"payment_intent={intent.id}" in page.url
    assert "redirect_status=succeeded" in page.url


def test_a_bank_page_of_its_own_leads_back(
    page: Page, ncal: stripe.StripeClient, host: str, trouble: list[str]
) -> None:
    asked = ncal.v1.payment_intents.confirm(
        create(ncal).id,
        {"payment_method": "pm_card_authenticationRequired", "return_url": f"{host}/back"},
    )
    assert asked.next_action is not None
    assert asked.next_action.redirect_to_url is not None
    page.goto(str(asked.next_action.redirect_to_url.url))
    page.get_by_role("button", name="Complete").click()
    page.wait_for_url(f"{host}/back?*")
    assert "redirect_status=succeeded" in page.url
    assert ncal.v1.payment_intents.retrieve(asked.id).status == "succeeded"
    assert trouble == []


def test_a_card_is_saved_in_the_browser(
    page: Page, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    customer = ncal.v1.customers.create()
    setup = ncal.v1.setup_intents.create({"customer": customer.id})
    page.evaluate(
        """() => {
            element.destroy();
            window.elements = stripe.elements({ mode: "setup", currency: "usd" });
            window.element = elements.create("payment");
            element.mount("#payment");
        }"""
    )
    type_card(page, "4242424242424242")
    saved = page.evaluate(
        """async ({ clientSecret, url }) => {
            await elements.submit();
            return stripe.confirmSetup({ elements, clientSecret, redirect: "if_required",
                                         confirmParams: { return_url: url } });
        }""",
        {"clientSecret": setup.client_secret, "url": page.url},
    )
    assert saved["setupIntent"]["status"] == "succeeded"
    (card,) = ncal.v1.customers.payment_methods.list(customer.id).data
    assert card.id == saved["setupIntent"]["payment_method"]
    assert sandbox.charges() == []


def test_mistakes_in_the_page_are_integration_errors(page: Page) -> None:
    def complaint(code: str) -> str:
        return page.evaluate(
            f"async () => {{ try {{ {code}; return 'none'; }} catch (e) {{ return e.name; }} }}"
        )

    assert complaint("Stripe('sk_test_demo_ncal')") == "IntegrationError"
    assert complaint("Stripe('pk_live_x')") == "IntegrationError"
    assert complaint("stripe.elements({mode: 'payment', amount: 1.5, currency: 'usd'})") == (
        "IntegrationError"
    )
    assert complaint("elements.update({amount: 0})") == "IntegrationError"
    assert complaint("elements.create('payment')") == "IntegrationError"
    assert complaint("await stripe.createConfirmationToken({elements})") == "IntegrationError"
    assert complaint("await stripe.retrievePaymentIntent('pi_1')") == "IntegrationError"
    assert complaint("elements.update({amount: 100})") == "none"
