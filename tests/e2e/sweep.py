"""Looking at a page as axe does, small and large, light and dark."""

from dataclasses import dataclass, field

from playwright.sync_api import Page

from tests.support.axe import axe_violations
from tests.support.browser import DESK, PHONE, overflows

LOOKS = [(width, scheme) for width in (PHONE, DESK) for scheme in ("light", "dark")]


@dataclass
class Sweep:
    """Collects what is wrong with the pages that a test walks through, so that it tells all at once."""

    page: Page
    seen: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def look(self, state: str) -> None:
        """Check the page as it stands, in every look."""
        self.seen.append(state)
        for width, scheme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            where = f"{state}, {width} px, {scheme}"
            self.found += [f"{where}: {line}" for line in axe_violations(self.page)]
            if too_wide := overflows(self.page):
                self.found.append(f"{where}: {too_wide} px wider than the window")

    def visit(self, url: str, state: str, *, status: int = 200) -> None:
        response = self.page.goto(url)
        assert response is not None
        assert response.status == status, f"{state}: {response.status}"
        self.look(state)
