"""Looking at a page as axe does, small and large, light and dark."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from playwright.sync_api import Page

from tests.support.axe import faults_in_every_look

# Names of the addresses that a sweep has been at, over all tests of this process.
LOOKED_AT: set[str] = set()


@dataclass
class Sweep:
    """Collects what is wrong with the pages that a test walks through, so that it tells all at once."""

    page: Page
    found: list[str] = field(default_factory=list)

    def look(self, state: str) -> None:
        """Check the page as it stands, in every look; then it has its size again."""
        size = self.page.viewport_size
        LOOKED_AT.add(address_of(self.page))
        self.found += [f"{state}, {line}" for line in faults_in_every_look(self.page)]
        if size is not None:
            self.page.set_viewport_size(size)

    def visit(self, url: str, state: str, *, status: int = 200) -> None:
        response = self.page.goto(url)
        assert response is not None
        assert response.status == status, f"{state}: {response.status}"
        self.look(state)


def address_of(page: Page) -> str:
    """The name in the URLconf of where the browser is."""
    try:
        return resolve(urlsplit(page.url).path).view_name
    except Resolver404:
        return "no such page"
