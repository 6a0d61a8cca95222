"""The two scripts of paying, in a real browser, with a Stripe that fails them."""

from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.support.browser import NewPage

pytestmark = pytest.mark.e2e
SCRIPTS = Path(settings.BASE_DIR) / "static" / "js"
FAILED = "Load this page again."


def broken(new_page: NewPage, script: str, form: str, stripe: str) -> Page:
    """A page with a form, a Stripe and one of our scripts."""
    page = new_page()
    page.set_content(
        f"""<form id="{form}" data-mode="payment" data-failed="{FAILED}">
        <div id="{form.replace("-form", "")}-error" hidden></div>
        <div id="new-method"><div id="payment-element"></div></div>
        <input type="hidden" name="confirmation_token"><button>Go on</button></form>"""
    )
    page.evaluate(f"window.Stripe = () => ({stripe})")
    page.add_script_tag(path=SCRIPTS / script)
    return page


FRAME = "create: () => ({ on() {}, mount() {} })"


@pytest.mark.parametrize(
    "stripe",
    [
        f"{{ elements: () => ({{ {FRAME}, submit: () => Promise.reject(new Error('no frame')) }}) }}",
        f"{{ elements: () => ({{ {FRAME}, submit: async () => ({{}}) }}),"
        " createConfirmationToken: () => Promise.reject(new Error('no network')) }",
    ],
)
def test_a_card_form_that_breaks_says_so_and_can_be_tried_again(new_page: NewPage, stripe: str) -> None:
    page = broken(new_page, "method.js", "method-form", stripe)

    page.get_by_role("button").click()

    expect(page.locator("#method-error")).to_have_text(FAILED)
    expect(page.get_by_role("button")).to_be_enabled()
    assert page.locator("[name=confirmation_token]").input_value() == ""


def test_what_stripe_finds_wrong_with_the_card_is_said(new_page: NewPage) -> None:
    answer = "{ error: { message: 'Enter a card number.' } }"
    page = broken(
        new_page,
        "method.js",
        "method-form",
        f"{{ elements: () => ({{ {FRAME}, submit: async () => ({answer}) }}) }}",
    )

    page.get_by_role("button").click()

    expect(page.locator("#method-error")).to_have_text("Enter a card number.")
    expect(page.get_by_role("button")).to_be_enabled()


def test_a_bank_step_that_breaks_says_so_and_can_be_tried_again(new_page: NewPage) -> None:
    stripe = "{ handleNextAction: () => Promise.reject(new Error('no network')) }"
    page = broken(new_page, "bank-step.js", "bank-step", stripe)

    page.get_by_role("button").click()

    expect(page.locator("#bank-step-error")).to_have_text(FAILED)
    expect(page.get_by_role("button")).to_be_enabled()
