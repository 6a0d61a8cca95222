"""What the log says about a request: who, when and which kind of page; never a key or a name."""

import pytest
from django.test import Client

from tests.support.factories import make_user
from tests.support.mail import link_in, mails_to

pytestmark = pytest.mark.django_db


def logged(capture: pytest.LogCaptureFixture) -> str:
    return "\n".join(str(record.msg) + record.getMessage() for record in capture.records)


def test_the_key_of_a_link_from_a_mail_is_not_logged(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.post("/password/forgotten/", {"email": make_user("ada@example.com").email})
    link = link_in(mails_to("ada@example.com")[0])
    caplog.clear()
    caplog.set_level("INFO")
    assert client.get(link).status_code == 302
    text = logged(caplog)
    assert "GET /^password/new/(?P<uidb36>" in text
    assert link.split("-", 1)[1].strip("/") not in text


def test_what_is_searched_for_or_typed_is_not_logged(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    client.get("/contact/?q=Okafor")
    client.post("/login/", {"login": "ada@example.com", "password": "hunter2hunter2"})
    client.get("/Okafor/")
    text = logged(caplog)
    assert "GET /contact/" in text
    assert "POST /login/" in text
    assert "GET an unknown address" in text
    for secret in ("ada@example.com", "hunter2"):
        assert secret not in text
    assert "q=Okafor" not in text


SECRET = "k3y-of-a-link"


@pytest.mark.parametrize(
    ("method", "path", "line"),
    [
        ("POST", f"/chat/link/{SECRET}/", "Gone: /chat/link/<str:token>/"),
        ("DELETE", f"/chat/link/{SECRET}/", "Method Not Allowed (DELETE): /chat/link/<str:token>/"),
        ("GET", f"/reminders/stop/{SECRET}/", "Not Found: /reminders/stop/<str:token>/"),
        ("GET", f"/nowhere/ñ/{SECRET}/", "Not Found: an unknown address"),
    ],
)
def test_django_names_the_kind_of_address_where_it_refuses(
    client: Client, caplog: pytest.LogCaptureFixture, method: str, path: str, line: str
) -> None:
    client.generic(method, path)
    assert line in [record.getMessage() for record in caplog.records if record.name == "django.request"]
    assert SECRET not in logged(caplog)


def test_django_names_no_page_whose_form_had_no_token(caplog: pytest.LogCaptureFixture) -> None:
    strict = Client(enforce_csrf_checks=True)
    before = f"https://elsewhere.example/chat/link/{SECRET}/?key={SECRET}"
    for headers in ({}, {"referer": before}):
        strict.post(f"/chat/link/{SECRET}/", secure=bool(headers), headers=headers)
    lines = [record.getMessage() for record in caplog.records if record.name == "django.security.csrf"]
    assert lines == [
        "Forbidden (CSRF cookie not set.): /chat/link/<str:token>/",
        "Forbidden (Referer checking failed - https://elsewhere.example does not match any trusted "
        "origins.): /chat/link/<str:token>/",
    ]
    assert SECRET not in logged(caplog)


def test_django_names_the_kind_of_address_where_a_page_breaks(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("something broke")

    monkeypatch.setattr("support.services.links.use", broken)
    client.raise_request_exception = False
    assert client.post(f"/chat/link/{SECRET}/").status_code == 500
    assert "Internal Server Error: /chat/link/<str:token>/" in logged(caplog)
    assert SECRET not in logged(caplog)
