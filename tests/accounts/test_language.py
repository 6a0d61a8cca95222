"""Which language people read and are written to, from the first visit on."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from accounts.roles import Role
from accounts.services import users
from tests.support.factories import PASSWORD, make_member, make_region, make_staff, make_user
from tests.support.mail import mails_to

pytestmark = pytest.mark.django_db

COOKIE = "django_language"
YEAR_SECONDS = 365 * 24 * 60 * 60


def choose(client: Client, language: str):
    return client.post(reverse("set_language"), {"language": language})


def log_in(client: Client, user: User):
    return client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})


def forget_password(client: Client, address: str) -> str:
    """The subject of the mail that comes."""
    client.post(reverse("account_reset_password"), {"email": address})
    return mails_to(address)[-1].subject


def language_of(user: User) -> str:
    user.refresh_from_db()
    return user.language


def test_a_guests_choice_holds_for_a_year_and_every_page_says_its_language(client: Client) -> None:
    assert choose(client, "es").cookies[COOKIE]["max-age"] == YEAR_SECONDS
    for name in ("home", "contact", "register", "account_login", "guest:start"):
        answer = client.get(reverse(name))
        assert answer.headers["Content-Language"] == "es", name
        assert '<html lang="es">' in answer.text, name
    assert "Olvidó su contraseña" in client.get(reverse("account_login")).text


def test_before_a_choice_the_browser_decides(client: Client) -> None:
    page = client.get(reverse("home"), headers={"accept-language": "es-US,es;q=0.9,en;q=0.5"}).text
    assert '<html lang="es">' in page
    assert "Pague sus facturas" in page


def test_a_members_choice_changes_the_mails_too(client: Client) -> None:
    member = make_member()
    client.force_login(member.user)
    choose(client, "es")
    assert language_of(member.user) == "es"
    assert forget_password(Client(), member.user.email) == "Elija una nueva contraseña"
    choose(client, "en")
    assert forget_password(Client(), member.user.email) == "Choose a new password"


def test_who_chooses_and_then_logs_in_has_chosen_for_the_log_in(client: Client) -> None:
    user = make_member().user
    choose(client, "es")
    log_in(client, user)
    assert language_of(user) == "es"
    assert '<html lang="es">' in client.get(reverse("home")).text


def test_a_new_device_speaks_the_language_that_was_chosen_on_another(client: Client) -> None:
    user = make_member().user
    users.set_language(user=user, language="es")
    log_in(client, user)
    assert '<html lang="es">' in client.get(reverse("home")).text


def test_an_old_choice_on_a_shared_computer_changes_nobodys_language(client: Client) -> None:
    user = make_member().user
    client.cookies[COOKIE] = "es"
    log_in(client, user)
    assert language_of(user) == "en"
    assert '<html lang="en">' in client.get(reverse("home")).text


def test_who_registers_in_spanish_is_written_to_in_spanish(client: Client) -> None:
    ada = make_member(date_of_birth=dt.date(1984, 5, 3), registered=False)
    client.cookies[COOKIE] = "es"
    client.post(
        reverse("register_details", args=["ncal"]),
        {
            "first_name": ada.first_name,
            "last_name": ada.last_name,
            "date_of_birth_month": "5",
            "date_of_birth_day": "3",
            "date_of_birth_year": "1984",
            "member_number": ada.member_number,
            "email": "ada@example.com",
            "password": PASSWORD,
        },
    )
    assert User.objects.get(email="ada@example.com").language == "es"
    (mail,) = mails_to("ada@example.com")
    assert mail.subject == "Confirme su correo electrónico"
    assert '<html lang="es">' in mail.html_message


def test_a_stranger_is_answered_in_the_language_of_the_page(client: Client) -> None:
    client.cookies[COOKIE] = "es"
    subject = forget_password(client, "nobody@example.com")
    assert subject == "No hay acceso a KPPay con este correo electrónico"


def test_staffs_pages_stay_english_whatever_staff_chose(client: Client) -> None:
    agent = make_staff(Role.BILLING_AGENT)
    client.cookies[COOKIE] = "es"
    client.force_login(agent)
    answer = client.get(reverse("admin:accounts_member_changelist"))
    assert answer.headers["Content-Language"] == "en"
    assert "Select member to view" in answer.text
    assert '<html lang="es">' in client.get(reverse("home")).text


def test_only_languages_of_the_portal_are_taken_and_only_by_a_button(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    choose(client, "fr")
    assert language_of(user) == "en"
    assert client.get(reverse("set_language"), {"language": "es"}).status_code == 405
    with pytest.raises(users.UnknownLanguage):
        users.set_language(user=user, language="fr")


def test_hours_of_the_telephone_are_read_in_the_readers_language(client: Client) -> None:
    region = make_region("HI")
    assert region.hours_read.startswith("Monday to Friday")
    with translation.override("es"):
        assert (
            region.hours_read == "de lunes a viernes, de 8 a.m. a 5 p.m.; sábados, de 8 a.m. a mediodía"
        )
        client.cookies[COOKIE] = "es"
        assert region.hours_read in client.get(reverse("contact")).text
        region.hours_es = ""
        assert region.hours_read == region.hours
