"""The promise of the product: somebody who has never been here pays a bill, and has it in writing."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.e2e import steps
from tests.e2e.product import Product
from tests.support.browser import NewPage


def pay_first_bill(page: Page, *, provider: str, amount: str) -> str:
    """From the billing home to "paid"; returns the reference."""
    steps.choose_bill(page, provider=provider)
    steps.enter_card(page)
    expect(page.get_by_role("heading", name="Check before you pay")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(amount)
    expect(page.get_by_role("main")).to_contain_text("4242")
    steps.press(page.get_by_role("button", name=f"Pay {amount} now"))
    expect(page.get_by_role("heading", name="Your payment has been made")).to_be_visible(
        timeout=steps.SOON
    )
    return steps.reference_on(page)


def mailed_receipt(page: Page, product: Product, *, to: str, folder: Path) -> str:
    """The text of the receipt that came by mail."""
    steps.open_mail(page, product, to=to, subject="[Rr]eceipt")
    with page.expect_download() as download:
        page.locator("a[download]").click()
    path = folder / "receipt.pdf"
    download.value.save_as(path)
    return "\n".join(sheet.extract_text() for sheet in PdfReader(path).pages)


def test_a_newcomer_registers_pays_and_gets_a_receipt(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage, tmp_path: Path
) -> None:
    person = people["unregistered_member"]
    page = new_page()
    steps.register(page, product, person)
    steps.confirm_address(page, product, person)
    steps.log_in(page, product, person)
    expect(page.get_by_role("main")).to_contain_text("$486.35")

    reference = pay_first_bill(page, provider="Paz Ellingsen, NP", amount="$84.20")
    expect(page.get_by_role("main")).to_contain_text(reference)

    steps.press(page.get_by_role("link", name="Paz Ellingsen, NP"))
    expect(page.get_by_role("main")).to_contain_text("This bill is paid. You owe nothing on it.")
    page.goto(f"{product.url}/billing/")
    expect(page.get_by_role("main")).to_contain_text("$402.15")

    receipt = mailed_receipt(page, product, to=person["email"], folder=tmp_path)
    assert reference in receipt
    assert "$84.20" in receipt
    assert "4242" in receipt

    assert [charge["charged_cents"] for charge in product.charges("wa")] == [84_20]
    product.manage("verify_ledger")
