"""axe-core on a page: WCAG 2.2 A and AA and axe's own best practices."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Frame, Page

from tests.support.browser import DESK, PHONE, overflows

# Off in axe by default, although WCAG 2.2 AA asks for it (2.5.8).
EVERYTHING: dict[str, Any] = {"rules": {"target-size": {"enabled": True}}}
# What a page in other colors can break that it did not break before; and in another size, where the
# same parts are shown in the same way. Other colors in another size then break nothing more.
COLORS = ["color-contrast", "link-in-text-block"]
SIZE = [*COLORS, "target-size", "scrollable-region-focusable"]
SHOWN = """() => [...document.body.querySelectorAll('*')].map(one =>
  one.checkVisibility({visibilityProperty: true}) && getComputedStyle(one).display).join()"""
# A frame without axe inside would be waited for; who wants one looked at gives the frame.
ALWAYS: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}


def axe_violations(page: Page | Frame, *, only_colors: bool = False) -> list[str]:
    """One line for each element that breaks a rule: "color-contrast: .hint: <div class=...".

    The page is looked at as it is now: size, colors and state are the caller's. `only_colors` asks for
    the rules about colors alone, for a page that is looked at whole besides.
    """
    return _violations(page, COLORS if only_colors else None)


def _violations(page: Page | Frame, rules: list[str] | None) -> list[str]:
    """Only the page's style sheets are waited for: one that is asked between its markup and its colors
    has none to be judged by.
    """
    page.wait_for_load_state("load")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        "options => axe.run(options).then(results => results.violations)",
        ALWAYS | (EVERYTHING if rules is None else {"runOnly": rules}),
    )
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"]
    ]


def faults_in_every_look(page: Page) -> list[str]:
    """What axe finds and what scrolls sideways: the page as it stands, small, large, light, dark."""
    page.wait_for_load_state("load")
    found, shown = [], set()
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 900})
        parts = str(page.evaluate(SHOWN))
        for scheme in ("light",) if parts in shown else ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            rules = COLORS if scheme == "dark" else SIZE if parts in shown else None
            found += [f"{width} px, {scheme}: {line}" for line in _violations(page, rules)]
        shown.add(parts)
        if too_wide := overflows(page):
            found.append(f"{width} px: {too_wide} px wider than the window")
    return found
