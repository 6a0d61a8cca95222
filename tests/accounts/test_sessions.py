"""A log-in ends when nothing happens, and in the end whatever happens."""

import datetime as dt
import time
from collections.abc import Callable

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from accounts.services.second_steps import code_at
from common import clock
from tests.support.factories import PASSWORD, SECRET, make_account, make_staff

pytestmark = pytest.mark.django_db

Wait = Callable[[float], None]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Let minutes pass."""
    now = [clock.now()]
    monkeypatch.setattr(clock, "now", lambda: now[0])

    def pass_minutes(minutes: float) -> None:
        now[0] += dt.timedelta(minutes=minutes)

    return pass_minutes


@pytest.fixture
def member() -> User:
    return make_account().guarantor.user


@pytest.fixture
def agent() -> User:
    return make_staff(Role.BILLING_AGENT)


def logged_in(user: User) -> Client:
    client = Client()
    asked = client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    if user.is_staff:
        client.post(asked.url, {"code": code_at(SECRET, time.time())})
    return client


def test_a_member_who_does_nothing_for_fifteen_minutes_is_logged_out_and_told(
    member: User, wait: Wait
) -> None:
    client, page = logged_in(member), reverse("billing:list") + "?state=paid"
    wait(14.9)
    assert client.get(page).status_code == 200
    wait(15)
    answer = client.get(page)
    assert answer.url == "/login/?next=/billing/bills/%3Fstate%3Dpaid"
    assert "because nothing happened for a while" in client.get(answer.url).text
    back = client.post(answer.url, {"login": member.email, "password": PASSWORD, "next": page})
    assert back.url == page


def test_staff_are_logged_out_after_ten_minutes(agent: User, wait: Wait) -> None:
    client = logged_in(agent)
    wait(9.9)
    assert client.get(reverse("admin:index")).status_code == 200
    wait(10)
    assert client.get(reverse("admin:index")).url == "/login/?next=/admin/"


@pytest.mark.parametrize(("who", "hours"), [("member", 12), ("agent", 8)])
def test_no_log_in_lasts_longer_than_its_limit_however_busy(
    who: str, hours: int, request: pytest.FixtureRequest, wait: Wait
) -> None:
    client = logged_in(request.getfixturevalue(who))
    for _ in range((hours * 60 - 1) // 9):
        wait(9)
        assert client.get("/health/live/").status_code == 200
    wait(9)
    answer = client.get(reverse("account_email"))
    assert answer.status_code == 302
    assert "had lasted long enough" in client.get(answer.url).text


def test_a_page_that_refreshes_itself_does_not_count_as_activity(member: User, wait: Wait) -> None:
    client = logged_in(member)
    for _ in range(2):
        wait(7)
        assert client.get(reverse("billing:home"), headers={"X-Poll": "1"}).status_code == 200
    wait(1)
    answer = client.get(
        reverse("billing:home"),
        headers={
            "X-Poll": "1",
            "HX-Request": "true",
            "HX-Current-URL": "http://testserver/billing/?a=b",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"] == "/login/?next=/billing/%3Fa%3Db"


def test_a_form_sent_too_late_changes_nothing_and_leads_back_to_its_page(
    member: User, wait: Wait
) -> None:
    client = logged_in(member)
    wait(15)
    answer = client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": "another good password"},
        headers={"Referer": "http://testserver/account/password/"},
    )
    assert answer.url == "/login/?next=/account/password/"
    member.refresh_from_db()
    assert member.check_password(PASSWORD)


@pytest.mark.parametrize("referer", ["https://evil.example/x", "", "http://testserver/logout/"])
def test_nobody_is_led_back_to_another_site_or_to_the_way_out(
    member: User, wait: Wait, referer: str
) -> None:
    client = logged_in(member)
    wait(15)
    assert client.post("/logout/", headers={"Referer": referer}).url == "/login/"


def test_the_ended_session_is_gone_and_not_only_hidden(member: User, wait: Wait) -> None:
    client = logged_in(member)
    key = client.session.session_key
    wait(15)
    client.get("/")
    client.cookies["sessionid"] = key
    assert client.get(reverse("billing:home")).status_code == 302


def test_activity_is_written_down_at_most_twice_a_minute(
    member: User, wait: Wait, django_assert_num_queries: Callable
) -> None:
    client = logged_in(member)
    client.get("/")
    with django_assert_num_queries(1):  # the user; the session and the frame are in the cache
        client.get(reverse("account_logout"))
    before = UserSession.objects.get().last_seen_at
    wait(0.5)
    client.get(reverse("account_logout"))
    assert UserSession.objects.get().last_seen_at > before


def test_a_visitor_costs_no_query(client: Client, django_assert_num_queries: Callable) -> None:
    client.get("/")  # the first of all visitors fills the cache
    with django_assert_num_queries(0):
        client.get("/health/live/")
        client.get(reverse("account_login"))
