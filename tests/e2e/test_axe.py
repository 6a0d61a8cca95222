"""axe finds nothing on any page: empty, full and in error, at 320 and 1280 px, light and dark."""

from typing import Any

from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.product import Product
from tests.e2e.sweep import Sweep
from tests.support.browser import NewPage

People = dict[str, dict[str, Any]]


def test_pages_for_everybody(product: Product, new_page: NewPage) -> None:
    sweep = Sweep(new_page())
    sweep.visit(f"{product.url}/demo/mail/", "mailbox before any mail")
    sweep.visit(f"{product.url}/", "home")
    sweep.visit(f"{product.url}/contact/", "contact")
    sweep.visit(f"{product.url}/styleguide/", "style guide")
    sweep.visit(f"{product.url}/no-such-page/", "not found", status=404)
    sweep.visit(f"{product.url}/register/", "areas")
    sweep.visit(f"{product.url}/confirm/no-such-key/", "confirmation link that does not work")
    sweep.visit(f"{product.url}/password/new/1-no-key/", "reset link that does not work")
    sweep.visit(f"{product.url}/login/", "log in")
    sweep.page.context.clear_cookies()
    sweep.page.get_by_role("main").get_by_role("button", name="Log in").click()
    sweep.look("form that was open too long")
    assert sweep.found == []


def test_registration_and_its_errors(product: Product, people: People, new_page: NewPage) -> None:
    person = people["unregistered_member"] | {"email": "somebody.else@example.com"}
    sweep = Sweep(page := new_page())
    sweep.visit(f"{product.url}/register/wa/", "registration")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("registration with nothing filled in")
    steps.fill_in_registration(page, person | {"last_name": "Nobody"})
    page.get_by_role("button", name="Continue").click()
    sweep.look("registration with details that match nobody")
    steps.fill_in_registration(page, person)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    sweep.look("look into your mail")
    page.get_by_role("link", name="Use another e-mail address").click()
    sweep.look("another address")
    steps.open_mail(page, product, to=person["email"], subject="Confirm")
    sweep.look("mail")
    page.locator('a[href*="/confirm/"]').first.click()
    sweep.look("confirm the address")
    sweep.visit(f"{product.url}/demo/mail/", "mailbox")
    assert sweep.found == []


def test_logging_in_and_new_passwords(product: Product, people: People, new_page: NewPage) -> None:
    person = people["household"]
    sweep = Sweep(page := new_page())
    page.goto(f"{product.url}/login/")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").fill("not my password")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("log in with a wrong password")
    page.get_by_role("link", name="Forgot your password?").click()
    sweep.look("forgotten password")
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("forgotten password without an address")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_role("main").get_by_role("button").click()
    sweep.look("reset link sent")
    steps.open_mail(page, product, to=person["email"], subject="[Pp]assword")
    page.locator('a[href*="/password/new/"]').first.click()
    sweep.look("new password")
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("new password that is missing")
    assert sweep.found == []


def test_a_member_who_owes_nothing(product: Product, people: People, new_page: NewPage) -> None:
    sweep = Sweep(page := new_page())
    steps.log_in(page, product, people["member_without_bills"])
    for path, state in {
        "/billing/": "billing home, nothing owed",
        "/billing/bills/": "no open bills",
        "/billing/bills/?state=all&q=nothing": "a search that finds nothing",
        "/pay/": "nothing to pay",
        "/account/email/": "change of address",
        "/account/password/": "change of password",
        "/account/devices/": "devices",
        "/logout/": "log out",
    }.items():
        sweep.visit(f"{product.url}{path}", state)
    assert sweep.found == []


def test_a_member_who_owes(product: Product, people: People, new_page: NewPage) -> None:
    sweep = Sweep(page := new_page())
    steps.log_in(page, product, people["household"])
    for path, state in {
        "/billing/": "billing home",
        "/billing/bills/": "open bills",
        "/billing/bills/?state=all": "all bills",
        "/billing/bills/?state=paid": "paid bills",
        "/billing/bills/?state=open&kind=premium&sort=amount": "bills, filtered",
        "/pay/": "choose a bill",
    }.items():
        sweep.visit(f"{product.url}{path}", state)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("choose a bill, with none chosen")
    page.goto(f"{product.url}/billing/bills/?state=all")
    for number, state in {"HB-0551208": "open bill", "PR-HI-5501-1": "bill past due"}.items():
        page.get_by_role("link", name=number).first.click()
        sweep.look(state)
        page.go_back()
    assert sweep.found == []


def test_every_page_of_paying(product: Product, people: People, new_page: NewPage) -> None:
    sweep = Sweep(page := new_page())
    steps.log_in(page, product, people["household"])
    page.goto(f"{product.url}/billing/")
    steps.choose_bill(page, provider="Leilani Brandt, MD")
    expect(steps.card_frame(page).get_by_label("Card number")).to_be_visible()
    sweep.look("payment method")
    steps.enter_card(page, "4000 0000 0000 9995")
    expect(page.get_by_role("heading", name="Check before you pay")).to_be_visible()
    sweep.look("review")
    page.get_by_role("button", name="Pay $10.00 now").click()
    expect(page.get_by_role("heading", name="Your payment did not go through")).to_be_visible()
    sweep.look("declined")

    page.get_by_role("link", name="Try again").click()
    page.get_by_role("button", name="Continue").click()
    steps.enter_card(page, "4000 0027 6000 3184")
    page.get_by_role("button", name="Pay $10.00 now").click()
    expect(page.get_by_role("heading", name="Your bank asks you to confirm")).to_be_visible()
    sweep.look("extra step of the bank")
    page.get_by_role("button", name="Cancel this payment").click()
    expect(page.get_by_role("heading", name="This payment was not made")).to_be_visible()
    sweep.look("not charged")

    page.get_by_role("link", name="Pay again").click()
    page.get_by_role("radio", name="Leilani Brandt, MD").check()
    page.get_by_role("button", name="Continue").click()
    steps.enter_card(page)
    product.sandbox("POST", "/_sandbox/faults", match="POST /v1/payment_intents/*/confirm",
                    kind="act_then_500", times=9)  # fmt: skip
    page.get_by_role("button", name="Pay $10.00 now").click()
    expect(page.get_by_role("heading", name="We are checking this payment")).to_be_visible()
    sweep.look("we are checking")
    product.sandbox("DELETE", "/_sandbox/faults")
    expect(page.get_by_role("heading", name="Your payment has been made")).to_be_visible(
        timeout=4 * steps.SOON
    )
    sweep.look("paid")
    page.get_by_role("link", name="Leilani Brandt, MD").click()
    sweep.look("paid bill")
    assert sweep.found == []
    assert [charge["charged_cents"] for charge in product.charges("hi")] == [0, 10_00]
