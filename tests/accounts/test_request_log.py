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
