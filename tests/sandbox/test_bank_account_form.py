"""The bank account form in its frame: chosen beside the card, confirmed by the bank or by deposits."""

import json

import pytest
import stripe
from playwright.sync_api import Page, Request, expect

from demo.stripe.core import Sandbox
from tests.sandbox.host_page import form, remount, seen, token, type_account, type_card
from tests.sandbox.steps import ACCEPTED, confirm, create
from tests.support.axe import axe_violations, faults_in_every_look

pytestmark = pytest.mark.e2e


def test_an_account_typed_in_the_frame_pays_through_our_server(
    page: Page,
    ncal: stripe.StripeClient,
    sandbox: Sandbox,
    trouble: list[str],
    sent: list[Request],
    host: str,
) -> None:
    type_account(page)
    form(page).get_by_label("Account type").select_option("Savings")
    made = token(page)["confirmationToken"]
    preview = made["payment_method_preview"]
    assert (preview["type"], preview["us_bank_account"]["last4"]) == ("us_bank_account", "6789")
    assert preview["us_bank_account"]["account_type"] == "savings"
    assert preview["billing_details"]["name"] == "Ana Silva"
    paid = confirm(ncal, create(ncal), confirmation_token=made["id"], mandate_data=ACCEPTED)
    assert paid.status == "processing"
    assert [line.pending_cents for line in sandbox.charges()] == [4210]
    change = seen(page, "change")[-1]
    assert (change["complete"], change["value"]) == (True, {"type": "us_bank_account"})
    assert trouble == []
    ours = [request for request in sent if request.url.startswith(host)]
    assert not any("000123456789" in (request.post_data or request.url) for request in ours)
    assert "000123456789" not in page.content() + json.dumps(page.evaluate("seen"))


def test_without_the_banks_word_two_deposits_come_first(
    page: Page, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    type_account(page, instant=False)
    expect(form(page).get_by_label("I allow the bank")).to_be_hidden()
    made = token(page)["confirmationToken"]["id"]
    asked = confirm(ncal, create(ncal), confirmation_token=made, mandate_data=ACCEPTED)
    assert asked.status == "requires_action"
    sandbox.bank.microdeposits_arrive("ncal", asked.id)
    answer = "([secret, given]) => stripe.verifyMicrodepositsForPayment(secret, given)"
    wrong = page.evaluate(answer, [asked.client_secret, {"amounts": [1, 2]}])
    assert wrong["error"]["code"].endswith("amounts_mismatch")
    right = page.evaluate(answer, [asked.client_secret, {"amounts": [32, 45]}])
    assert right["paymentIntent"]["status"] == "processing"
    # The script leaves an intent alone that only its owner's answer can move.
    other = confirm(
        ncal,
        create(ncal),
        confirmation_token=token(page)["confirmationToken"]["id"],
        mandate_data=ACCEPTED,
    )
    left = page.evaluate("(s) => stripe.handleNextAction({ clientSecret: s })", other.client_secret)
    assert left["paymentIntent"]["status"] == "requires_action"


def test_what_is_wrong_is_said_at_its_field(page: Page, trouble: list[str]) -> None:
    fields = form(page)
    fields.get_by_label("Bank account", exact=True).check()
    fields.get_by_label("Routing number").fill("1100")
    assert token(page)["error"]["message"] == "Enter the name on the account."
    expect(fields.get_by_label("Name on the account")).to_be_focused()
    for label, problem in (
        ("Routing number", "For the demo: 110000000 A routing number has 9 digits."),
        ("Account number", "For the demo: 000123456789 Enter the account number."),
        ("I allow the bank", "Allow the demo bank to confirm your account."),
    ):
        expect(fields.get_by_label(label)).to_have_accessible_description(problem)
    type_account(page, "000999999999")
    fields.get_by_label("Routing number").fill("021000021")
    error = token(page)["error"]
    assert error["message"].startswith("This is a demo: only the test routing number")
    expect(fields.get_by_label("Routing number")).to_have_attribute("aria-invalid", "true")
    fields.get_by_label("Routing number").fill("110000000")
    error = token(page)["error"]
    assert (error["code"], "Never type a real" in error["message"]) == ("account_number_invalid", True)
    fields.get_by_label("Account number").fill("000123456789")
    assert "confirmationToken" in token(page)


def test_the_choice_can_be_changed_and_what_was_typed_stays(page: Page) -> None:
    type_card(page, "4242424242424242")
    form(page).get_by_label("Bank account", exact=True).check()
    assert "error" in page.evaluate("elements.submit()")
    change = seen(page, "change")[-1]
    assert (change["complete"], change["value"]) == (False, {"type": "us_bank_account"})
    expect(form(page).get_by_label("Card number")).to_be_hidden()
    form(page).get_by_label("Card", exact=True).check()
    expect(form(page).get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    assert page.evaluate("elements.submit()") == {"selectedPaymentMethod": "card"}
    assert seen(page, "change")[-1]["value"] == {"type": "card"}


def test_the_page_decides_which_methods_are_offered(page: Page) -> None:
    remount(page, allowedPaymentMethodTypes=["us_bank_account"])
    expect(form(page).get_by_label("Routing number")).to_be_visible()
    assert form(page).get_by_label("Card", exact=True).is_hidden()
    remount(page, excludedPaymentMethodTypes=["us_bank_account"])
    expect(form(page).get_by_label("Card number")).to_be_visible()
    assert form(page).get_by_label("Bank account", exact=True).is_hidden()
    instant = {"us_bank_account": {"verification_method": "instant"}}
    remount(page, paymentMethodOptions=instant)
    form(page).get_by_label("Bank account", exact=True).check()
    assert form(page).get_by_label("By two small deposits").is_hidden()
    for mistake in (
        "stripe.elements({mode: 'setup', currency: 'usd', paymentMethodTypes: ['card']})",
        "stripe.elements({mode: 'setup', currency: 'usd', allowedPaymentMethodTypes: ['x']})"
        ".create('payment')",
        "stripe.elements({mode: 'setup', currency: 'usd'}).create('payment', {colour: 'red'})",
    ):
        assert page.evaluate(f"() => {{ try {{ {mistake}; }} catch (e) {{ return e.name; }} }}") == (
            "IntegrationError"
        )


def test_an_account_is_saved_in_the_browser(
    page: Page, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    customer = ncal.v1.customers.create().id
    setup = ncal.v1.setup_intents.create({"customer": customer})
    type_account(page)
    saved = page.evaluate(
        """async ({ clientSecret, url }) => {
            await elements.submit();
            return stripe.confirmSetup({ elements, clientSecret, redirect: "if_required",
                                         confirmParams: { return_url: url } });
        }""",
        {"clientSecret": setup.client_secret, "url": page.url},
    )
    assert saved["setupIntent"]["status"] == "succeeded"
    found = ncal.v1.setup_intents.retrieve(setup.id)
    # A browser agrees to the mandate by confirming.
    assert ncal.v1.mandates.retrieve(str(found.mandate)).status == "active"
    (account,) = ncal.v1.customers.payment_methods.list(customer).data
    assert account.id == found.payment_method


def test_the_keyboard_alone_fills_the_form(page: Page) -> None:
    card = form(page).get_by_label("Card", exact=True)
    expect(card).to_be_visible()
    card.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    for word in ("Ana Silva", "110000000", "000123456789"):
        page.keyboard.type(word)
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # the kind of account
    page.keyboard.press("Tab")  # the way of verification
    page.keyboard.press("Space")
    assert "confirmationToken" in token(page)


def test_the_form_speaks_spanish(page: Page) -> None:
    remount(page, locale="es")
    form(page).get_by_label("Cuenta bancaria", exact=True).check()
    submitted = page.evaluate("elements.submit()")
    assert submitted["error"]["message"] == "Escriba el nombre que figura en la cuenta."


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("state", ["card", "bank", "error"])
def test_axe_finds_nothing_and_nothing_is_cut_off(page: Page, width: int, state: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    expect(form(page).get_by_label("Card number")).to_be_visible()
    if state != "card":
        form(page).get_by_label("Bank account", exact=True).check()
    if state == "error":
        assert "error" in token(page)
    frame = page.frames[1]
    expect(form(page).get_by_label("Card number")).to_be_visible(visible=state == "card")
    page.wait_for_timeout(150)  # the frame tells its height after it was drawn
    found = axe_violations(frame)
    page.emulate_media(color_scheme="dark")
    found += axe_violations(frame, only_colors=True)
    # The heading is the page's: a frame with one of its own would give the page two.
    assert [bad for bad in found if not bad.startswith("page-has-heading-one: html")] == []
    assert frame.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert frame.evaluate("document.documentElement.scrollHeight <= window.innerHeight")


def test_axe_finds_nothing_on_the_banks_question(page: Page, ncal: stripe.StripeClient) -> None:
    asked = ncal.v1.payment_intents.confirm(
        create(ncal).id,
        {"payment_method": "pm_card_authenticationRequired", "return_url": f"{page.url}back"},
    )
    assert asked.next_action is not None
    assert asked.next_action.redirect_to_url is not None
    page.goto(str(asked.next_action.redirect_to_url.url))
    expect(page.get_by_role("button", name="Complete")).to_be_visible()
    assert faults_in_every_look(page) == []
