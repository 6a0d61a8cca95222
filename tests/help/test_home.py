"""The first page, the frame around every page, and the pages for when something is wrong."""

import pytest
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path, reverse
from django.views.defaults import server_error
from pytest_django.asserts import assertInHTML

from accounts.models import User


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the secret 4242")


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("a bill that belongs to Ana")


urlpatterns = [
    path("fail/", fail),
    path("missing/", missing),
    path("", include("kppay.urls")),
]


@pytest.mark.django_db
class TestTheFrame:
    def test_shows_a_visitor_the_ways_in(self, client: Client) -> None:
        page = client.get("/").content.decode()
        for name, text in (("register", "Registration"), ("account_login", "Log in")):
            assertInHTML(f'<a href="{reverse(name)}">{text}</a>', page)
        assert "Log out" not in page
        assert "is not affiliated with Kaiser Permanente" in page

    def test_shows_who_is_logged_in_and_the_way_out(self, client: Client) -> None:
        user = User.objects.create_user("ana@example.com", first_name="An'a", last_name="Neil")
        client.force_login(user)
        page = client.get("/").content.decode()
        assertInHTML(
            f'<a href="{reverse("account_email")}"><span class="visually-hidden">Your account:</span>'
            " An&#x27;a</a>",
            page,
        )
        assert f'<form method="post" action="{reverse("account_logout")}">' in page
        assertInHTML(f'<a href="{reverse("billing:home")}">Billing</a>', page)
        assert "Registration" not in page

    def test_shows_staff_the_way_to_their_pages_and_members_not(self, client: Client) -> None:
        link = f'<a href="{reverse("admin:index")}">Staff pages</a>'
        client.force_login(User.objects.create_user("ana@example.com"))
        assertInHTML(link, client.get("/").content.decode(), count=0)
        client.force_login(User.objects.create_user("agent@example.com", is_staff=True))
        assertInHTML(link, client.get("/").content.decode(), count=1)

    def test_marks_the_page_one_is_on(self, client: Client) -> None:
        page = client.get(reverse("contact")).content.decode()
        assertInHTML(f'<a href="{reverse("contact")}" aria-current="page">Contact</a>', page)
        assert page.count('aria-current="page"') == 1

    def test_speaks_spanish_to_who_chooses_it_and_returns_to_the_page(self, client: Client) -> None:
        response = client.post(
            reverse("set_language"), {"language": "es", "next": reverse("contact")}, follow=True
        )
        assert response.redirect_chain == [(reverse("contact"), 302)]
        page = response.content.decode()
        assert '<html lang="es">' in page
        assertInHTML(
            '<button class="link-button" type="submit" name="language" value="en" lang="en">'
            "English</button>",
            page,
        )

    def test_sends_nobody_elsewhere_when_the_language_is_chosen(self, client: Client) -> None:
        response = client.post(
            reverse("set_language"), {"language": "es", "next": "https://evil.example/"}
        )
        assert response.headers["Location"] == "/"

    def test_asks_the_database_nothing_for_a_visitor(
        self, client: Client, django_assert_num_queries: object
    ) -> None:
        client.get("/")  # the first of all visitors fills the cache
        with django_assert_num_queries(0):  # type: ignore[operator]
            client.get("/")


@pytest.mark.django_db
@pytest.mark.urls(__name__)
class TestWhenSomethingIsWrong:
    def test_a_page_that_is_not_there_says_so_and_leads_on(self, client: Client) -> None:
        response = client.get("/no/such/page/")
        assert response.status_code == 404
        page = response.content.decode()
        assert "We did not find that page" in page
        assert f'href="{reverse("contact")}"' in page

    def test_a_missing_thing_is_not_described(self, client: Client) -> None:
        response = client.get("/missing/")
        assert response.status_code == 404
        assert "Ana" not in response.content.decode()

    def test_our_own_fault_is_called_that_and_tells_nothing_else(self, client: Client) -> None:
        client.raise_request_exception = False
        response = client.get("/fail/")
        assert response.status_code == 500
        page = response.content.decode()
        assert "Something went wrong" in page
        assert "4242" not in page

    def test_our_own_fault_page_needs_no_database_and_no_list_of_static_files(
        self, settings: object
    ) -> None:
        settings.STORAGES = {  # type: ignore[attr-defined]
            **settings.STORAGES,  # type: ignore[attr-defined]
            "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
        }
        response = server_error(RequestFactory().get("/"))
        assert b'href="/static/css/kppay.css"' in response.content

    def test_a_form_without_its_token_is_refused_with_what_to_do(self) -> None:
        response = Client(enforce_csrf_checks=True).post(reverse("set_language"), {"language": "es"})
        assert response.status_code == 403
        assert "This page was open for too long" in response.content.decode()

    def test_a_strange_host_name_is_refused(self, client: Client) -> None:
        response = client.get("/", headers={"host": "evil.example"})
        assert response.status_code == 400
        assert "We could not read that" in response.content.decode()
