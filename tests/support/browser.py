"""Chromium, driven by Playwright. A test asks for `new_page` and gets pages of the size it names.

Whatever page a test opens, a blocked script or style and an error in a script fail the test.
"""

import os
import shutil
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

# What Playwright switches off, for Chromium heeds the last such list alone; and the popup of the
# address line, which nobody sees here: half of what opening a page costs.
NO_FEATURES = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding",
    "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints",
    "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
)  # fmt: skip
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(NO_FEATURES)}",
]
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
PHONE, TABLET, DESK = 320, 768, 1280
# Milliseconds. Longer than a busy machine needs for anything: only what never comes takes so long.
PATIENCE = 30_000


def chromium_path() -> str:
    """Where the machine's Chromium is: CHROMIUM, or one on PATH; one without windows costs least.

    Skips the test where none is; fails it in continuous integration, where no promise may go unchecked.
    """
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not found:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop("needs Chromium; `make test` installs it where it may")
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the whole test process: Playwright cannot be started twice in one."""
    path = chromium_path()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop running in this thread; Django's own calls stay synchronous.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    """The same, under the name that most tests know it by."""
    return chromium


class NewPage:
    """Opens pages, each in a profile of its own, and notes what they complain about."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def __call__(
        self,
        *,
        width: int = DESK,
        scheme: Literal["light", "dark"] = "light",
        language: str = "en-US",
        javascript: bool = True,
    ) -> Page:
        context = self._browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            locale=language,
            reduced_motion="reduce",
            java_script_enabled=javascript,
        )
        context.set_default_timeout(2 * PATIENCE)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", self._note_blocked)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _note_blocked(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.complaints.append(message.text)


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Call it for a page. Pages are closed after the test, which fails if one of them complained."""
    opener = NewPage(browser)
    yield opener
    opener.close()
    assert opener.complaints == []


def overflows(page: Page) -> int:
    """By how many pixels the page is wider than its window; 0 where nothing scrolls sideways."""
    script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(script))
