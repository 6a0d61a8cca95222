"""Every response carries the headers of docs/security.md, whoever made it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path, reverse
from pytest_django import Settings

from demo.stripe.core import Sandbox
from tests.meta.access_matrix import ROWS, World
from tests.support.factories import make_staff

EXACT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING = ("object-src", "base-uri", "frame-ancestors", "default-src")
# Its own policy, stricter about scripts, looser about styles (tests/demo/test_mailbox.py).
MAIL_IN_A_FRAME = "demo:mail_html"


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


urlpatterns = [path("fail/", fail), path("", include("kppay.urls"))]


def policy_of(response: HttpResponse) -> dict[str, list[str]]:
    """The Content-Security-Policy by directive."""
    header = response.headers["Content-Security-Policy"]
    rules = (rule.split() for rule in header.split(";") if rule.strip())
    return {name: sources for name, *sources in rules}


def missing_headers(response: HttpResponse) -> list[str]:
    """What a response lacks; empty for a good one."""
    headers = response.headers
    wrong = [name for name, value in EXACT.items() if headers.get(name) != value]
    if headers.get("X-Frame-Options") != "DENY":
        wrong.append("X-Frame-Options")
    permissions = headers.get("Permissions-Policy", "")
    if not {"camera=()", "geolocation=()", "payment=()"} <= set(permissions.split(", ")):
        wrong.append("Permissions-Policy")
    if "Content-Security-Policy" not in headers:
        return [*wrong, "Content-Security-Policy"]
    policy = policy_of(response)
    wrong += [name for name in NOTHING if policy.get(name) != ["'none'"]]
    wrong += [name for name, sources in policy.items() if _is_loose(sources)]
    return wrong


def _is_loose(sources: list[str]) -> bool:
    dangerous = {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:"}
    return bool(dangerous & set(sources)) or ("'none'" in sources and len(sources) > 1)


def scripts_without_nonce(response: HttpResponse) -> list[str]:
    """Script elements that the policy's nonce does not cover, and inline handlers and styles."""
    html = response.content.decode(errors="replace")
    nonces = re.findall(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    tags = re.findall(r"<script\b[^>]*>", html)
    inline = re.findall(r"<[a-z][^>]*\s(?:on[a-z]+|style)=", html)
    covered = [tag for tag in tags if any(f'nonce="{nonce}"' in tag for nonce in nonces)]
    own_files = [tag for tag in tags if 'src="/static/' in tag]
    return [*(tag for tag in tags if tag not in covered + own_files), *inline]


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in ROWS if name != MAIL_IN_A_FRAME])
def test_every_address_answers_with_all_headers_and_what_a_member_saw_is_not_kept(
    name: str, sandbox: Sandbox, settings: Settings, tmp_path: Path
) -> None:
    settings.DEMO_MAILBOX = tmp_path
    world, stranger, member = World(sandbox), Client(), Client()
    member.force_login(world.account.guarantor.user)

    ask = question(name, world)

    assert missing_headers(ask(stranger)) == []

    response = ask(member)
    assert missing_headers(response) == []
    assert "no-store" in response.headers["Cache-Control"]
    if response.headers.get("Content-Type", "").startswith("text/html"):
        assert scripts_without_nonce(response) == []


def question(name: str, world: World) -> Callable[[Client], HttpResponse]:
    """How to ask for one address of the matrix, with member A's things in it."""
    row = ROWS[name]
    url = row.path(world) if row.path else reverse(name.removesuffix(" POST"), args=row.args(world))
    return lambda client: getattr(client, row.method)(url, row.data)


@pytest.mark.django_db
class TestOtherAnswers:
    def test_of_an_address_that_is_none(self, client: Client) -> None:
        response = client.get("/no/such/page/")
        assert response.status_code == 404
        assert missing_headers(response) == []

    @pytest.mark.urls(__name__)
    def test_of_a_page_that_breaks(self, client: Client) -> None:
        client.raise_request_exception = False
        response = client.get("/fail/")
        assert response.status_code == 500
        assert missing_headers(response) == []

    def test_of_a_form_without_its_token(self) -> None:
        response = Client(enforce_csrf_checks=True).post(reverse("set_language"))
        assert response.status_code == 403
        assert missing_headers(response) == []

    def test_of_a_strange_host(self, client: Client) -> None:
        response = client.get("/", headers={"host": "evil.example"})
        assert response.status_code == 400
        assert missing_headers(response) == []

    @pytest.mark.parametrize("file", ["css/kppay.css", "img/mark.svg"])
    def test_with_a_static_file(self, settings: Settings, file: str) -> None:
        settings.WHITENOISE_USE_FINDERS = True
        response = Client().get(f"/static/{file}")
        assert response.status_code == 200
        assert missing_headers(response) == []
        response.close()

    def test_with_a_page_for_staff(self, client: Client) -> None:
        client.force_login(make_staff(None))
        response = client.get(reverse("admin:index"), follow=True)
        assert missing_headers(response) == []
        assert scripts_without_nonce(response) == []
        assert "no-store" in response.headers["Cache-Control"]


class TestTheCheckItself:
    def test_finds_what_is_missing_or_loose(self) -> None:
        response = HttpResponse(headers={"Content-Security-Policy": "script-src 'unsafe-inline'"})
        assert set(missing_headers(response)) == {
            *EXACT, *NOTHING, "X-Frame-Options", "Permissions-Policy", "script-src",
        }  # fmt: skip

    def test_finds_a_script_without_the_nonce(self) -> None:
        html = '<script nonce="abc"></script><script>1</script><b onclick="x"></b><i style="y"></i>'
        response = HttpResponse(html, headers={"Content-Security-Policy": "script-src 'nonce-abc'"})
        assert scripts_without_nonce(response) == ["<script>", "<b onclick=", "<i style="]
