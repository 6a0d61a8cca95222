"""Two-step sign-in: optional for members, needed by staff, and no code lets anybody in twice."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from accounts.services import second_steps, users
from accounts.services.second_steps import PERIOD, code_at
from tests.support.billing import words
from tests.support.factories import PASSWORD, SECRET, make_account, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def half_minute(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, standing still in the middle of a code's life until a test moves it."""
    moment = [time.time() // PERIOD * PERIOD + PERIOD / 2]
    monkeypatch.setattr(time, "time", lambda: moment[0])
    return moment


def password(client: Client, user: User) -> HttpResponse:
    return client.post("/login/", {"login": user.email, "password": PASSWORD})


def code(client: Client, text: str) -> HttpResponse:
    return client.post("/login/code/", {"code": text})


def password_again(client: Client) -> None:
    """As before everything important."""
    client.post("/login/again/", {"password": PASSWORD})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_password_alone_lets_no_staff_in(client: Client, half_minute: list[float]) -> None:
    agent = make_staff(Role.BILLING_AGENT)
    assert password(client, agent).url == "/login/code/"
    assert client.get("/admin/").url.startswith("/login/")
    assert not is_in(client)
    refused = code(client, "000000")
    assert refused.status_code == 422
    assert "not the right code" in words(refused)
    assert not is_in(client)
    assert code(client, code_at(SECRET, half_minute[0])).url == "/admin/"
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("early", [-PERIOD, PERIOD])
def test_neither_the_last_code_nor_the_next_counts(
    client: Client, half_minute: list[float], early: int
) -> None:
    password(client, make_staff(Role.AUDITOR))
    assert code(client, code_at(SECRET, half_minute[0] + early)).status_code == 422
    assert not is_in(client)


def test_a_code_that_was_read_over_a_shoulder_is_worth_nothing_even_without_the_cache(
    client: Client, half_minute: list[float]
) -> None:
    agent, right = make_staff(Role.BILLING_AGENT), code_at(SECRET, half_minute[0])
    password(client, agent)
    code(client, right)
    cache.clear()
    thief = Client()
    password(thief, agent)
    assert code(thief, right).status_code == 422
    assert not is_in(thief)
    half_minute[0] += PERIOD
    assert code(thief, code_at(SECRET, half_minute[0])).status_code == 302


def test_codes_are_not_guessed_and_another_browser_does_not_help(half_minute: list[float]) -> None:
    agent, right = make_staff(Role.BILLING_AGENT), code_at(SECRET, half_minute[0])
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(5):
        guesser = Client()
        password(guesser, agent)
        assert code(guesser, wrong).status_code == 422
    last = Client()
    password(last, agent)
    assert code(last, right).status_code == 422
    assert not is_in(last)


def test_staff_without_a_second_step_see_only_the_page_that_sets_one_up(
    client: Client, half_minute: list[float]
) -> None:
    agent = users.create_staff(email="new@example.com", password=PASSWORD, role=Role.BILLING_AGENT)
    password(client, agent)
    elsewhere = Client()
    password(elsewhere, agent)
    for page in ("/admin/", "/admin/accounts/member/", "/admin/nothing/", "/admin/jsi18n/"):
        assert client.get(page).url == "/account/two-step/app/"
    asked = client.get("/account/two-step/app/")
    assert asked.url == "/login/again/?next=%2Faccount%2Ftwo-step%2Fapp%2F"
    password_again(client)
    form = client.get("/account/two-step/app/").context["form"]
    refused = client.post("/account/two-step/app/", {"code": "000000"})
    assert refused.status_code == 422
    right = code_at(form.secret, half_minute[0])
    shown = client.post("/account/two-step/app/", {"code": right}, follow=True)
    assert len(shown.context["unused_codes"]) == 10
    assert client.get("/admin/").status_code == 200
    # Who was in by the password alone is out.
    assert elsewhere.get("/admin/").url.startswith("/login/")
    # The code that set it up has been used.
    again = Client()
    password(again, agent)
    assert code(again, right).status_code == 422


def test_secrets_rest_encrypted_and_recovery_codes_are_shown_once(
    client: Client, half_minute: list[float]
) -> None:
    member = make_account().guarantor.user
    password(client, member)
    assert "is off" in words(client.get("/account/two-step/"))
    password_again(client)
    secret = client.get("/account/two-step/app/").context["form"].secret
    first = client.post(
        "/account/two-step/app/", {"code": code_at(secret, half_minute[0])}, follow=True
    )
    codes = first.context["unused_codes"]
    assert codes[0] in words(first)
    second = client.get("/account/two-step/codes/")
    assert all(each not in second.text for each in codes)
    assert "10 recovery codes left" in words(second)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(data::text, '') FROM mfa_authenticator")
        stored = cursor.fetchone()[0]
    assert secret not in stored
    assert all(each not in stored for each in codes)
    # A recovery code works once.
    for expected in (302, 422):
        other = Client()
        password(other, member)
        assert code(other, codes[0]).status_code == expected


def test_a_member_turns_it_off_again_and_is_told_by_mail(
    client: Client, half_minute: list[float]
) -> None:
    member = make_account().guarantor.user
    second_steps.give(user=member, secret=SECRET)
    password(client, member)
    code(client, code_at(SECRET, half_minute[0]))
    assert "is on" in words(client.get("/account/two-step/"))
    password_again(client)
    assert "stop working" in words(client.get("/account/two-step/codes/new/"))
    assert client.get("/account/two-step/app/remove/").status_code == 200
    client.post("/account/two-step/app/remove/")
    assert not Authenticator.objects.exists()
    assert password(Client(), member).url == "/billing/"


def test_who_has_lost_everything_is_helped_by_a_command_and_thrown_out(client: Client) -> None:
    agent = make_staff(Role.BILLING_AGENT)
    client.force_login(agent)
    client.get("/admin/")
    call_command("reset_second_step", agent.email, verbosity=0)
    assert not second_steps.has_one(agent)
    assert client.get("/admin/").url.startswith("/login/")


def test_deactivated_staff_are_out_at_the_next_request(client: Client) -> None:
    agent = make_staff(Role.BILLING_AGENT)
    client.force_login(agent)
    assert client.get("/admin/").status_code == 200
    User.objects.filter(pk=agent.pk).update(is_active=False)
    assert client.get("/admin/").url.startswith("/login/")


def test_a_code_with_a_hyphen_counts_once_too(client: Client, half_minute: list[float]) -> None:
    agent, right = make_staff(Role.BILLING_AGENT), code_at(SECRET, half_minute[0])
    password(client, agent)
    assert code(client, f"{right[:3]}-{right[3:]}").status_code == 302
    assert is_in(client)
    cache.clear()
    thief = Client()
    password(thief, agent)
    assert code(thief, right).status_code == 422


def test_after_the_code_was_given_again_the_session_has_another_key(
    client: Client, half_minute: list[float]
) -> None:
    agent = make_staff(Role.BILLING_AGENT)
    client.force_login(agent)
    UserSession.objects.create(
        user=agent, session_key=client.session.session_key, ip="127.0.0.1", user_agent="Firefox"
    )
    old_key = client.session.session_key
    answer = client.post("/login/code/again/", {"code": code_at(SECRET, half_minute[0])})
    assert answer.status_code == 302
    new_key = client.session.session_key
    assert new_key != old_key
    assert is_in(client)
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [new_key]
    stolen = Client()
    stolen.cookies["sessionid"] = old_key
    assert not is_in(stolen)
