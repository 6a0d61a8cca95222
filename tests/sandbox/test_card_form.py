"""The card form in its frame: what it says, to whom it speaks, how it fits."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from demo.stripe.core import Sandbox
from demo.stripe.server import SandboxServer
from tests.sandbox.host_page import form, seen, token, type_card

pytestmark = pytest.mark.e2e


def test_what_is_wrong_is_said_at_its_field(page: Page, sandbox: Sandbox, trouble: list[str]) -> None:
    fields = form(page)
    fields.get_by_label("Expiration date").fill("13 / 34")
    error = token(page)["error"]
    assert error == {"type": "validation_error", "message": "Enter a card number."}
    number = fields.get_by_label("Card number")
    expect(number).to_be_focused()
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_have_accessible_description("Enter a card number.")
    expect(fields.get_by_label("Expiration date")).to_have_accessible_description(
        "MM / YY The expiration date is not a month and a year."
    )
    type_card(page, "4242424242424242")
    expect(number).not_to_have_attribute("aria-invalid", "true")
    assert "confirmationToken" in token(page)
    assert trouble == []


def test_a_number_that_is_not_published_is_refused_plainly(page: Page) -> None:
    type_card(page, "4111111111111111")
    error = token(page)["error"]
    assert error["code"] == "incorrect_number"
    assert error["message"].startswith("This is a demo: only published test numbers work here")
    expect(form(page).get_by_label("Card number")).to_have_accessible_description(error["message"])


def test_messages_from_elsewhere_change_nothing(page: Page) -> None:
    expect(form(page).get_by_label("Card number")).to_be_visible()
    height = page.evaluate("document.querySelector('#payment iframe').style.height")
    page.evaluate(
        """() => {
            window.postMessage({ demoStripe: "element", type: "height", height: 1999 }, "*");
            window.postMessage({ demoStripe: "element", type: "change", complete: true }, "*");
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("document.querySelector('#payment iframe').style.height") == height
    assert seen(page, "change") == []


def test_the_frame_speaks_only_with_pages_of_this_machine(page: Page, server: SandboxServer) -> None:
    page.goto(f"{server.url}/endive/element#key=pk_test_demo_ncal&origin=https://evil.example")
    assert page.get_by_label("Card number").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_form_fits_and_reads_at_any_width_and_ground(page: Page, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    fields = form(page)
    expect(fields.get_by_label("ZIP code")).to_be_visible()
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
    expect(form(page).get_by_label("Card number")).to_be_visible()
    page.evaluate("element.focus()")
    expect(form(page).get_by_label("Card number")).to_be_focused()
    for word in ("4242424242424242", "1234", "123", "94612"):
        page.keyboard.type(word)
        page.keyboard.press("Tab")
    assert token(page)["confirmationToken"]["payment_method_preview"]["card"]["exp_month"] == 12


def test_the_form_speaks_spanish(page: Page) -> None:
    page.evaluate(
        """() => {
            element.destroy();
            window.elements = stripe.elements({
                mode: "payment", amount: 4210, currency: "usd", locale: "es" });
            elements.create("payment").mount("#payment");
        }"""
    )
    expect(form(page).get_by_label("Número de tarjeta")).to_be_visible()
    assert page.evaluate("elements.submit()")["error"]["message"] == "Escriba un número de tarjeta."


def test_a_sandbox_that_does_not_answer_is_said_so(page: Page) -> None:
    expect(form(page).get_by_label("Card number")).to_be_visible()
    page.route("**/v1/**", lambda route: route.abort())
    type_card(page, "4242424242424242")
    error = token(page)["error"]
    assert error["type"] == "api_connection_error"
