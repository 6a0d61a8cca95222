"""Autopay in a browser: premiums by bank account, medical bills by card with a limit; a draw skipped,
the day come, a receipt; then canceled, and nothing drawn any more, says the sandbox's own book."""

import datetime as dt
import re
import time
from typing import Any

from django.utils.formats import date_format
from playwright.sync_api import Locator, Page, expect

from common.calendar import next_business_day
from common.clock import business_date
from tests.e2e import steps
from tests.e2e.product import Product
from tests.support.browser import NewPage

# What beat wakes workers for, a quarter of an hour later.
WORK = """
from autopay.tasks import plan_and_announce
from common.tasks import deliver_mail
plan_and_announce()
deliver_mail()
plan_and_announce()
"""
# Bills that are due before they can be announced are drawn eleven days from now, or on the next
# business day after that.
UNTIL_THE_DRAW = dt.timedelta(days=14)


def start(page: Page, product: Product, scope: str, person: dict[str, Any]) -> None:
    """To the first step; the password is given where it is asked for."""
    page.goto(f"{product.url}/autopay/")
    steps.press(page.get_by_role("link", name=f"Set up autopay for {scope}"))
    if "/login/again/" in page.url:
        page.get_by_label("Password").fill(person["password"])
        steps.press(page.get_by_role("main").get_by_role("button", name="Continue"))


def save_method(page: Page) -> None:
    """Agree to keep what was typed into the frame; it leads back to autopay."""
    steps.press(page.get_by_role("button", name="Continue"))
    page.get_by_label("I agree to this").check()
    steps.press(page.get_by_role("button", name="Agree and save"))
    expect(page.get_by_role("heading", name="What should autopay take the money from?")).to_be_visible()


def type_bank_account(page: Page) -> None:
    frame = steps.card_frame(page)
    frame.get_by_label("Bank account", exact=True).check()
    frame.get_by_label("Name on the account").fill("Avery Castellan")
    frame.get_by_label("Routing number").fill("110000000")
    frame.get_by_label("Account number").fill("000123456789")
    frame.get_by_label(re.compile("I allow the bank")).check()


def agree(page: Page, *words: str) -> None:
    """The last step, with these words in the text."""
    for each in words:
        expect(page.get_by_role("main")).to_contain_text(each)
    page.get_by_label("I agree to this").check()
    steps.press(page.get_by_role("button", name="Agree and start autopay"))
    expect(page.get_by_role("heading", name="What happens next")).to_be_visible()


def card(page: Page, scope: str) -> Locator:
    return page.get_by_role("region", name=scope, exact=True)


def row(page: Page, bill: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=bill)


def assert_next_draws(page: Page, scope: str, draws: dict[str, tuple[str, int]]) -> None:
    """The list says day and amount of each bill, and the calendar has these days and no others.

    Each bill's amount is given, and in how many days it is due: drawn then, or in eleven days where
    that is later, or on the next day on which banks are open.
    """
    today = business_date("America/Los_Angeles")
    days = set()
    for bill, (amount, due_in) in draws.items():
        day = next_business_day(today + dt.timedelta(days=max(due_in, 11)))
        expect(row(page, bill).locator("strong").first).to_have_text(date_format(day))
        expect(row(page, bill).locator(".money").first).to_contain_text(amount)
        days.add((f"{day:%B %Y}", str(day.day)))
    drawn = {
        (str(month.locator(".month-name").text_content()), day)
        for month in card(page, scope).locator("svg:has(.month-name)").all()
        for day in month.locator("text.month-on").all_text_contents()
    }
    assert drawn == days


def until_announced(page: Page, product: Product, *bills: str) -> None:
    """Until the page says that the notices of these bills were delivered; a worker may help."""
    deadline = time.monotonic() + steps.SOON / 1000
    while True:
        product.python(WORK)
        page.goto(f"{product.url}/autopay/")
        if all(row(page, bill).get_by_text("Announced", exact=True).is_visible() for bill in bills):
            return
        assert time.monotonic() < deadline, page.get_by_role("main").inner_text()


def draw(product: Product, day: dt.date) -> None:
    product.manage("autopay", "run", "--as-of", day.isoformat(), "--region", "NCAL")


def asked(product: Product) -> list[int]:
    """Cents of everything that was asked of a card or a bank account, whatever became of it."""
    return [charge["amount_cents"] for charge in product.charges("ncal")]


def test_from_enrolling_to_canceling(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage
) -> None:
    person = people["member_with_bills"]
    earlier = asked(product)
    page = new_page()
    steps.log_in(page, product, person)

    start(page, product, "premiums", person)
    steps.press(page.get_by_role("link", name="Add a card or bank account"))
    type_bank_account(page)
    save_method(page)
    steps.press(page.get_by_role("button", name="Continue"))
    steps.press(page.get_by_role("button", name="Continue"))
    agree(page, "I authorize", "electronically (ACH)", "ending in 6789")

    start(page, product, "medical bills", person)
    steps.press(page.get_by_role("link", name="Add a card or bank account"))
    steps.fill_in_card(page)
    save_method(page)
    page.get_by_label(re.compile("Visa ending in 4242")).check()
    steps.press(page.get_by_role("button", name="Continue"))
    page.get_by_label("Limit for one draw").fill("two hundred")
    steps.press(page.get_by_role("button", name="Continue"))
    expect(page.get_by_role("alert")).to_contain_text("Enter the amount in numbers")
    page.get_by_label("Limit for one draw").fill("200.00")
    steps.press(page.get_by_role("button", name="Continue"))
    agree(page, "No draw is above my limit of $200.00")
    steps.open_mail(page, product, to=person["email"], subject="Autopay of your medical bills is on")

    page.goto(f"{product.url}/autopay/")
    premiums, medical = card(page, "Premiums"), card(page, "Medical bills")
    for bill in ("PR-NC-7718-1", "PR-NC-7718-2"):
        expect(premiums).to_contain_text(bill)
    for bill in ("MB-2207741", "MB-2231090"):
        expect(medical).to_contain_text(bill)
    assert_next_draws(
        page, "Premiums", {"PR-NC-7718-1": ("$318.40", 4), "PR-NC-7718-2": ("$318.40", 34)}
    )
    assert_next_draws(
        page, "Medical bills", {"MB-2207741": ("$57.60", -28), "MB-2231090": ("$105.00", 9)}
    )
    held = row(page, "HB-0098213")
    expect(held).to_contain_text("The bill is above the limit for one draw")

    steps.press(row(page, "MB-2207741").get_by_role("link", name=re.compile("^Skip")))
    steps.press(page.get_by_role("button", name="Skip it"))
    expect(medical).to_contain_text("Skipped by you")

    until_announced(page, product, "PR-NC-7718-1", "MB-2231090")
    steps.open_mail(page, product, to=person["email"], subject=r"\$105\.00")
    assert asked(product) == earlier
    day = business_date("America/Los_Angeles") + UNTIL_THE_DRAW
    draw(product, day)
    draw(product, day)
    assert sorted(asked(product)[len(earlier) :]) == [105_00, 318_40]
    steps.open_mail(page, product, to=person["email"], subject="[Rr]eceipt")
    page.goto(f"{product.url}/autopay/")
    medical.get_by_text("What was drawn").click()
    expect(medical.get_by_role("link", name=re.compile("^Payment "))).to_be_visible()
    expect(medical).to_contain_text("Paid")

    # What would be drawn on the next day, were it not canceled.
    steps.press(row(page, "MB-2207741").get_by_role("link", name=re.compile("^Draw it after all")))
    steps.press(page.get_by_role("button", name="Draw it"))
    until_announced(page, product, "MB-2207741")
    preview = product.manage("autopay", "preview", "--as-of", day.isoformat(), "--region", "NCAL")
    assert re.search(r"^draw .*MB-2207741", preview, re.MULTILINE), preview
    for scope in ("Premiums", "Medical bills"):
        page.goto(f"{product.url}/autopay/")
        steps.press(card(page, scope).get_by_role("link", name="Cancel autopay"))
        steps.press(page.get_by_role("button", name="Cancel autopay"))
        expect(page.get_by_role("heading", name="Proof of cancellation")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("$57.60")
    steps.open_mail(page, product, to=person["email"], subject="canceled")

    draw(product, day)
    draw(product, day + dt.timedelta(days=30))
    assert sorted(asked(product)[len(earlier) :]) == [105_00, 318_40]
    product.manage("verify_ledger")
