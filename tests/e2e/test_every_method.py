"""Every way to pay, in a browser: several bills, a saved card, the bank's step, a bank account, the
account balance; and the money back. What the pages say is held against the sandbox's own book."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e import steps
from tests.e2e.product import Product
from tests.support.browser import NewPage

PAID = "Your payment has been made"
STEP_CARD = "4000 0000 0000 3220"


def signed_in(new_page: NewPage, product: Product, person: dict[str, Any]) -> Page:
    page = new_page()
    steps.log_in(page, product, person)
    return page


def row(page: Page, bill: str) -> Locator:
    """A bill's row where it can be ticked."""
    return page.locator(".pay-row").filter(has_text=bill)


def choose(page: Page, product: Product, kind: str, amounts: dict[str, str]) -> None:
    """Step 1: tick just these bills and say how much each gets."""
    page.goto(f"{product.url}/pay/?kind={kind}&tick=none")
    for bill, amount in amounts.items():
        row(page, bill).get_by_role("checkbox").check()
        row(page, bill).get_by_role("textbox").fill(amount)
    steps.press(page.get_by_role("button", name="Continue"))


def pay_now(page: Page) -> None:
    steps.press(page.get_by_role("button", name=re.compile(r"^(Pay|Add) \$.* now$")))


def expect_page(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible(timeout=steps.SOON)


def enter_bank_account(page: Page, account: str = "000123456789") -> None:
    """Type a bank account into the frame and go on to the review."""
    frame = steps.card_frame(page)
    frame.get_by_label("Bank account", exact=True).check()
    frame.get_by_label("Name on the account").fill("Avery Castellan")
    frame.get_by_label("Routing number").fill("110000000")
    frame.get_by_label("Account number").fill(account)
    frame.get_by_label(re.compile("I allow the bank")).check()
    steps.press(page.get_by_role("button", name="Continue to review"))


def at_the_bank(page: Page, product: Product, act: str, reference: str) -> None:
    """Press a button on the Demo bank's page."""
    port = (product.folder / "stripe" / "port").read_text()
    page.goto(f"http://127.0.0.1:{port}/bank/?account=ncal")
    page.get_by_role("button", name=re.compile(f"^{act}.*{reference}")).click()


def until(page: Page, product: Product, reference: str, heading: str) -> None:
    """Load a payment's page until it says so: the bank's news reaches us by webhook."""
    expect_soon = page.get_by_role("heading", name=heading, level=1)
    for _ in range(120):
        page.goto(f"{product.url}/payments/{reference}/")
        if expect_soon.is_visible():
            return
        page.wait_for_timeout(250)
    expect(expect_soon).to_be_visible()


def taken(product: Product, account: str, reference: str) -> int:
    """What the witness says is ours of a payment, in cents."""
    return sum(
        charge["net_cents"] for charge in product.charges(account) if charge["payment"] == reference
    )


def test_three_bills_at_once_in_part_and_then_the_rest_with_the_saved_card(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage
) -> None:
    page = signed_in(new_page, product, people["household"])
    choose(
        page,
        product,
        "medical",
        {"MB-5510027": "20.00", "MB-5510133": "4.01", "HB-0551208": "100.00"},
    )
    page.get_by_label(re.compile("Keep .* for next time|Keep this")).check()
    steps.enter_card(page)
    expect(page.get_by_role("main")).to_contain_text("$124.01")
    expect(page.get_by_role("main")).to_contain_text("$385.00")  # still owed on the hospital bill
    page.get_by_role("main").get_by_role("checkbox").check()
    pay_now(page)
    expect_page(page, PAID)
    first = steps.reference_on(page)
    assert taken(product, "hi", first) == 124_01

    choose(page, product, "medical", {"MB-5510133": "5.99"})
    page.get_by_label(re.compile("ending in 4242")).check()
    steps.press(page.get_by_role("button", name="Continue to review"))
    pay_now(page)
    expect_page(page, PAID)
    assert taken(product, "hi", steps.reference_on(page)) == 5_99
    product.manage("verify_ledger")


def test_the_banks_step_failed_charges_nothing_and_taken_it_pays(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage
) -> None:
    page = signed_in(new_page, product, people["member_with_bills"])
    for button, heading, cents in (
        ("Fail", "Your payment did not go through", 0),
        ("Complete", PAID, 12_35),
    ):
        choose(page, product, "medical", {"HB-0098213": "12.35"})
        steps.enter_card(page, STEP_CARD)
        pay_now(page)
        page.get_by_role("button", name="Continue to your bank").click()
        page.frame_locator("dialog iframe").get_by_role("button", name=button).click()
        expect_page(page, heading)
        assert taken(product, "ncal", steps.reference_on(page)) == cents
    product.manage("verify_ledger")


def test_a_bank_debit_settles_and_another_one_is_returned(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage
) -> None:
    page = signed_in(new_page, product, people["member_with_bills"])
    for act, heading, cents in (
        ("Settle now", PAID, 318_40),
        ("Return", "Your payment did not go through", 0),
    ):
        number = "PR-NC-7718-1" if act == "Settle now" else "PR-NC-7718-2"
        choose(page, product, "premium", {number: "318.40"})
        enter_bank_account(page)
        expect(page.get_by_role("main")).to_contain_text("I authorize")
        page.get_by_role("main").get_by_role("checkbox").check()
        pay_now(page)
        expect_page(page, "Your payment is on its way")
        expect(page.get_by_role("main")).to_contain_text("We expect the money by")
        reference = steps.reference_on(page)

        at_the_bank(page, product, act, reference)
        until(page, product, reference, heading)
        assert taken(product, "ncal", reference) == cents
    expect(page.get_by_role("main")).to_contain_text("not enough money")
    product.manage("verify_ledger")


def test_money_is_added_spent_on_a_bill_in_part_and_the_rest_comes_back(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage
) -> None:
    page = signed_in(new_page, product, people["member_with_bills"])
    page.goto(f"{product.url}/balance/add/")
    page.get_by_role("main").get_by_role("textbox").fill("50.00")
    steps.press(page.get_by_role("button", name="Continue"))
    steps.enter_card(page)
    pay_now(page)
    expect_page(page, re.compile("added|has been made"))  # type: ignore[arg-type]
    added = steps.reference_on(page)

    page.goto(f"{product.url}/pay/?kind=medical&tick=none")
    row(page, "MB-2231090").get_by_role("checkbox").check()
    row(page, "MB-2231090").get_by_role("textbox").fill("30.00")
    page.get_by_label(re.compile("^Use my account balance|Use .*balance")).check()
    page.locator("#balance").get_by_role("textbox").fill("20.00")
    steps.press(page.get_by_role("button", name="Continue"))
    steps.enter_card(page)
    expect(page.get_by_role("main")).to_contain_text("$20.00")
    pay_now(page)
    expect_page(page, PAID)
    assert taken(product, "ncal", steps.reference_on(page)) == 10_00

    page.goto(f"{product.url}/balance/back/")
    steps.press(page.get_by_role("button", name="Send $30.00 back"))
    page.goto(f"{product.url}/balance/")
    expect(page.get_by_role("main")).to_contain_text("$0.00")
    steps.until(page, lambda: taken(product, "ncal", added) == 20_00, "the rest sent back")
    product.manage("verify_ledger")
