"""A forgotten password, a changed one, and who must ask again before something important."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.support.factories import PASSWORD, make_account, make_user
from tests.support.mail import link_in, mails_to
from tests.support.pages import neutral

pytestmark = pytest.mark.django_db

NEW = "a completely different phrase"


@pytest.fixture
def user() -> User:
    return make_account().guarantor.user


def ask_for_link(client: Client, email: str):
    return client.post(reverse("account_reset_password"), {"email": email})


def logged_in(user: User, password: str = PASSWORD) -> Client:
    client = Client()
    answer = client.post(reverse("account_login"), {"login": user.email, "password": password})
    assert answer.status_code == 302
    return client


def choose(client: Client, link: str, password: str = NEW):
    """Follow the link of the mail and fill in the form it leads to."""
    page = client.get(link)
    return client.post(page.url, {"password1": password}) if page.status_code == 302 else page


def test_a_forgotten_password_is_replaced_by_a_link_in_a_mail(client: Client, user: User) -> None:
    sent = ask_for_link(client, user.email.upper())
    assert sent.url == reverse("account_reset_password_done")
    [mail] = mails_to(user.email)
    assert mail.subject == "Choose a new password"
    done = choose(client, link_in(mail))
    assert done.url == reverse("account_login")
    assert "Your password is changed. Log in with the new one." in client.get(done.url).text
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert [m.subject for m in mails_to(user.email)][1:] == ["Your password was changed"]


def test_the_key_leaves_the_address_bar_before_the_form_shows(client: Client, user: User) -> None:
    ask_for_link(client, user.email)
    link = link_in(mails_to(user.email)[0])
    page = client.get(link)
    assert page.url.endswith("-set-password/")
    assert link.rpartition("-")[2].strip("/") not in client.get(page.url).text


def test_after_a_reset_every_other_session_ends(client: Client, user: User) -> None:
    elsewhere = [logged_in(user), logged_in(user)]
    ask_for_link(client, user.email)
    choose(client, link_in(mails_to(user.email)[0]))
    for browser in elsewhere:
        assert browser.get(reverse("billing:home")).status_code == 302
    assert "_auth_user_id" not in client.session, "a link alone logs nobody in"
    assert logged_in(user, NEW).get(reverse("billing:home")).status_code == 200


def test_asking_tells_nobody_who_has_a_log_in() -> None:
    make_user("known@example.com")
    pages = []
    for email in ("known@example.com", "stranger@example.com"):
        browser = Client()
        answer = ask_for_link(browser, email)
        pages.append((answer.status_code, answer.url, neutral(browser.get(answer.url).text)))
    assert pages[0] == pages[1]
    assert mails_to("stranger@example.com")[0].subject == "No KPPay log-in under this address"


def test_a_link_works_once(client: Client, user: User) -> None:
    ask_for_link(client, user.email)
    link = link_in(mails_to(user.email)[0])
    choose(client, link)
    again = Client().get(link)
    assert again.status_code == 410
    assert "This link does not work any more" in again.text
    assert reverse("account_reset_password") in again.text


def test_who_logs_in_meanwhile_did_not_forget_it_and_the_link_dies(client: Client, user: User) -> None:
    ask_for_link(client, user.email)
    logged_in(user)
    assert client.get(link_in(mails_to(user.email)[0])).status_code == 410


def test_a_link_dies_after_an_hour(client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for_link(client, user.email)
    link = link_in(mails_to(user.email)[0])
    now = dt.datetime.now()  # noqa: DTZ005 -- what Django's token generator calls
    generator = "django.contrib.auth.tokens.PasswordResetTokenGenerator._now"
    monkeypatch.setattr(generator, lambda self: now + dt.timedelta(minutes=59))
    assert client.get(link).status_code == 302
    monkeypatch.setattr(generator, lambda self: now + dt.timedelta(minutes=61))
    assert client.get(link).status_code == 410


def test_a_link_dies_when_the_address_changes(client: Client, user: User) -> None:
    ask_for_link(client, user.email)
    link = link_in(mails_to(user.email)[0])
    user.emailaddress_set.update(email="new@example.com")
    User.objects.filter(pk=user.pk).update(email="new@example.com")
    assert client.get(link).status_code == 410


@pytest.mark.parametrize("link", ["/password/new/1-abc-def/", "/password/new/zzzzzzzz-set-password/"])
def test_an_invented_link_is_an_expired_one(client: Client, link: str) -> None:
    assert client.get(link).status_code == 410
    assert client.post(link, {"password1": NEW}).status_code == 410


def test_a_weak_new_password_is_refused_and_the_link_still_works(client: Client, user: User) -> None:
    ask_for_link(client, user.email)
    link = link_in(mails_to(user.email)[0])
    answer = choose(client, link, "short")
    assert answer.status_code == 422
    assert "too short" in answer.text
    assert choose(client, link).status_code == 302


def test_a_mailbox_is_not_flooded(client: Client, user: User) -> None:
    codes = [ask_for_link(client, user.email).status_code for _ in range(6)]
    assert codes == [302] * 5 + [429]
    assert len(mails_to(user.email)) == 5


def test_the_links_lead_to_our_site_whatever_host_was_asked(client: Client, user: User) -> None:
    client.post(reverse("account_reset_password"), {"email": user.email}, headers={"Host": "localhost"})
    [mail] = mails_to(user.email)
    assert "http://testserver/password/new/" in mail.message
    assert "localhost" not in mail.message + mail.html_message


def test_changing_the_password_needs_the_old_one_and_ends_every_session(user: User) -> None:
    here, there = logged_in(user), logged_in(user)
    url = reverse("account_change_password")
    wrong = here.post(url, {"oldpassword": "wrong", "password1": NEW})
    assert wrong.status_code == 422
    assert here.post(url, {"oldpassword": PASSWORD, "password1": NEW}).url == "/login/"
    for browser in (here, there):
        assert browser.get(reverse("billing:home")).status_code == 302
    assert logged_in(user, NEW)
    assert [m.subject for m in mails_to(user.email)] == ["Your password was changed"]


def test_another_members_log_in_survives(user: User, client: Client) -> None:
    neighbour = logged_in(make_account().guarantor.user)
    ask_for_link(client, user.email)
    choose(client, link_in(mails_to(user.email)[0]))
    assert neighbour.get(reverse("billing:home")).status_code == 200
