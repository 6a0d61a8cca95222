"""The frame is light, reads well at every size, and the tools that check pages find what is wrong."""

import gzip
import mimetypes

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from playwright.sync_api import Page, Route

from tests.support.axe import axe_violations, faults_in_every_look
from tests.support.browser import PHONE, NewPage, overflows

CSS = settings.BASE_DIR / "static" / "css" / "kppay.css"
# Pages that a walk through the running product does not meet (tests/e2e/test_axe.py meets the others).
RARE_PAGES = ["400.html", "403.html", "403_csrf.html", "429.html", "500.html"]


def show(page: Page, html: str, headers: dict[str, str] | None = None) -> None:
    """Open this HTML with the project's static files, without a server."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix("http://kppay.test")
        if path.startswith("/static/"):
            file = settings.BASE_DIR / path.lstrip("/")
            kind = mimetypes.guess_type(file.name)[0] or "text/plain"
            route.fulfill(body=file.read_bytes(), content_type=kind)
        else:
            route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=headers)

    page.route("**/*", answer)
    page.goto("http://kppay.test/")


class TestPages:
    @pytest.mark.parametrize("template", RARE_PAGES)
    def test_that_are_rarely_seen_are_accessible_too(self, template: str, new_page: NewPage) -> None:
        html = render_to_string(template, request=RequestFactory().get("/"))
        page = new_page()
        show(page, html)
        assert page.locator("h1").count() == 1
        assert faults_in_every_look(page) == []

    def test_are_printed_black_on_white_by_who_reads_white_on_black(self, new_page: NewPage) -> None:
        page = new_page(scheme="dark")
        show(page, render_to_string("404.html", request=RequestFactory().get("/")))
        page.emulate_media(media="print", color_scheme="dark")
        style = "getComputedStyle(document.body)"
        assert page.evaluate(f"{style}.backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate(f"{style}.color") == "rgb(0, 0, 0)"
        assert page.locator("header nav").is_hidden()

    def test_let_the_keyboard_skip_the_header(self, new_page: NewPage) -> None:
        page = new_page()
        show(page, render_to_string("404.html", request=RequestFactory().get("/")))
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip-link"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


class TestTheTools:
    def test_axe_finds_a_planted_violation(self, new_page: NewPage) -> None:
        page = new_page()
        show(
            page,
            '<!doctype html><html lang="en"><title>x</title><main><h1>x</h1>'
            '<img src="/static/img/mark.svg"><p style="color: #aaa">faint</p></main></html>',
        )
        rules = {line.split(":")[0] for line in axe_violations(page)}
        assert rules == {"image-alt", "color-contrast"}

    def test_axe_finds_a_target_that_is_too_small(self, new_page: NewPage) -> None:
        page = new_page()
        small = '<button aria-label="{}" style="width: 9px; height: 9px; padding: 0"></button>'
        show(
            page,
            '<!doctype html><html lang="en"><title>x</title><main><h1>x</h1>'
            f"{small.format('a')}{small.format('b')}</main></html>",
        )
        assert {line.split(":")[0] for line in axe_violations(page)} == {"target-size"}

    def test_a_page_that_is_too_wide_is_noticed(self, new_page: NewPage) -> None:
        page = new_page(width=PHONE)
        show(page, '<!doctype html><div style="width: 400px">x</div>')
        assert overflows(page) > 0

    @pytest.mark.parametrize(
        ("script", "headers"),
        [
            ("document.title = 'x'", {"Content-Security-Policy": "script-src 'self'"}),
            ("throw new Error('broken')", {}),
        ],
    )
    def test_a_blocked_or_broken_script_is_noticed(
        self, script: str, headers: dict[str, str], new_page: NewPage
    ) -> None:
        show(new_page(), f"<!doctype html><script>{script}</script>", headers)
        assert len(new_page.complaints) == 1
        new_page.complaints.clear()


class TestWeight:
    def test_of_the_stylesheet_is_at_most_6_kb(self) -> None:
        assert len(gzip.compress(CSS.read_bytes())) <= 6 * 1024

    @pytest.mark.django_db
    def test_of_the_first_page_fits_one_round_trip(self, client: Client) -> None:
        page = client.get("/").content
        mark = (settings.BASE_DIR / "static" / "img" / "mark.svg").read_bytes()
        total = sum(len(gzip.compress(part)) for part in (page, CSS.read_bytes(), mark))
        assert total <= 14 * 1024

    def test_has_no_part_from_elsewhere(self) -> None:
        css = CSS.read_text()
        assert "url(" not in css
        assert "@import" not in css
        assert "@font-face" not in css
