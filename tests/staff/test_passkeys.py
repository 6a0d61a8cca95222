"""Passkeys as a second step: made in a browser, asked for at the log-in, never the last to go."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.roles import Role
from accounts.services import second_steps, users
from tests.support.axe import axe_violations
from tests.support.browser import NewPage
from tests.support.factories import PASSWORD, SECRET, make_staff
from tests.support.mail import mails_to
from tests.support.staff import browser_of, text_of


def plug_in_authenticator(page: Page) -> None:
    """A key that says yes to everything, as Chromium simulates it."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


@pytest.mark.django_db(transaction=True)
def test_a_passkey_is_set_up_lets_its_owner_in_and_is_removed(
    new_page: NewPage, live_server: Any
) -> None:
    agent = users.create_staff(email="new@example.com", password=PASSWORD, role=Role.BILLING_AGENT)
    page = new_page()
    plug_in_authenticator(page)

    def log_in() -> None:
        page.goto(f"{live_server.url}/login/")
        page.get_by_label("E-mail address").fill(agent.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in").click()

    log_in()
    # Staff without a second step see the page that sets one up; the password is asked for once more.
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    page.get_by_role("link", name="Use a passkey instead").click()
    assert axe_violations(page) == []
    page.get_by_label("Name").fill("My phone")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have written them down").click()
    expect(page).to_have_url(f"{live_server.url}/admin/")

    page.context.clear_cookies()
    log_in()
    assert page.url == f"{live_server.url}/login/code/"
    assert axe_violations(page) == []
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{live_server.url}/admin/")

    page.goto(f"{live_server.url}/account/two-step/")
    expect(page.get_by_text("My phone").first).to_be_visible()
    assert axe_violations(page) == []
    page.get_by_role("link", name="Remove My phone").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_text("It is your only second step")).to_be_visible()
    second_steps.give(user=agent, secret=SECRET)
    page.reload()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Remove it").click()
    page.wait_for_url(f"{live_server.url}/account/two-step/")
    kinds = Authenticator.objects.filter(user=agent).values_list("type", flat=True)
    assert sorted(kinds) == ["recovery_codes", "totp"]
    assert [mail.subject for mail in mails_to(agent.email)][-1] == "A passkey was removed"


@pytest.fixture
def agent() -> User:
    """With a passkey alone."""
    agent = make_staff(Role.BILLING_AGENT)
    Authenticator.objects.filter(user=agent).update(
        type=Authenticator.Type.WEBAUTHN, data={"name": "Key", "credential": {}}
    )
    return agent


def passkey_page(agent: User) -> str:
    passkey = Authenticator.objects.get(user=agent, type=Authenticator.Type.WEBAUTHN)
    return reverse("mfa_remove_webauthn", args=[passkey.pk])


def with_password_again(user: User) -> Client:
    client = browser_of(user)
    client.post("/login/again/", {"password": PASSWORD})
    return client


@pytest.mark.django_db
class TestRemoving:
    def test_staff_keep_their_last_second_step_whatever_is_sent(self, agent: User) -> None:
        client = with_password_again(agent)
        assert "It is your only second step" in text_of(client.get(passkey_page(agent)))
        assert client.post(passkey_page(agent)).status_code == 422
        assert second_steps.has_one(agent)

    def test_nobody_removes_a_colleagues(self, agent: User) -> None:
        thief = with_password_again(make_staff(Role.SUPERVISOR))
        assert thief.post(passkey_page(agent)).status_code == 404
        assert second_steps.has_one(agent)

    def test_what_no_passkey_said_lets_nobody_in(self, client: Client) -> None:
        agent = make_staff(Role.BILLING_AGENT)
        client.post("/login/", {"login": agent.email, "password": PASSWORD})
        for credential in ("", "{}", "not json", '{"id": "AAAA", "response": {}}'):
            answer = client.post("/login/code/", {"credential": credential})
            assert answer.status_code == 422
        colleague = with_password_again(agent)
        asked = {"name": "Mine", "credential": '{"id": "AAAA", "response": {}}'}
        refused = colleague.post("/account/two-step/passkeys/add/", asked)
        assert refused.status_code == 422
        assert "This passkey did not fit" in text_of(refused)
        again = colleague.post("/login/passkey/again/", {"credential": '{"id": "AAAA"}'})
        assert again.url == "/login/again/"  # who has no passkey gives the password
        assert not Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN).exists()
        assert settings.SESSION_COOKIE_NAME in client.cookies
        assert "_auth_user_id" not in client.session
