"""A member moves to another e-mail address: asked for the password, confirmed by mail."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.services import registration
from tests.support.factories import PASSWORD, make_account, make_member, make_user
from tests.support.mail import link_in, mails_to

pytestmark = pytest.mark.django_db

NEW = "new@example.com"
URL = "/account/email/"


@pytest.fixture
def user() -> User:
    return make_account().guarantor.user


@pytest.fixture
def browser(user: User) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return client


def change(browser: Client, email: str = NEW):
    """Ask for the change; give the password when it is asked for."""
    answer = browser.post(URL, {"action_add": "1", "email": email})
    if answer.status_code == 302 and answer.url.startswith(reverse("account_reauthenticate")):
        answer = browser.post(answer.url, {"password": PASSWORD})
    return answer


def test_the_password_is_asked_again_and_the_session_gets_a_new_key(browser: Client) -> None:
    answer = browser.post(URL, {"action_add": "1", "email": NEW})
    assert answer.url == f"/login/again/?next={URL.replace('/', '%2F')}"
    assert mails_to(NEW) == []
    wrong = browser.post(answer.url, {"password": "wrong"})
    assert wrong.status_code == 422
    before = browser.session.session_key
    browser.post(answer.url, {"password": PASSWORD})
    assert browser.session.session_key != before
    assert len(mails_to(NEW)) == 1
    assert browser.get(reverse("usersessions_list")).text.count("(this one)") == 1


def test_nothing_changes_until_the_new_address_is_confirmed(browser: Client, user: User) -> None:
    old = user.email
    change(browser)
    user.refresh_from_db()
    assert user.email == old
    assert NEW in browser.get(URL).text
    assert browser.post(link_in(mails_to(NEW)[0])).status_code == 302
    user.refresh_from_db()
    assert user.email == NEW
    assert [mail.subject for mail in mails_to(old)] == ["Your e-mail address was changed"]
    again = Client().post(reverse("account_login"), {"login": NEW, "password": PASSWORD})
    assert again.url == reverse("billing:home")
    assert Client().post(
        reverse("account_login"), {"login": old, "password": PASSWORD}
    ).status_code == 422  # fmt: skip


def test_a_change_can_be_called_off(browser: Client, user: User) -> None:
    change(browser)
    browser.post(URL, {"action_remove": "1", "email": NEW})
    assert browser.get(link_in(mails_to(NEW)[0])).status_code == 410
    assert NEW not in browser.get(URL).text


def test_an_address_that_is_taken_is_not_told_and_not_given(browser: Client, user: User) -> None:
    owner = make_user(NEW)
    assert change(browser).status_code == 302
    answer = browser.post(link_in(mails_to(NEW)[0]))
    assert answer.status_code == 409
    user.refresh_from_db()
    assert user.email != NEW
    assert User.objects.get(email=NEW) == owner


def test_somebodys_unconfirmed_registration_does_not_block_an_address(
    browser: Client, user: User
) -> None:
    registration.register(member=make_member(registered=False), email=NEW, password=PASSWORD)
    change(browser)
    assert browser.post(link_in(mails_to(NEW)[-1])).status_code == 302
    user.refresh_from_db()
    assert user.email == NEW


def test_a_change_to_a_staff_address_without_a_confirmed_record_is_refused(
    browser: Client, user: User
) -> None:
    User.objects.create_superuser(NEW, PASSWORD)
    change(browser)
    assert browser.post(link_in(mails_to(NEW)[0])).status_code == 409


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "x@example.com\r\nBcc: y@example.com"])
def test_what_is_no_address_is_refused_at_the_field(browser: Client, email: str) -> None:
    answer = change(browser, email)
    assert answer.status_code == 422
    assert 'href="#id_email"' in answer.text
