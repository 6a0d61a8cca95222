"""A guest's conversation is for whoever has the address's mail, and stays on no shared device."""

from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from common.clock import now
from support import chat_urls
from support.models import Conversation
from support.services import chat
from tests.support.browser import NewPage
from tests.support.chat import attach, make_conversation
from tests.support.factories import make_account
from tests.support.mail import link_in, mails_to

EMAIL = "gia@example.com"
GIVEN = {"name": "G", "email": EMAIL, "region": "HI", "subject": "A letter", "text": "I got a letter"}
NEEDED = "This conversation was opened by its mailed link."


def opened_by(browser: Client) -> Conversation:
    browser.post(reverse("chat:start"), GIVEN)
    return Conversation.objects.get()


@pytest.mark.django_db
class TestProof:
    def test_who_merely_gave_the_address_is_shut_out_when_its_owner_comes(self) -> None:
        somebody, owner = Client(), Client()
        conversation = opened_by(somebody)
        file = attach(conversation)
        show = reverse("chat:show", args=[conversation.pk])
        assert somebody.get(show).status_code == 200
        owner.post(link_in(mails_to(EMAIL)[0]))
        owner.post(show, {"text": "My member number is 12345678"})
        for name, keys in (
            ("show", []),
            ("new_messages", []),
            ("attach", []),
            ("file", [file.pk]),
            ("transcript", []),
        ):
            response = somebody.get(reverse(f"chat:{name}", args=[conversation.pk, *keys]))
            assert response.status_code == 403, name
            assert NEEDED in response.content.decode()
            assert "12345678" not in response.content.decode()
        for name in ("show", "close"):
            posted = somebody.post(reverse(f"chat:{name}", args=[conversation.pk]), {"text": "And?"})
            assert posted.status_code == 403
        conversation.refresh_from_db()
        assert conversation.state == "waiting"
        assert conversation.messages.latest("pk").text == "My member number is 12345678"
        assert "12345678" in owner.get(show).content.decode()

    def test_a_page_that_stays_open_is_led_to_what_is_needed(self) -> None:
        browser = Client()
        conversation = opened_by(browser)
        Client().post(link_in(mails_to(EMAIL)[0]))
        poll = reverse("chat:new_messages", args=[conversation.pk])
        response = browser.get(poll, {"seen": conversation.version}, headers={"X-Poll": "1"})
        assert (response.status_code, response.headers["HX-Refresh"]) == (403, "true")

    def test_every_browser_in_which_a_link_was_used_stays_let_in(self) -> None:
        conversation, browsers = make_conversation(None, email=EMAIL), [Client(), Client()]
        Client().post(reverse("chat:again"), {"email": EMAIL})
        for browser, mail in zip(browsers, mails_to(EMAIL), strict=True):
            browser.post(link_in(mail))
        for browser in browsers:
            assert browser.get(reverse("chat:show", args=[conversation.pk])).status_code == 200


@pytest.mark.django_db
class TestAskingForLinks:
    def test_each_open_conversation_of_the_address_gets_one(self) -> None:
        closed, *opened = [make_conversation(None, email=EMAIL) for _ in range(3)]
        make_conversation(None, email="other@example.com")
        chat.close_as_person(conversation=closed, at=now())
        before = len(mails_to(EMAIL))
        Client().post(reverse("chat:again"), {"email": EMAIL.upper()})
        links = [link_in(mail) for mail in mails_to(EMAIL)[before:]]
        urls = {Client().post(link).url for link in links}
        assert len(links) == 2
        assert urls == {reverse("chat:show", args=[one.pk]) for one in opened}

    def test_of_closed_ones_the_last_gets_one(self) -> None:
        for _ in range(2):
            last = make_conversation(None, email=EMAIL)
            chat.close_as_person(conversation=last, at=now())
        before = len(mails_to(EMAIL))
        Client().post(reverse("chat:again"), {"email": EMAIL})
        (mail,) = mails_to(EMAIL)[before:]
        assert Client().post(link_in(mail)).url == reverse("chat:show", args=[last.pk])

    def test_an_address_is_written_to_three_times_an_hour_and_nobody_learns_it(self) -> None:
        make_conversation(None, email=EMAIL)
        before = len(mails_to(EMAIL))
        answers = [
            Client().post(reverse("chat:again"), {"email": email}).content.decode()
            for email in (EMAIL, EMAIL.title(), EMAIL.upper(), EMAIL)
        ]
        assert all("its link is on the way" in answer for answer in answers)
        assert len(mails_to(EMAIL)) - before == 3

    def test_an_address_is_found_by_an_index(self) -> None:
        found = Conversation.objects.filter(user=None, guest_email__iexact=EMAIL)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            plan = found.explain()
        assert "conversation_of_guest" in plan
        assert "Index Cond: (upper((guest_email)::text) = " in plan


@pytest.mark.django_db
class TestOnADevice:
    def test_nothing_below_chat_is_kept_by_a_guests_browser(self) -> None:
        browser = Client()
        conversation = opened_by(browser)
        file = attach(conversation)
        args = {
            "link": ["no-such-link"],
            "file": [conversation.pk, file.pk],
            **{name: [] for name in ("index", "start", "again")},
        }
        for pattern in chat_urls.urlpatterns:
            url = reverse(f"chat:{pattern.name}", args=args.get(pattern.name, [conversation.pk]))
            for response in (browser.get(url), browser.post(url) if pattern.name != "forget" else None):
                if response is not None:
                    assert response.headers["Cache-Control"] == "no-store, private", url

    def test_a_guest_lets_the_device_forget_the_conversation(self) -> None:
        browser = Client()
        conversation = opened_by(browser)
        show, forget = (reverse(f"chat:{name}", args=[conversation.pk]) for name in ("show", "forget"))
        assert forget in browser.get(show).content.decode()
        assert browser.get(forget).status_code == 405
        after = browser.post(forget, follow=True)
        assert "This device has forgotten the conversation." in after.content.decode()
        assert browser.get(show).status_code == 404
        assert show not in browser.get(reverse("help")).content.decode()
        assert browser.post(forget).status_code == 404
        # The way back is the one by mail.
        assert browser.post(link_in(mails_to(EMAIL)[0])).url == show

    def test_a_member_has_no_such_button(self) -> None:
        account, client = make_account(), Client()
        client.force_login(account.guarantor.user)
        show = reverse("chat:show", args=[make_conversation(account).pk])
        assert "/forget/" not in client.get(show).content.decode()


@pytest.mark.django_db(transaction=True)
def test_who_comes_next_in_the_same_tab_finds_no_words_of_the_last_one(
    new_page: NewPage, live_server: Any
) -> None:
    page, ada, bo = new_page(), make_account().guarantor.user, make_account().guarantor.user

    def drafts_come_to(number: int) -> None:
        """The script runs when the page is there, which may be after the first words."""
        page.wait_for_function(
            "many => Object.keys(sessionStorage)"
            ".filter(name => name.startsWith('draft:')).length === many",
            arg=number,
        )

    start = live_server.url + reverse("chat:start")
    box = page.get_by_label("Your message")
    log_in(page, ada, start)
    box.fill("My hernia")
    log_in(page, ada, start)
    expect(box).to_have_value("My hernia")
    log_in(page, bo, start)
    expect(box).to_have_value("")
    drafts_come_to(0)
    log_in(page, ada, start)
    expect(box).to_have_value("")

    page.context.clear_cookies()
    page.goto(start)
    for label, text in (
        ("Your name", "G"),
        ("E-mail address", EMAIL),
        ("What is it about?", "A letter"),
    ):
        page.get_by_label(label).fill(text)
    page.get_by_label("Area").select_option("HI")
    box.fill("I got a letter")
    page.get_by_role("button", name="Start the chat").click()
    expect(page.get_by_role("log")).to_contain_text("I got a letter")
    box.fill("About my hernia")
    drafts_come_to(1)
    page.get_by_role("button", name="Forget on this device").click()
    expect(page.get_by_text("This device has forgotten the conversation.")).to_be_visible()
    drafts_come_to(0)


def log_in(page: Page, user: User, url: str) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.clear_cookies()
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": url}])
    page.goto(url)
