"""A member and an agent talk, each in a browser: seen within seconds; nothing typed is lost."""

import re
from contextlib import suppress
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import steps
from tests.e2e.product import Product
from tests.e2e.sweep import Sweep
from tests.support.browser import NewPage

# What beat wakes a worker for, half a minute later: to mail those who are away.
MAIL_LATER = """
import datetime as dt
from common.clock import now
from support.services import absence
absence.mail_the_absent(at=now() + dt.timedelta(seconds=30))
"""
# Milliseconds: the promise.
SECONDS_5 = 5_000


def say(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    steps.press(page.get_by_role("button", name="Send", exact=True))


def say_and_be_seen(page: Page, text: str, *, by: Page) -> None:
    """The other side sees it within the time that was promised, without a reload.

    Where a busy machine stood still meanwhile, what is said next is seen in time.
    """
    for words in (text, f"I said: {text}", f"Again: {text}"):
        say(page, words)
        with suppress(AssertionError):
            expect(by.get_by_role("log")).to_contain_text(words, timeout=SECONDS_5)
            return
    raise AssertionError(f"not seen within {SECONDS_5 / 1000:.0f} seconds, three times: {text}")


def test_a_member_and_an_agent_talk(
    product: Product, people: dict[str, dict[str, Any]], new_page: NewPage
) -> None:
    person = people["member_with_bills"]
    member, agent = new_page(), new_page()
    steps.log_in(member, product, person)
    steps.press(member.get_by_role("navigation").get_by_role("link", name="Help"))
    expect(member.get_by_text("Cookies come back to us.")).to_be_visible()
    expect(member.get_by_text("Our payment service can be reached.")).to_be_visible()
    expect(member.get_by_text("The clock of this device is right.")).to_be_visible()
    steps.press(member.get_by_role("main").get_by_role("link", name="Start a chat"))
    member.get_by_label("What is it about?").fill("My last bill")
    member.get_by_label("Your message").fill("Why is it so high?")
    steps.press(member.get_by_role("button", name="Start the chat"))
    conversation = member.url

    steps.log_in_with_code(agent, product, people["billing_agent"])
    agent.goto(f"{product.url}/admin/chat/")
    desk = Sweep(agent)
    desk.look("the queue")
    steps.press(agent.get_by_role("link", name="My last bill"))
    expect(agent.get_by_role("log")).to_contain_text("Why is it so high?")

    member.get_by_label("Your message").fill("While I type th")
    say_and_be_seen(agent, "Let me look at it.", by=member)
    expect(member.get_by_text("Bela answers you")).to_be_visible()
    expect(member.get_by_label("Your message")).to_have_value("While I type th")

    agent.get_by_role("textbox").fill("You paid")
    say_and_be_seen(member, "Thank you, I wait.", by=agent)
    expect(agent.get_by_role("textbox")).to_have_value("You paid")
    desk.look("a conversation at the desk")
    assert desk.found == [], "\n".join(desk.found)

    # Somebody whose page was closed, or whose log-in ended, finds the words that were not sent.
    member.get_by_label("Your message").fill("One more que")
    member.goto(f"{product.url}/billing/")
    member.goto(conversation)
    expect(member.get_by_label("Your message")).to_have_value("One more que")

    member.goto("about:blank")
    say(agent, "You paid the deductible of the new year.")
    product.python(MAIL_LATER)
    steps.open_mail(member, product, to=person["email"], subject="You have an answer")
    expect(member.get_by_role("main")).not_to_contain_text("deductible")
    steps.follow_mailed_link(member, "/chat/")
    expect(member).to_have_url(re.compile(re.escape(conversation)))
    expect(member.get_by_role("log")).to_contain_text("Why is it so high?")
    expect(member.get_by_role("log")).to_contain_text("You paid the deductible of the new year.")
    expect(member.get_by_role("log").get_by_text("Let me look at it.", exact=True)).to_have_count(1)


def test_a_guest_talks_without_javascript(product: Product, new_page: NewPage) -> None:
    page = new_page(javascript=False)
    page.goto(f"{product.url}/contact/")
    steps.press(page.get_by_role("link", name="Start a chat"))
    page.get_by_label("Your name").fill("Gia Guest")
    page.get_by_label("E-mail address").fill("gia@example.com")
    page.get_by_label("Area").select_option("HI")
    page.get_by_label("What is it about?").fill("A letter")
    page.get_by_label("Your message").fill("I got a letter.")
    steps.press(page.get_by_role("button", name="Start the chat"))
    say(page, "It is dated May 3.")
    steps.press(page.get_by_role("link", name="Look for new messages"))
    expect(page.get_by_role("log")).to_contain_text("It is dated May 3.")
    page.goto(f"{product.url}/help/")
    expect(page.get_by_text("JavaScript is off in this browser")).to_be_visible()
