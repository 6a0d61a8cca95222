"""Every address x everybody: the answer is the one in the matrix, and no address is without a row."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, TestCase
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from billing.models import BillingAccount, Invoice
from common.clock import now
from tests.meta import access_matrix as matrix
from tests.meta.access_matrix import ROWS, Row, World
from tests.support import stripe
from tests.support.factories import PASSWORD, make_account, make_staff
from tests.support.headers import faults_of

# Pages of Django's admin, but for the desk and the chat, which are ours.
DJANGOS = re.compile(r"/admin/(?!desk/|chat/)")
# Well within the time after which whoever does nothing is logged off.
FRESH = dt.timedelta(minutes=5)
# Its own policy, stricter about scripts, looser about styles (tests/demo/test_mailbox.py).
MAIL_IN_A_FRAME = "demo:mail_html"


def url_names(patterns: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[str]:
    """The name of every pattern, with its namespace; its route where it has none."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from url_names(pattern.url_patterns, namespace + inner)
        else:
            yield namespace + (pattern.name or str(pattern.pattern))


def names_with_a_row() -> set[str]:
    return {name.removesuffix(" POST") for name in ROWS}


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    assert set(url_names(get_resolver().url_patterns)) == names_with_a_row()


def test_every_row_says_something_about_everybody() -> None:
    assert [name for name, row in ROWS.items() if set(row.outcomes) != set(matrix.EVERYBODY)] == []


@dataclass(frozen=True)
class Everybody:
    """The people, member A's world, and a Stripe: made once, since a row's changes are taken back."""

    world: World
    people: Mapping[str, User | None]
    cookies: "Mapping[str, SimpleCookie[str]]"  # of who has logged in
    since: dt.datetime

    def cookies_by_now(self) -> "Mapping[str, SimpleCookie[str]]":
        """Of log-ins that are not too old to be sure of."""
        return self.cookies if now() - self.since < FRESH else log_in(self.people)


@pytest.fixture(scope="module")
def everybody(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Everybody]:
    folder = tmp_path_factory.mktemp("matrix")
    with pytest.MonkeyPatch.context() as patch, stripe.serving(folder, patch) as sandbox:
        with django_db_blocker.unblock():
            around = TestCase._enter_atomics()
            world = World(sandbox)
            assert world.of_guest
            everyone = people(world)
            made = Everybody(world, everyone, log_in(everyone), now())
        yield made
        with django_db_blocker.unblock():
            TestCase._rollback_atomics(around)


@pytest.fixture
def world(everybody: Everybody, db: None) -> World:
    """As it was at first: objects that the row before has changed are read anew."""
    world = copy(everybody.world)
    world.account = BillingAccount.objects.get(pk=world.account.pk)
    world.invoice = Invoice.objects.get(pk=world.invoice.pk)
    return world


@pytest.mark.parametrize("name", ROWS)
def test_everybody_gets_what_the_matrix_says_with_all_headers(
    name: str, everybody: Everybody, world: World, settings: Settings, tmp_path: Path
) -> None:
    settings.DEMO_MAILBOX = tmp_path
    row, cookies = ROWS[name], everybody.cookies_by_now()
    url = row.path(world) if row.path else reverse(name.removesuffix(" POST"), args=row.args(world))
    answers = {who: answer_to(who, cookies.get(who), world, url, row) for who in everybody.people}
    assert {who: outcome for who, (outcome, _wrong) in answers.items()} == dict(row.outcomes)
    if name != MAIL_IN_A_FRAME:
        assert {who: wrong for who, (_outcome, wrong) in answers.items() if wrong} == {}


def people(world: World) -> dict[str, User | None]:
    return {
        matrix.ANONYMOUS: None,
        matrix.GUEST: None,
        matrix.MEMBER: world.account.guarantor.user,
        matrix.OTHER: make_account().guarantor.user,
        matrix.AGENT: make_staff(Role.BILLING_AGENT),
        matrix.SUPERVISOR: make_staff(Role.SUPERVISOR),
        matrix.AUDITOR: make_staff(Role.AUDITOR),
        matrix.SUPERUSER: make_staff(None),
    }


def log_in(people: Mapping[str, User | None]) -> "dict[str, SimpleCookie[str]]":
    """The cookies of a browser for each who can log in; each has opened a page."""
    browsers = {who: Client() for who, user in people.items() if user}
    for who, browser in browsers.items():
        browser.force_login(people[who])
        browser.get(reverse("help"))
    return {who: browser.cookies for who, browser in browsers.items()}


def answer_to(
    who: str, cookies: "SimpleCookie[str] | None", world: World, url: str, row: Row
) -> tuple[str, list[str]]:
    """Ask as this person: what became of it, and what its headers lack. Whatever asking has changed
    is taken back, what the session's cache knows of it too.
    """
    cache.clear()
    with transaction.atomic():
        client = Client()
        if cookies is not None:
            client.cookies = SimpleCookie(cookies.output(header="", sep=";"))
        if who == matrix.GUEST:
            world.become_guest(client)
        if row.password_first:
            client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": "/"})
        response = getattr(client, row.method)(url, row.data)
        wrong = faults_of(response, signed_in=cookies is not None, ours=DJANGOS.match(url) is None)
        if cookies is None and lacks_the_way_in(response):
            wrong.append("One Time Payment at the top")
        answer = outcome_of(response), wrong
        transaction.set_rollback(True)
    return answer


def lacks_the_way_in(response: HttpResponse) -> bool:
    """Whether this is a page of which a guest sees no way to pay without an account."""
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return False  # a document, or an answer to a machine
    if response.status_code in (204, 302) or not response.content:
        return False
    top = response.content.decode().split("</header>")[0]
    return f'<a href="{reverse("guest:start")}"' not in top


def outcome_of(response: HttpResponse) -> str:
    if response.status_code == 302:
        return matrix.LOGIN if response.url.startswith(reverse("account_login")) else matrix.AWAY
    if "billing/no_account.html" in [template.name for template in response.templates]:
        return matrix.NO_ACCOUNT
    if response.status_code in (200, 204):
        return matrix.OK
    return str(response.status_code)
