"""At the desk, in a browser: found by a payment, refunded in part; above the limit a second person;
the member sees it and gets the mail; an auditor finds who looked and who acted."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import steps
from tests.e2e.product import Product
from tests.e2e.sweep import Sweep
from tests.support.browser import NewPage


def find(page: Page, product: Product, text: str) -> None:
    page.goto(f"{product.url}/admin/")
    page.get_by_label("Find a member").fill(text)
    steps.press(page.get_by_role("button", name="Find"))


def ask_for_refund(page: Page, amount: str) -> None:
    """From the payment's page to the one that says what will happen."""
    steps.press(page.get_by_role("link", name="Refund", exact=True))
    page.get_by_label("Amount").fill(amount)
    page.get_by_label("Reason").fill("The visit was billed twice")
    steps.press(page.get_by_role("button", name="Check the effect"))


def test_a_refund_and_who_knows_of_it(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage
) -> None:
    person = people["member_with_bills"]
    member, agent, supervisor, auditor = new_page(), new_page(), new_page(), new_page()
    steps.log_in(member, product, person)
    steps.choose_bill(member, provider="Emergency physicians")
    steps.enter_card(member)
    steps.press(member.get_by_role("button", name="Pay $612.35 now"))
    reference = steps.reference_on(member)

    steps.log_in_with_code(agent, product, people["billing_agent"])
    desk = Sweep(agent)
    desk.look("the dashboard")
    find(agent, product, reference)
    expect(agent.get_by_role("heading", name="Avery Castellan")).to_be_visible()
    desk.look("a household")
    steps.press(agent.get_by_role("link", name=reference).first)
    desk.look("a payment")
    steps.press(agent.get_by_role("link", name="Refund", exact=True))
    agent.get_by_label("Reason").fill("card 4242 4242 4242 4242")
    steps.press(agent.get_by_role("button", name="Check the effect"))
    expect(agent.get_by_role("alert")).to_contain_text("Card numbers are never typed here")
    desk.look("a refund that is refused")
    agent.get_by_label("Amount").fill("100")
    agent.get_by_label("Reason").fill("The visit was billed twice")
    steps.press(agent.get_by_role("button", name="Check the effect"))
    expect(agent.get_by_role("main")).to_contain_text("$100.00 of payment")
    desk.look("what a refund will do")
    steps.press(agent.get_by_role("button", name="Refund", exact=True))
    expect(agent.get_by_text("of $100.00 is on its way")).to_be_visible()

    steps.press(agent.get_by_role("link", name=reference).first)
    ask_for_refund(agent, "300.00")
    expect(agent.get_by_role("main")).to_contain_text("above $250.00")
    steps.press(agent.get_by_role("button", name="Refund", exact=True))
    assert desk.found == [], "\n".join(desk.found)

    steps.log_in_with_code(supervisor, product, people["supervisor"])
    steps.press(supervisor.get_by_role("link", name="Refunds that wait for approval: 1"))
    over = Sweep(supervisor)
    over.look("refunds that wait")
    steps.press(supervisor.get_by_role("link", name="Decide"))
    supervisor.get_by_label("Approve").check()
    supervisor.get_by_label("Why").fill("Two claims of one visit")
    steps.press(supervisor.get_by_role("button", name="Check the effect"))
    steps.press(supervisor.get_by_role("button", name="Continue"))
    expect(supervisor.get_by_text("Approved: refund")).to_be_visible()
    assert over.found == [], "\n".join(over.found)

    member.goto(f"{product.url}/payments/{reference}/")
    expect(member.get_by_role("main")).to_contain_text("Refund of $100.00 started")
    expect(member.get_by_role("main")).to_contain_text("Refund of $300.00 started")
    steps.open_mail(member, product, to=person["email"], subject="[Rr]efund")

    steps.log_in_with_code(auditor, product, people["auditor"])
    steps.press(auditor.get_by_role("link", name="Audit log"))
    auditor.get_by_label("Reference").fill(reference)
    steps.press(auditor.get_by_role("button", name="Search"))
    log = Sweep(auditor)
    log.look("the audit log")
    for words in ("Opened a member's page", "Refunded a payment", "Approved a refund"):
        expect(auditor.get_by_role("main")).to_contain_text(words)
    expect(auditor.get_by_role("main")).to_contain_text(people["billing_agent"]["email"])
    expect(auditor.get_by_role("main")).to_contain_text(people["supervisor"]["email"])
    assert log.found == [], "\n".join(log.found)
