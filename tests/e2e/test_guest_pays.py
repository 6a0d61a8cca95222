"""The promise to those who want no account: scan the bill, pay it, have it in writing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect
from pypdf import PdfReader

from tests.e2e import steps
from tests.e2e.product import Product
from tests.e2e.sweep import Sweep
from tests.support.browser import PHONE, NewPage

GUEST = "aunt@example.com"
FIELDS = "main :is(input:not([type=hidden]), select, textarea)"


@pytest.fixture
def person(cast_of_story: list[dict[str, Any]]) -> dict[str, Any]:
    """A member of the Mid-Atlantic States with a bill."""
    return next(one for one in cast_of_story if one["region"] == "MAS")


def pages_of(page: Page, product: Product) -> list[str]:
    """Fills with the path of every page of ours that the browser shows from now on."""
    shown: list[str] = []

    def note(response: Response) -> None:
        request = response.request
        if request.is_navigation_request() and request.frame == page.main_frame and response.ok:
            shown.append(response.url.removeprefix(product.url))

    page.on("response", note)
    return shown


def fields_on(page: Page) -> list[str]:
    return [str(name) for name in page.locator(FIELDS).evaluate_all("all => all.map(one => one.name)")]


def mailed_receipt(page: Page, product: Product, folder: Path) -> str:
    """The text of the PDF in the guest's mail, which is then open."""
    steps.open_mail(page, product, to=GUEST, subject="[Rr]eceipt")
    with page.expect_download() as download:
        page.locator("a[download]").click()
    path = folder / "receipt.pdf"
    download.value.save_as(path)
    return "\n".join(sheet.extract_text() for sheet in PdfReader(path).pages)


def test_a_guest_scans_a_bill_pays_prints_and_has_the_receipt_mailed(
    product: Product,
    person: dict[str, Any],
    people: dict[str, dict[str, Any]],
    new_page: NewPage,
    tmp_path: Path,
) -> None:
    sweep = Sweep(page := new_page(width=PHONE))
    page.add_init_script("window.print = () => { window.printed = (window.printed || 0) + 1; }")
    shown, asked = pages_of(page, product), []
    main = page.get_by_role("main")

    # A neighbor's bill comes first; the second code, scanned into the same tab, takes its place.
    for scanned in (people["household"], person):
        page.goto(f"{product.url}/guest/#code={scanned['pay_code']}&region={scanned['region']}")
        expect(page.get_by_label("Pay code")).to_have_value(scanned["pay_code"])
        expect(page.get_by_label("Area")).to_have_value(scanned["region"])
        assert page.url == f"{product.url}/guest/"
    asked += fields_on(page)
    steps.press(page.get_by_role("button", name="Find the bill"))
    expect(main).to_contain_text(f"{person['first_name'][0]}***** {person['last_name'][0]}.")
    expect(main).not_to_contain_text(person["last_name"])
    amount = main.locator(".amount-due > [aria-hidden]").inner_text()
    asked += fields_on(page)
    expect(steps.card_frame(page).get_by_label("Card number")).to_be_visible()
    sweep.look("guest's bill")
    steps.fill_in_card(page)
    steps.press(page.get_by_role("button", name="Continue"))
    expect(main).to_contain_text("4242")
    asked += fields_on(page)
    sweep.look("guest's review")
    steps.press(page.get_by_role("button", name=f"Confirm and pay {amount}"))
    expect(page.get_by_role("heading", name="Your payment has been made")).to_be_visible(
        timeout=steps.SOON
    )
    asked += fields_on(page)
    sweep.look("guest has paid")
    assert sweep.found == []
    assert shown == ["/guest/", "/guest/bill/", "/guest/review/", "/guest/payment/"]
    assert len(set(asked) - {"how_much"}) == len([name for name in asked if name != "how_much"])

    reference = main.locator("strong").first.inner_text()
    page.get_by_role("button", name="Print this page").click()
    assert page.evaluate("window.printed") == 1
    page.emulate_media(media="print")
    expect(page.get_by_label("E-mail address")).to_be_hidden()
    expect(main.get_by_text(reference).first).to_be_visible()
    page.emulate_media(media="screen")

    page.get_by_label("E-mail address").fill(GUEST)
    steps.press(page.get_by_role("button", name="Send the receipt"))
    expect(main).to_contain_text(f"The receipt is on its way to {GUEST}.")
    receipt = mailed_receipt(page, product, tmp_path)
    assert reference in receipt
    assert amount in receipt
    assert person["last_name"] not in receipt

    link = page.locator('a[href*="/guest/receipt/"]').first.get_attribute("href")
    assert link is not None
    for heading in ("Your payment has been made", "This link cannot be used"):
        elsewhere = new_page()
        elsewhere.goto(link)
        steps.press(elsewhere.get_by_role("button", name="Open the payment"))
        expect(elsewhere.get_by_role("heading", name=heading)).to_be_visible()

    page.goto(f"{product.url}/guest/payment/")
    steps.press(page.get_by_role("button", name="I am done: forget this payment"))
    expect(page.get_by_role("heading", name="This browser has forgotten the payment")).to_be_visible()
    page.go_back()
    expect(main).to_contain_text("No payment is open in this browser.")
    expect(main).not_to_contain_text(reference)

    cents = int(amount.replace("$", "").replace(",", "").replace(".", ""))
    assert [charge["charged_cents"] for charge in product.charges("mas")] == [cents]
    logs = product.said()
    assert person["pay_code"] not in logs
    assert person["pay_code"].replace("-", "") not in logs
    product.manage("verify_ledger")


def test_a_mistyped_code_is_told_by_the_page_itself(product: Product, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{product.url}/guest/")
    shown = pages_of(page, product)
    page.get_by_label("Area").select_option("MAS")
    page.get_by_label("Pay code").fill("BCDF-2345-GHJK-2")
    page.get_by_role("button", name="Find the bill").click()
    expect(page.get_by_role("alert")).to_have_text("Check the code: there is a typing mistake in it.")
    expect(page.get_by_label("Pay code")).to_be_focused()
    assert shown == []


def type_code(page: Page, person: dict[str, Any]) -> None:
    """From the bill; a code that was scanned stays in the address, and the page says so."""
    page.goto(f"{page.url}#code={person['pay_code']}&region={person['region']}")
    expect(page.get_by_label("Pay code")).to_have_value("")
    assert "type the code from the bill" in page.locator("main noscript").inner_html()
    page.get_by_label("Pay code").fill(person["pay_code"])


def type_whose_bill_it_is(page: Page, person: dict[str, Any]) -> None:
    page.get_by_text("I have no pay code").click()
    year, month, day = person["date_of_birth"].split("-")
    page.get_by_label("Account number").fill(person["account_number"])
    page.get_by_label("Last name").fill(person["last_name"])
    page.get_by_label("Month").fill(month)
    page.get_by_label("Day").fill(day)
    page.get_by_label("Year").fill(year)


@pytest.mark.parametrize("type_in", [type_code, type_whose_bill_it_is])
def test_without_javascript_a_guest_gets_to_the_card_field(
    product: Product,
    people: dict[str, dict[str, Any]],
    new_page: NewPage,
    type_in: Callable[[Page, dict[str, Any]], None],
) -> None:
    person, page = people["household"], new_page(javascript=False)
    page.goto(product.url)
    steps.press(page.get_by_role("link", name="One Time Payment"))
    page.get_by_label("Area").select_option(person["region"])
    type_in(page, person)
    steps.press(page.get_by_role("button", name="Find the bill"))
    page.get_by_label("Another amount").check()
    page.get_by_label("Amount to pay").fill("5.00")
    steps.press(page.get_by_role("button", name="Continue"))
    main = page.get_by_role("main")
    expect(main).to_contain_text("$5.00")
    # Chromium under automation runs no script, but shows no noscript either.
    assert "JavaScript is needed for this step" in page.locator("noscript").inner_html()
