"""The script and its frames in a real browser, on a page whose policy is as strict as the portal's."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import stripe
from playwright.sync_api import Browser, FrameLocator, Page, Request, expect, sync_playwright

from demo.stripe.core import Sandbox
from demo.stripe.server import SandboxServer
from tests.sandbox.steps import confirm, create

pytestmark = pytest.mark.e2e

HOST_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Pay</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="{sandbox}/endive/stripe.js"></script><script src="/host.js" defer></script></head>
<body><main><h1>Pay</h1><div id="payment"></div></main></body></html>"""
HOST_SCRIPT = """
window.seen = [];
window.stripe = Stripe("pk_test_demo_ncal");
window.elements = stripe.elements({ mode: "payment", amount: 4210, currency: "usd" });
window.element = elements.create("payment");
for (const name of ["ready", "change", "loaderror"]) {
  element.on(name, (event) => seen.push({ name, ...event }));
}
element.mount("#payment");
"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class _Host(BaseHTTPRequestHandler):
    """The portal's page, and nothing of the portal."""

    def __init__(self, sandbox: str, *given: Any) -> None:
        self.sandbox = sandbox
        super().__init__(*given)

    def do_GET(self) -> None:
        script = self.path.startswith("/host.js")
        body = (HOST_SCRIPT if script else HOST_PAGE.format(sandbox=self.sandbox)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.send_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'self' {self.sandbox}; frame-src {self.sandbox}; "
            f"connect-src 'self' {self.sandbox}; base-uri 'none'; object-src 'none'; "
            "frame-ancestors 'none'",
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def host(server: SandboxServer) -> Iterator[str]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Host, server.url))
    web.daemon_threads = True
    thread = Thread(target=web.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.fixture
def trouble() -> list[str]:
    """Errors of the browser: a blocked style, a failed script, an exception."""
    return []


@pytest.fixture
def sent() -> list[Request]:
    return []


@pytest.fixture
def page(chromium: Browser, host: str, trouble: list[str], sent: list[Request]) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 320, "height": 800})
    page = context.new_page()
    page.set_default_timeout(10_000)
    # A declined card answers 402, which the browser notes in its console as a failed resource.
    page.on("console", lambda m: _note(trouble, m.type, m.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: sent.append(request))
    page.goto(host)
    yield page
    context.close()


def _note(trouble: list[str], kind: str, text: str) -> None:
    if kind == "error" and "status of 402" not in text:
        trouble.append(text)


def _form(page: Page) -> FrameLocator:
    return page.frame_locator("#payment iframe")


def _type_card(page: Page, number: str, cvc: str = "123") -> None:
    form = _form(page)
    form.get_by_label("Card number").fill(number)
    form.get_by_label("Expiration date").fill("12 / 34")
    form.get_by_label("Security code").fill(cvc)
    form.get_by_label("ZIP code").fill("94612")


def _token(page: Page) -> dict[str, Any]:
    return page.evaluate(
        """async () => {
            const submitted = await elements.submit();
            if (submitted.error) return submitted;
            return stripe.createConfirmationToken({
                elements, params: { return_url: location.href } });
        }"""
    )


def _seen(page: Page, name: str) -> list[dict[str, Any]]:
    return [event for event in page.evaluate("seen") if event["name"] == name]


def _answer_challenge(page: Page, button: str) -> None:
    page.frame_locator("dialog iframe").get_by_role("button", name=button).click()


def test_a_card_typed_in_the_frame_pays_through_our_server(
    page: Page,
    ncal: stripe.StripeClient,
    sandbox: Sandbox,
    trouble: list[str],
    sent: list[Request],
    host: str,
) -> None:
    _type_card(page, "4242424242424242")
    expect(_form(page).get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    expect(_form(page).get_by_text("DEMO - test numbers only")).to_be_visible()
    token = _token(page)["confirmationToken"]
    assert token["payment_method_preview"]["card"]["last4"] == "4242"
    billing = token["payment_method_preview"]["billing_details"]
    assert billing["address"]["postal_code"] == "94612"

    assert confirm(ncal, create(ncal), confirmation_token=token["id"]).status == "succeeded"
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]
    assert _seen(page, "ready")[0]["elementType"] == "payment"
    assert _seen(page, "change")[-1]["complete"] is True
    assert trouble == []
    # The page's own origin, and everything the page itself could read, never held the number.
    ours = [request for request in sent if request.url.startswith(host)]
    assert not any("4242424242424242" in (request.post_data or request.url) for request in ours)
    assert "4242424242424242" not in page.content() + json.dumps(page.evaluate("seen"))


def test_what_is_wrong_is_said_at_its_field(page: Page, sandbox: Sandbox, trouble: list[str]) -> None:
    form = _form(page)
    form.get_by_label("Expiration date").fill("13 / 34")
    error = _token(page)["error"]
    assert error == {"type": "validation_error", "message": "Enter a card number."}
    number = form.get_by_label("Card number")
    expect(number).to_be_focused()
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_have_accessible_description("Enter a card number.")
    expect(form.get_by_label("Expiration date")).to_have_accessible_description(
        "MM / YY The expiration date is not a month and a year."
    )
    _type_card(page, "4242424242424242")
    expect(number).not_to_have_attribute("aria-invalid", "true")
    assert "confirmationToken" in _token(page)
    assert trouble == []


def test_a_number_that_is_not_published_is_refused_plainly(page: Page) -> None:
    _type_card(page, "4111111111111111")
    error = _token(page)["error"]
    assert error["code"] == "incorrect_number"
    assert error["message"].startswith("This is a demo: only published test numbers work here")
    expect(_form(page).get_by_label("Card number")).to_have_accessible_description(error["message"])


def _start_challenge(page: Page, ncal: stripe.StripeClient, number: str) -> stripe.PaymentIntent:
    """Confirm on the server with a card that asks, and hand the question to the browser."""
    _type_card(page, number)
    asked = confirm(ncal, create(ncal), confirmation_token=_token(page)["confirmationToken"]["id"])
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
    _answer_challenge(page, "Complete")
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
        _answer_challenge(page, "Fail")
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
    _answer_challenge(page, "Complete")
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
    _type_card(page, "4000000000009995")
    error = page.evaluate(confirm_payment, given)["error"]
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    _type_card(page, "378282246310005", cvc="1234")
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
    _type_card(page, "5555555555554444")
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
    _type_card(page, "4242424242424242")
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


def test_messages_from_elsewhere_change_nothing(page: Page) -> None:
    expect(_form(page).get_by_label("Card number")).to_be_visible()
    height = page.evaluate("document.querySelector('#payment iframe').style.height")
    page.evaluate(
        """() => {
            window.postMessage({ demoStripe: "element", type: "height", height: 1999 }, "*");
            window.postMessage({ demoStripe: "element", type: "change", complete: true }, "*");
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("document.querySelector('#payment iframe').style.height") == height
    assert _seen(page, "change") == []


def test_the_frame_speaks_only_with_pages_of_this_machine(page: Page, server: SandboxServer) -> None:
    page.goto(f"{server.url}/endive/element#key=pk_test_demo_ncal&origin=https://evil.example")
    assert page.get_by_label("Card number").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_form_fits_and_reads_at_any_width_and_ground(page: Page, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    form = _form(page)
    expect(form.get_by_label("ZIP code")).to_be_visible()
    frame = page.frames[1]
    assert page.locator("#payment iframe").get_attribute("title") == "DEMO secure payment input frame"
    assert frame.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert frame.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
    ground, ink = frame.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (ground, ink) == {
        "light": ("rgb(255, 255, 255)", "rgb(20, 34, 46)"),
        "dark": ("rgb(22, 33, 43)", "rgb(233, 239, 244)"),
    }[scheme]


def test_the_keyboard_alone_fills_the_form_in_order(page: Page) -> None:
    expect(_form(page).get_by_label("Card number")).to_be_visible()
    page.evaluate("element.focus()")
    expect(_form(page).get_by_label("Card number")).to_be_focused()
    for word in ("4242424242424242", "1234", "123", "94612"):
        page.keyboard.type(word)
        page.keyboard.press("Tab")
    assert _token(page)["confirmationToken"]["payment_method_preview"]["card"]["exp_month"] == 12


def test_the_form_speaks_spanish(page: Page) -> None:
    page.evaluate(
        """() => {
            element.destroy();
            window.elements = stripe.elements({
                mode: "payment", amount: 4210, currency: "usd", locale: "es" });
            elements.create("payment").mount("#payment");
        }"""
    )
    expect(_form(page).get_by_label("Número de tarjeta")).to_be_visible()
    assert page.evaluate("elements.submit()")["error"]["message"] == "Escriba un número de tarjeta."


def test_a_sandbox_that_does_not_answer_is_said_so(page: Page) -> None:
    expect(_form(page).get_by_label("Card number")).to_be_visible()
    page.route("**/v1/**", lambda route: route.abort())
    _type_card(page, "4242424242424242")
    error = _token(page)["error"]
    assert error["type"] == "api_connection_error"
