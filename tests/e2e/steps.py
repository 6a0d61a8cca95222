"""What a person does in the portal, page by page, found by what the pages say."""

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, expect

from accounts.services.second_steps import code_at
from tests.e2e.product import Product

SOON = 60_000  # milliseconds: what a worker does takes a moment on a busy machine
AREAS = {
    "NCAL": "Northern California",
    "HI": "Hawaii",
    "WA": "Washington",
    "MAS": "Mid-Atlantic States",
}

# How long an authenticator app shows a code (RFC 6238).
CODE_SECONDS = 30


def press(locator: Locator) -> None:
    """Click what leads to another page, or to this one anew, and wait until that is there."""
    with locator.page.expect_navigation():
        locator.click()


def fill_in_registration(page: Page, person: dict[str, Any]) -> None:
    year, month, day = person["date_of_birth"].split("-")
    page.get_by_label("First name").fill(person["first_name"])
    page.get_by_label("Last name").fill(person["last_name"])
    page.get_by_label("Month").fill(month)
    page.get_by_label("Day").fill(day)
    page.get_by_label("Year").fill(year)
    page.get_by_label("Member number").fill(person["member_number"])
    page.get_by_label("E-mail address").fill(person["email"])
    page.get_by_label("Password").fill(person["password"])


def register(page: Page, product: Product, person: dict[str, Any]) -> None:
    """From the first page to the one that asks to look into the mail."""
    page.goto(product.url)
    press(page.get_by_role("navigation").get_by_role("link", name="Registration"))
    press(page.get_by_role("link", name=AREAS[person["region"]], exact=True))
    fill_in_registration(page, person)
    press(page.get_by_role("button", name="Continue"))
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()


def open_mail(page: Page, product: Product, *, to: str, subject: str) -> None:
    """The newest mail to somebody with these words in its subject, once it has been delivered."""
    until(page, lambda: product.has_mail(to=to, subject=subject), f"mail to {to} about {subject}")
    page.goto(f"{product.url}/demo/mail/")
    row = page.get_by_role("row").filter(has_text=to).filter(has_text=re.compile(subject))
    press(row.first.get_by_role("link"))


def until(page: Page, is_so: Callable[[], bool], what: str) -> None:
    """Wait for what a worker brings about; the page goes on meanwhile."""
    deadline = time.monotonic() + SOON / 1000
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        page.wait_for_timeout(100)


def follow_mailed_link(page: Page, part: str) -> None:
    """The link of the open mail with this in its address."""
    press(page.locator(f'a[href*="{part}"]').first)


def confirm_address(page: Page, product: Product, person: dict[str, Any]) -> None:
    open_mail(page, product, to=person["email"], subject="Confirm your e-mail address")
    follow_mailed_link(page, "/confirm/")
    press(page.get_by_role("button", name="Yes, confirm"))


def log_in(page: Page, product: Product, person: dict[str, Any]) -> None:
    page.goto(f"{product.url}/login/")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").fill(person["password"])
    press(page.get_by_role("main").get_by_role("button", name="Log in"))
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def log_in_with_code(page: Page, product: Product, person: dict[str, Any]) -> None:
    """As staff do, with the second step. A code that ran out while it was typed is typed anew."""
    page.goto(f"{product.url}/login/")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").fill(person["password"])
    press(page.get_by_role("main").get_by_role("button", name="Log in"))
    for _ in range(3):
        page.get_by_label("Code").fill(code_at(person["totp_secret"], time.time()))
        press(page.get_by_role("main").get_by_role("button", name="Log in"))
        if not page.get_by_label("Code").count():
            return
        page.wait_for_timeout((CODE_SECONDS - time.time() % CODE_SECONDS) * 1000 + 100)
    raise AssertionError("no code was taken")


def choose_bill(page: Page, *, provider: str) -> None:
    """From the billing home to the page that asks for the card; the whole of the bill."""
    press(page.get_by_role("link", name=provider))
    press(page.get_by_role("link", name="Pay this bill"))
    press(page.get_by_role("button", name="Continue"))


def card_frame(page: Page) -> FrameLocator:
    return page.frame_locator("#payment-element iframe")


def fill_in_card(page: Page, number: str = "4242 4242 4242 4242") -> None:
    """Type a card into the frame of the payment service."""
    frame = card_frame(page)
    frame.get_by_label("Card number").fill(number)
    frame.get_by_label("Expiration date").fill("12 / 34")
    frame.get_by_label("Security code").fill("123")
    frame.get_by_label("ZIP code").fill("94612")


def enter_card(page: Page, number: str = "4242 4242 4242 4242") -> None:
    """Type a card and go on to the review."""
    fill_in_card(page, number)
    press(page.get_by_role("button", name="Continue to review"))


def reference_on(page: Page) -> str:
    """The payment's reference, from the address of its page."""
    page.wait_for_url(re.compile(r"/payments/[^/]+/"))
    match = re.search(r"/payments/([^/]+)/", page.url)
    assert match is not None
    return match[1]
