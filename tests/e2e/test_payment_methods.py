"""Keeping payment methods, in a browser: a card, one whose bank asks, a bank account verified by
deposits; paying with a saved card without JavaScript; removing all of them. axe looks at each page."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import steps
from tests.e2e.product import Product
from tests.e2e.sweep import Sweep
from tests.support.browser import NewPage

STEP_CARD = "4000 0025 0000 3155"
RIGHT_CODE, WRONG_CODE = "SM11AA", "SM22BB"


def start_adding(sweep: Sweep, product: Product, person: dict[str, Any]) -> None:
    """To the page with the frame; the password is given where it is asked for."""
    page = sweep.page
    page.goto(f"{product.url}/methods/")
    steps.press(page.get_by_role("link", name="Add a card or bank account"))
    if "/login/again/" in page.url:
        sweep.look("is it still you?")
        page.get_by_label("Password").fill(person["password"])
        steps.press(page.get_by_role("main").get_by_role("button", name="Continue"))
    expect(steps.card_frame(page).get_by_label("Card number")).to_be_visible()


def type_card(page: Page, number: str) -> None:
    frame = steps.card_frame(page)
    frame.get_by_label("Card number").fill(number)
    frame.get_by_label("Expiration date").fill("12 / 34")
    frame.get_by_label("Security code").fill("123")
    frame.get_by_label("ZIP code").fill("94612")
    steps.press(page.get_by_role("button", name="Continue"))


def type_bank_account(page: Page) -> None:
    """One whose owner has no log-in at the bank at hand."""
    frame = steps.card_frame(page)
    frame.get_by_label("Bank account", exact=True).check()
    frame.get_by_label("Name on the account").fill("Avery Castellan")
    frame.get_by_label("Routing number").fill("110000000")
    frame.get_by_label("Account number").fill("000123456789")
    frame.get_by_label(re.compile("two small deposits")).check()
    steps.press(page.get_by_role("button", name="Continue"))


def agree(page: Page) -> None:
    page.get_by_label("I agree to this").check()
    steps.press(page.get_by_role("button", name="Agree and save"))


def deposits_arrive(page: Page, product: Product) -> None:
    """At the Demo bank."""
    port = (product.folder / "stripe" / "port").read_text()
    page.goto(f"http://127.0.0.1:{port}/bank/?account=ncal")
    page.get_by_role("button", name=re.compile("arriv", re.IGNORECASE)).first.click()


def said(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def test_methods_are_kept_used_and_removed(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage
) -> None:
    person = people["member_with_bills"]
    sweep = Sweep(page := new_page())
    steps.log_in(page, product, person)
    page.goto(f"{product.url}/methods/")
    sweep.look("no methods")

    start_adding(sweep, product, person)
    sweep.look("add a method")
    type_card(page, "4242 4242 4242 4242")
    steps.press(page.get_by_role("button", name="Agree and save"))
    sweep.look("save without agreeing")
    agree(page)
    said(page, "Visa ending in 4242 is saved.")

    start_adding(sweep, product, person)
    type_card(page, STEP_CARD)
    agree(page)
    expect(page.get_by_role("heading", name="Your bank asks you to confirm")).to_be_visible()
    sweep.look("the bank's step before saving")
    page.get_by_role("button", name="Continue to your bank").click()
    page.frame_locator("dialog iframe").get_by_role("button", name="Complete").click()
    said(page, "Visa ending in 3155 is saved.")

    start_adding(sweep, product, person)
    type_bank_account(page)
    sweep.look("what a bank account's owner agrees to")
    agree(page)
    said(page, "A small deposit is on its way")
    sweep.look("list of methods")

    deposits_arrive(page, product)
    page.goto(f"{product.url}/methods/")
    steps.press(page.get_by_role("link", name=re.compile("^Verify")))
    page.get_by_label("Code").fill(WRONG_CODE)
    steps.press(page.get_by_role("button", name="Verify"))
    expect(page.get_by_role("alert")).to_contain_text("You have 9 tries left.")
    sweep.look("verify with a wrong code")
    page.get_by_label("Code").fill(RIGHT_CODE)
    steps.press(page.get_by_role("button", name="Verify"))
    said(page, "ending in 6789 is saved.")

    reference = pay_without_a_script(new_page(javascript=False), product, person)
    paid = [line for line in product.charges("ncal") if line["payment"] == reference]
    assert [line["charged_cents"] for line in paid] == [1_23]

    page.goto(f"{product.url}/methods/")
    while page.get_by_role("link", name=re.compile("^Remove")).count():
        steps.press(page.get_by_role("link", name=re.compile("^Remove")).first)
        sweep.look("remove a method")
        steps.press(page.get_by_role("button", name="Remove it"))
        said(page, "was removed.")
    expect(page.get_by_text("Nothing saved yet")).to_be_visible()
    assert sweep.found == []


def pay_without_a_script(page: Page, product: Product, person: dict[str, Any]) -> str:
    """With the card that is offered first; returns the payment's reference."""
    steps.log_in(page, product, person)
    page.goto(f"{product.url}/pay/?kind=medical&tick=none")
    row = page.locator(".pay-row").filter(has_text="HB-0098213")
    row.get_by_role("checkbox").check()
    row.get_by_role("textbox").fill("1.23")
    steps.press(page.get_by_role("button", name="Continue"))
    expect(page.get_by_label(re.compile("Visa ending in 4242"))).to_be_checked()
    steps.press(page.get_by_role("button", name="Continue to review"))
    steps.press(page.get_by_role("button", name="Pay $1.23 now"))
    expect(page.get_by_role("heading", name="Your payment has been made")).to_be_visible()
    return steps.reference_on(page)
