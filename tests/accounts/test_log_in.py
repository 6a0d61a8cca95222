"""Logging in, and what a stranger at the door can find out: nothing."""

import time

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import get_hasher
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.devices import describe
from accounts.models import User
from accounts.roles import Role
from accounts.services.second_steps import code_at
from kppay.settings import base
from tests.support.factories import PASSWORD, SECRET, make_member, make_staff, make_user
from tests.support.pages import neutral

pytestmark = pytest.mark.django_db

LOGIN = "/login/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)


def log_in(client: Client, email: str, password: str = PASSWORD, **more: str):
    return client.post(LOGIN, {"login": email, "password": password, **more})


def test_the_log_in_page_has_a_log_in_button_and_the_way_out_for_who_forgot(client: Client) -> None:
    page = client.get(LOGIN).text
    form = page.index('action="/login/"')
    assert form < page.index(">Log in</button>") < page.index("Forgot your password?")
    assert page.index("</form>", form) < page.index("Forgot your password?")
    assert 'autocomplete="current-password"' in page


def test_a_member_comes_to_the_bills_and_staff_to_the_records(client: Client) -> None:
    member = make_member(email="ada@example.com")
    assert log_in(client, " Ada@Example.com ").url == reverse("billing:home")
    assert int(client.session["_auth_user_id"]) == member.user_id
    staff = Client()
    assert log_in(staff, make_staff(Role.AUDITOR).email).url == reverse("mfa_authenticate")
    code = code_at(SECRET, time.time())
    assert staff.post(reverse("mfa_authenticate"), {"code": code}).url == reverse("admin:index")


def test_logging_in_gives_the_session_a_new_key(client: Client) -> None:
    client.post("/i18n/setlang/", {"language": "es"})
    session = client.session
    session["a"] = "b"
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    log_in(client, make_user().email)
    assert client.session.session_key != before


def test_unknown_address_and_wrong_password_get_the_same_answer() -> None:
    known = make_user()
    answers = [log_in(Client(), known.email, "wrong"), log_in(Client(), "no@example.com", "wrong")]
    assert [answer.status_code for answer in answers] == [422, 422]
    pages = {neutral(a.text, [known.email, "no@example.com"]) for a in answers}
    assert len(pages) == 1
    assert "do not go together" in pages.pop()
    assert all("wrong" not in answer.text for answer in answers)


@pytest.mark.parametrize("email", ["known@example.com", "unknown@example.com"])
def test_known_and_unknown_addresses_cost_the_same_hashing(
    client: Client, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is spent on hashing; exactly one hash is computed either way."""
    make_user("known@example.com")
    hasher, made = type(get_hasher()), []
    encode = hasher.encode
    monkeypatch.setattr(
        hasher, "encode", lambda self, *args, **more: made.append(1) or encode(self, *args, **more)
    )
    assert log_in(client, email, "wrong").status_code == 422
    assert len(made) == 1


def test_passwords_rest_as_argon2id_at_the_written_strength(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS
    encoded = make_user().password
    assert base.PASSWORD_HASHERS == ["accounts.hashers.Argon2idHasher"]
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert User.objects.get().check_password(PASSWORD)


def test_guessing_ends_after_five_tries_at_one_address(client: Client) -> None:
    user, other = make_user(), make_user()
    for _ in range(5):
        assert "do not go together" in log_in(client, user.email, "wrong").text
    assert "Too many tries" in log_in(client, user.email, PASSWORD).text
    assert log_in(Client(), other.email).status_code == 302


def test_a_forged_forwarded_for_gives_no_new_tries(client: Client) -> None:
    for attempt in range(5):
        client.post(
            LOGIN,
            {"login": "ada@example.com", "password": "wrong"},
            headers={"X-Forwarded-For": f"10.0.0.{attempt}"},
        )
    answer = client.post(
        LOGIN,
        {"login": "ada@example.com", "password": "wrong"},
        headers={"X-Forwarded-For": "10.0.0.99"},
    )
    assert "Too many tries" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "http://127.0.0.1/billing/",
        "http:evil.example",
    ],
)
def test_log_in_leads_to_no_other_site(client: Client, target: str) -> None:
    answer = log_in(client, make_member().user.email, next=target)
    assert answer.url == reverse("billing:home")
    again = client.get(LOGIN, {"next": target})
    assert again.url == reverse("billing:home")
    assert client.post("/logout/", {"next": target}).url == reverse("home")


def test_log_in_returns_to_the_page_that_asked_for_it(client: Client) -> None:
    wanted = reverse("billing:list") + "?state=paid"
    first = client.get(wanted)
    assert first.status_code == 302
    page = client.get(first.url)
    assert f'name="next" value="{wanted}"' in page.text
    assert log_in(client, make_member().user.email, next=wanted).url == wanted


def test_log_out_ends_the_session_and_clears_the_browser(client: Client) -> None:
    client.force_login(make_user())
    key = client.session.session_key
    assert client.get("/logout/").status_code == 200
    assert "_auth_user_id" in client.session, "asking is not yet logging out"
    answer = client.post("/logout/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    client.cookies["sessionid"] = key
    assert client.get(reverse("billing:home")).status_code == 302


def test_a_user_who_was_switched_off_is_told_only_with_the_right_password(client: Client) -> None:
    user = make_user()
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert "do not go together" in log_in(client, user.email, "wrong").text
    answer = log_in(client, user.email)
    assert answer.url == reverse("account_inactive")
    assert "_auth_user_id" not in client.session


def test_a_user_who_is_switched_off_while_logged_in_is_out(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(reverse("account_email")).url.startswith(LOGIN)


def test_devices_are_listed_and_the_others_can_be_logged_out() -> None:
    user = make_member().user
    here, there = Client(headers={"User-Agent": FIREFOX}), Client(headers={"User-Agent": IPHONE})
    for browser in (here, there):
        log_in(browser, user.email)
    page = here.get(reverse("usersessions_list")).text
    assert "Firefox on Windows (this one)" in page
    assert "Safari on iPhone" in page
    assert UserSession.objects.count() == 2
    here.post(reverse("usersessions_list"))
    assert here.get(reverse("billing:home")).status_code == 200
    assert there.get(reverse("billing:home")).status_code == 302


def test_a_form_from_another_site_logs_nobody_in() -> None:
    client = Client(enforce_csrf_checks=True)
    assert log_in(client, make_user().email).status_code == 403


def test_asvs_6_2_4_the_list_of_common_passwords_is_on_board() -> None:
    """No network: the list comes with Django."""
    assert len(CommonPasswordValidator().passwords) > 19_000
    names = [validator["NAME"] for validator in base.AUTH_PASSWORD_VALIDATORS]
    assert "django.contrib.auth.password_validation.CommonPasswordValidator" in names


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; CrOS x86_64) Chrome/140.0 Safari/537.36", "Chrome on ChromeOS"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8.9", "A device that does not say what it is"),
        ("", "A device that does not say what it is"),
    ],
)
def test_a_device_is_called_by_browser_and_system(user_agent: str, name: str) -> None:
    assert describe(user_agent) == name
