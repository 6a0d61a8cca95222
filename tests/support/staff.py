"""People at the desk, without the browser."""

import html
import re

from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from staff.actor import role_of
from staff.services.audit import Actor
from tests.support.factories import make_staff


def actor(role: Role | None = Role.BILLING_AGENT, user: User | None = None) -> Actor:
    """Somebody of a role at a browser."""
    user = user or make_staff(role)
    return Actor(
        user=user,
        role=role_of(user),
        ip_address="203.0.113.9",
        user_agent="Test browser",
        request_id="0123456789abcdef",
    )


def browser_of(user: User) -> Client:
    """Their browser, logged in."""
    client = Client()
    client.force_login(user)
    return client


def text_of(response: HttpResponse) -> str:
    """What a page of the desk says, in one line."""
    content = re.sub(r"<[^>]*>", " ", response.content.decode())
    return " ".join(html.unescape(content).split())


def confirm(client: Client, url: str, data: dict[str, str]) -> tuple[HttpResponse, dict[str, str]]:
    """Fill in an act's form; the page that says what it will do, and what its button sends."""
    page = client.post(url, data)
    assert page.status_code == 200, text_of(page)[-600:]
    return page, data | {"ticket": page.context["ticket"]}


def act(client: Client, url: str, data: dict[str, str]) -> HttpResponse:
    """Fill in, read the effect, press the button; the page that it leads to."""
    return client.post(url, confirm(client, url, data)[1], follow=True)
