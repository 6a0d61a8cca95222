"""The demo's mailbox keeps every mail and shows it without trusting it."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.urls import reverse

from demo import mailbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_mailbox(settings: object, tmp_path: Path) -> None:
    settings.DEMO_MAILBOX = tmp_path / "mail"  # type: ignore[attr-defined]


def deliver(subject: str = "Receipt", text: str = "Thank you", html: str = "", **files: bytes) -> str:
    """Deliver one mail to Ana; returns its name in the mailbox."""
    message = EmailMultiAlternatives(subject, text, "KPPay <b@kppay.example>", ["ana@example.com"])
    if html:
        message.attach_alternative(html, "text/html")
    for name, content in files.items():
        message.attach(f"{name}.pdf", content, "application/pdf")
    assert mailbox.MailboxBackend().send_messages([message]) == 1
    return mailbox.names()[0]


def test_an_empty_mailbox_says_what_to_do(client: Client) -> None:
    page = client.get(reverse("demo:mailbox")).content.decode()
    assert "No mail yet" in page
    assert "<table" not in page


def test_mails_are_listed_the_newest_first(client: Client) -> None:
    for subject in ("First", "Second", "Third"):
        deliver(subject)
    page = client.get(reverse("demo:mailbox")).content.decode()
    assert page.index("Third") < page.index("Second") < page.index("First")
    assert page.count("ana@example.com") == 3


def test_a_long_list_has_pages(client: Client) -> None:
    for number in range(26):
        deliver(f"Mail {number:02d}")
    first = client.get(reverse("demo:mailbox")).content.decode()
    assert first.count("ana@example.com") == 25
    assert "Mail 00" not in first
    assert "Mail 00" in client.get(reverse("demo:mailbox"), {"page": 2}).content.decode()


def test_a_mail_shows_its_headers_and_its_text_with_links(client: Client) -> None:
    name = deliver("Confirm", "Open http://127.0.0.1:8000/confirm/abc/ now")
    page = client.get(reverse("demo:mail", args=[name])).content.decode()
    assert "<h1" in page
    assert "Confirm" in page
    assert "KPPay &lt;b@kppay.example&gt;" in page
    assert 'href="http://127.0.0.1:8000/confirm/abc/"' in page
    assert "<iframe" not in page


def test_words_with_accents_and_markup_arrive_as_written(client: Client) -> None:
    name = deliver("Recibo de María", "Ñandú <script>alert(1)</script>")
    page = client.get(reverse("demo:mail", args=[name])).content.decode()
    assert "Recibo de María" in page
    assert "Ñandú &lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_html_is_shown_in_a_frame_that_can_run_send_and_reach_nothing(client: Client) -> None:
    name = deliver(html="<html><head></head><body><h1>Hello</h1><script>1</script></body></html>")
    page = client.get(reverse("demo:mail", args=[name]))
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert 'sandbox="allow-top-navigation-by-user-activation"' in page.content.decode()

    frame = client.get(reverse("demo:mail_html", args=[name]))
    assert "<h1>Hello</h1>" in frame.content.decode()
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = dict(
        rule.strip().split(" ", 1) for rule in frame.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["script-src"] == policy["form-action"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["sandbox"] == "allow-top-navigation-by-user-activation"


def test_links_of_the_html_leave_the_frame(client: Client) -> None:
    name = deliver(html='<html><head></head><body><a href="/">x</a></body></html>')
    html = client.get(reverse("demo:mail_html", args=[name])).content.decode()
    assert '<base target="_top">' in html


def test_attachments_come_as_downloads_byte_for_byte(client: Client) -> None:
    name = deliver(receipt=b"%PDF-1.7 \x00\xff", other=b"%PDF-2")
    page = client.get(reverse("demo:mail", args=[name])).content.decode()
    assert page.count(" download>") == 2
    response = client.get(reverse("demo:mail_attachment", args=[name, 0]))
    assert response.content == b"%PDF-1.7 \x00\xff"
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Content-Disposition"] == 'attachment; filename="receipt.pdf"'
    assert client.get(reverse("demo:mail_attachment", args=[name, 2])).status_code == 404


def test_a_file_name_cannot_break_out_of_its_header(client: Client) -> None:
    name = deliver(**{'a"; filename="b': b"%PDF"})
    response = client.get(reverse("demo:mail_attachment", args=[name, 0]))
    assert response.headers["Content-Disposition"].count('"') == 2


@pytest.mark.parametrize("name", ["..", "20260101T000000000000-abcdef", "secret", "%2e%2e%2fsecret"])
def test_a_name_that_is_no_mail_is_not_found(
    client: Client, settings: object, name: str, tmp_path: Path
) -> None:
    deliver()
    (tmp_path / "secret.eml").write_text("Subject: secret\n\n")
    (tmp_path / "mail" / "secret.eml").write_text("Subject: secret\n\n")
    for page in ("demo:mail", "demo:mail_html"):
        assert client.get(reverse(page, args=[name])).status_code == 404


def test_half_a_mail_is_not_shown(tmp_path: Path) -> None:
    deliver()
    (tmp_path / "mail" / "20990101T000000000000-abcdef.part").write_text("Subject: half")
    assert len(mailbox.names()) == 1


def test_production_loads_nothing_of_the_demo() -> None:
    program = (
        "import django, sys; django.setup(); import kppay.urls; "
        "print([name for name in sys.modules if name.split('.')[0] == 'demo'])"
    )
    variables = {
        "DJANGO_SETTINGS_MODULE": "kppay.settings.production",
        "SECRET_KEY": "x" * 60,
        "SITE_URL": "https://pay.example",
        "ALLOWED_HOSTS": "pay.example",
        "DATABASE_URL": "postgres://kppay_app@localhost/kppay",
        "REDIS_URL": "redis://localhost",
        "EMAIL_URL": "smtp://localhost",
    }
    result = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
