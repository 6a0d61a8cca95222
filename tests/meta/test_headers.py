"""Every response carries the headers of docs/security.md, whoever made it.

The answers of every address to everybody are held to them in test_access_matrix.
"""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path, reverse
from pytest_django import Settings

from tests.support.factories import make_staff
from tests.support.headers import EXACT, NOTHING, missing_headers, scripts_without_nonce


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


urlpatterns = [path("fail/", fail), path("", include("kppay.urls"))]


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
