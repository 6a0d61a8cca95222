"""A person with a member card gets a log-in; everybody else learns nothing."""

import datetime as dt
import time

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import check_password
from django.test import Client
from django.urls import reverse

from accounts.models import Member, Registration, User
from tests.support.factories import PASSWORD, make_member, make_region, make_user
from tests.support.mail import link_in, mails_to
from tests.support.pages import neutral

pytestmark = pytest.mark.django_db

ADDRESS = "ada@example.com"
NOT_FOUND = "We could not find you with these details."


@pytest.fixture
def ada() -> Member:
    """A record from the feed that nobody has registered."""
    return make_member(
        first_name="Ada",
        last_name="Núñez-O'Neil",
        date_of_birth=dt.date(1984, 5, 3),
        member_number="12345678",
        registered=False,
    )


def details(**changes: str) -> dict[str, str]:
    """What Ada types into the form."""
    return {
        "first_name": "Ada",
        "last_name": "Núñez-O'Neil",
        "date_of_birth_month": "5",
        "date_of_birth_day": "3",
        "date_of_birth_year": "1984",
        "member_number": "12345678",
        "email": ADDRESS,
        "password": PASSWORD,
    } | changes


def register(client: Client, *, code: str = "ncal", **changes: str):
    return client.post(reverse("register_details", args=[code]), details(**changes))


def confirm(client: Client, address: str = ADDRESS):
    return client.post(link_in(mails_to(address)[-1]))


def log_in(client: Client, address: str = ADDRESS, password: str = PASSWORD):
    return client.post(reverse("account_login"), {"login": address, "password": password})


def test_from_area_to_log_in(client: Client, ada: Member) -> None:
    areas = client.get(reverse("register"))
    assert areas.status_code == 200
    assert "Which area are you in?" in areas.text
    assert "My area isn&#x27;t listed" in areas.text or "My area isn't listed" in areas.text
    assert 'href="/register/ncal/"' in areas.text

    sent = register(client)
    assert sent.status_code == 302
    assert sent.url == reverse("account_email_verification_sent")
    assert ADDRESS in client.get(sent.url).text
    ada.refresh_from_db()
    assert ada.user is None

    [mail] = mails_to(ADDRESS)
    page = client.get(link_in(mail))
    assert page.status_code == 200
    assert "Yes, confirm" in page.text
    ada.refresh_from_db()
    assert ada.user is None, "opening the link confirms nothing"

    done = confirm(client)
    assert (done.status_code, done.url) == (302, reverse("account_login"))
    ada.refresh_from_db()
    assert ada.user.email == ADDRESS
    assert ada.registered_at is not None
    assert ada.user.get_full_name() == "Ada Núñez-O'Neil"
    assert Registration.objects.count() == 0

    home = log_in(client)
    assert (home.status_code, home.url) == (302, reverse("billing:home"))


@pytest.mark.parametrize(
    "changes",
    [
        {"first_name": " ADA ", "last_name": "nunez oneil"},
        {"last_name": "Núñez-O’Neil"},
        {"member_number": "1234-56 78"},
        {"email": "ADA@Example.com"},
    ],
)
def test_case_accents_spaces_and_hyphens_make_nobody_a_stranger(
    client: Client, ada: Member, changes: dict[str, str]
) -> None:
    assert register(client, **changes).status_code == 302
    assert len(mails_to(ADDRESS)) == 1


def test_a_number_that_the_feed_delivered_with_hyphens_is_found_without(client: Client) -> None:
    make_member(first_name="Bo", last_name="Li", member_number="00-77 a", registered=False)
    sent = register(client, first_name="Bo", last_name="Li", member_number="0077A")
    assert sent.status_code == 302


WRONG = [
    {"first_name": "Eda"},
    {"last_name": "Nunez"},
    {"date_of_birth_day": "4"},
    {"member_number": "12345679"},
    {"first_name": "-", "last_name": "'"},
]


@pytest.mark.parametrize("changes", WRONG)
def test_details_that_match_nobody_get_one_neutral_answer(
    client: Client, ada: Member, changes: dict[str, str]
) -> None:
    answer = register(client, **changes)
    assert answer.status_code == 422
    assert answer.text.count(NOT_FOUND) == 1
    assert "800-464-4000" in answer.text
    assert reverse("contact") in answer.text
    assert 'value="ada@example.com"' in answer.text, "what was typed is kept"
    assert PASSWORD not in answer.text, "the password is not"
    assert User.objects.count() == 0
    assert mails_to(ADDRESS) == []


def test_no_answer_tells_which_detail_was_wrong_or_who_is_registered(ada: Member) -> None:
    """Every refusal is the same page, byte for byte, but for what was typed."""
    make_member(
        first_name="Ada",
        last_name="Núñez-O'Neil",
        date_of_birth=dt.date(1984, 5, 3),
        member_number="99999999",
    )
    make_user(email="taken@example.com")
    refusals = [
        *WRONG,
        {"member_number": "99999999"},
        {"first_name": "Eda", "email": "taken@example.com"},
    ]
    pages = set()
    for changes in refusals:
        answer = register(Client(), **changes)
        assert answer.status_code == 422
        pages.add(neutral(answer.text, details(**changes).values()))
    assert len(pages) == 1


def test_a_member_of_another_area_is_not_found(client: Client, ada: Member) -> None:
    assert register(client, code="scal").status_code == 422


def test_an_unknown_area_is_said_and_the_list_shown(client: Client) -> None:
    answer = client.get("/register/atlantis/")
    assert answer.status_code == 404
    assert "We do not know this area" in answer.text
    assert "Northern California" in answer.text


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("short", "too short"),
        ("password123", "too common"),
        ("ada@example.com", "too similar"),
        ("", "Choose a password."),
    ],
)
def test_a_weak_password_is_refused_at_the_field(
    client: Client, ada: Member, password: str, message: str
) -> None:
    answer = register(client, password=password)
    assert answer.status_code == 422
    assert message in answer.text
    assert 'href="#id_password"' in answer.text, "the summary links to the field"
    assert User.objects.count() == 0


@pytest.mark.parametrize("password", ["x" * 64, "four words — and ünïcödé ☂", " blanks at the ends "])
def test_long_passwords_spaces_and_every_character_are_welcome(
    client: Client, ada: Member, password: str
) -> None:
    assert register(client, password=password).status_code == 302
    assert check_password(password, User.objects.get().password)


def test_the_password_itself_is_stored_nowhere(client: Client, ada: Member) -> None:
    register(client)
    assert PASSWORD not in User.objects.get().password
    assert PASSWORD not in str(dict(client.session))
    assert all(PASSWORD not in mail.message + mail.html_message for mail in mails_to(ADDRESS))


def test_a_taken_address_looks_like_success_and_its_owner_is_told(client: Client, ada: Member) -> None:
    """Whoever registers with somebody's address does not learn that it is in use."""
    owner = make_user(email=ADDRESS, password="the owner's own words")
    free = register(Client(), email="free@example.com")
    taken = register(client)
    assert (taken.status_code, taken.url) == (free.status_code, free.url)

    [mail] = mails_to(ADDRESS)
    assert mail.subject == "You have a KPPay log-in already"
    assert link_in(mail) == reverse("account_login")
    owner.refresh_from_db()
    assert owner.check_password("the owner's own words")
    assert not Registration.objects.filter(user=owner).exists()


def test_the_page_after_a_taken_address_is_the_page_after_a_free_one(ada: Member) -> None:
    make_user(email="taken@example.com")
    pages = []
    for address in ("taken@example.com", "freed@example.com"):
        browser = Client()
        sent = register(browser, email=address)
        again = browser.post(reverse("register_send_again"), follow=True)
        for answer in (browser.get(sent.url), again):
            assert answer.status_code == 200
            pages.append(neutral(answer.text).replace(address, "ADDRESS"))
    assert pages[:2] == pages[2:]
    assert len(mails_to("taken@example.com")) == len(mails_to("freed@example.com")) == 2


def test_only_the_newest_mail_to_an_address_works(client: Client, ada: Member) -> None:
    """Whoever loses the first mail just registers again."""
    register(client)
    register(Client(), password="another good password")
    first, second = mails_to(ADDRESS)
    assert client.get(link_in(first)).status_code == 410
    assert client.post(link_in(second)).status_code == 302
    assert User.objects.count() == 1
    assert log_in(client, password="another good password").url == reverse("billing:home")


def test_a_mistyped_address_is_corrected_without_typing_everything_again(
    client: Client, ada: Member
) -> None:
    register(client, email="adda@example.com")
    page = client.get(reverse("account_email_verification_sent"))
    assert reverse("register_another_address") in page.text
    answer = client.post(reverse("register_another_address"), {"email": ADDRESS, "password": PASSWORD})
    assert answer.status_code == 302
    assert client.post(link_in(mails_to("adda@example.com")[0])).status_code == 410
    assert confirm(client).status_code == 302
    ada.refresh_from_db()
    assert ada.user.email == ADDRESS
    assert User.objects.count() == 1


def test_another_address_needs_a_registration_and_a_good_password(client: Client, ada: Member) -> None:
    url = reverse("register_another_address")
    assert client.get(url).url == reverse("register")
    register(client)
    answer = client.post(url, {"email": "new@example.com", "password": "short"})
    assert answer.status_code == 422
    assert 'value="new@example.com"' in answer.text
    assert mails_to("new@example.com") == []


def test_the_first_who_confirms_gets_the_record(client: Client, ada: Member) -> None:
    register(client, email="first@example.com")
    register(Client(), email="second@example.com")
    assert client.post(link_in(mails_to("second@example.com")[0])).status_code == 302
    late = client.post(link_in(mails_to("first@example.com")[0]))
    assert late.status_code == 409
    assert "We could not finish this" in late.text
    assert "second@example.com" not in late.text
    ada.refresh_from_db()
    assert ada.user.email == "second@example.com"
    assert not User.objects.filter(email="first@example.com").exists()
    assert EmailAddress.objects.filter(verified=True).count() == 1


def test_no_record_is_given_to_an_address_that_was_not_confirmed_after_all(
    client: Client, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(client)
    flow = "allauth.account.internal.flows.email_verification.verify_email"
    monkeypatch.setattr(flow, lambda request, email_address: False)
    assert confirm(client).status_code == 409
    ada.refresh_from_db()
    assert ada.user is None
    assert Registration.objects.get().member == ada


def test_a_link_works_once(client: Client, ada: Member) -> None:
    register(client)
    assert confirm(client).status_code == 302
    for answer in (confirm(client), client.get(link_in(mails_to(ADDRESS)[0]))):
        assert answer.status_code == 410
        assert "This link does not work any more" in answer.text
        assert reverse("account_login") in answer.text


def test_a_link_expires(client: Client, ada: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    register(client)
    link = link_in(mails_to(ADDRESS)[0])
    later = time.time() + 3 * 24 * 60 * 60 + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410
    ada.refresh_from_db()
    assert ada.user is None


@pytest.mark.parametrize("key", ["x", "1:1qXyz:forged", "a" * 300])
def test_an_invented_link_is_a_used_one(client: Client, key: str) -> None:
    assert client.get(f"/confirm/{key}/").status_code == 410
    assert client.post(f"/confirm/{key}/").status_code == 410


def test_looking_at_a_link_logs_nobody_out(client: Client, ada: Member) -> None:
    register(Client())
    client.force_login(make_user())
    assert client.get(link_in(mails_to(ADDRESS)[0])).status_code == 200
    assert "_auth_user_id" in client.session


def test_nobody_sees_a_bill_before_the_address_is_confirmed(client: Client, ada: Member) -> None:
    register(client)
    answer = log_in(client)
    assert answer.url == reverse("account_email_verification_sent")
    assert "_auth_user_id" not in client.session
    assert client.get(reverse("billing:home")).status_code == 302
    assert len(mails_to(ADDRESS)) == 2, "logging in sent the link again"


def test_a_mailbox_is_not_flooded(client: Client, ada: Member) -> None:
    register(client)
    for _ in range(8):
        answer = client.post(reverse("register_send_again"), follow=True)
    assert "Wait a few minutes" in answer.text
    assert len(mails_to(ADDRESS)) == 5


def test_guessing_at_a_member_number_ends_after_ten_tries(client: Client, ada: Member) -> None:
    for _ in range(10):
        assert register(client, first_name="Eda").status_code == 422
    assert register(client, first_name="Eda").status_code == 429
    assert register(Client()).status_code == 429, "the right details too, from whatever network"
    other = make_member(first_name="Bo", last_name="Li", member_number="777", registered=False)
    assert register(client, first_name="Bo", last_name="Li", member_number="777").status_code == 302
    assert Registration.objects.get().member == other


def test_an_unknown_number_is_counted_like_a_known_one(client: Client) -> None:
    codes = [register(client, member_number="404").status_code for _ in range(11)]
    assert codes == [422] * 10 + [429]


def test_whoever_is_logged_in_need_not_register(client: Client) -> None:
    client.force_login(make_user())
    for url in ("/register/", "/register/ncal/", reverse("account_email_verification_sent")):
        assert client.get(url).url == reverse("billing:home")


def test_a_name_cannot_add_a_header_or_markup_to_a_mail(client: Client) -> None:
    make_member(
        first_name="A\r\nBcc: x@example.com",
        last_name="<b>O'Neil</b>",
        member_number="5",
        registered=False,
    )
    register(client, first_name="A Bcc: x@example.com", last_name="bO'Neilb", member_number="5")
    [mail] = mails_to(ADDRESS)
    assert "x@example.com" not in f"{mail.to}{mail.cc}{mail.bcc}{mail.headers}"
    assert "<b>O'Neil" not in mail.html_message


def test_the_regions_code_may_be_written_in_capitals(client: Client, ada: Member) -> None:
    assert register(client, code=make_region().code).status_code == 302
