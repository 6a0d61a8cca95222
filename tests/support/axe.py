"""axe-core on a page: WCAG 2.2 A and AA and axe's own best practices."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Frame, Page

from tests.support.browser import DESK, PHONE, overflows

# Off in axe by default, although WCAG 2.2 AA asks for it (2.5.8).
EVERYTHING: dict[str, Any] = {"rules": {"target-size": {"enabled": True}}}
# What a page in other colors can break that it did not break before.
COLORS: dict[str, Any] = {"runOnly": ["color-contrast", "link-in-text-block"]}
# A frame without axe inside would be waited for; who wants one looked at gives the frame.
ALWAYS: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}


def axe_violations(page: Page | Frame, *, only_colors: bool = False) -> list[str]:
    """One line for each element that breaks a rule: "color-contrast: .hint: <div class=...".

    The page is looked at as it is now: size, colors and state are the caller's. Only its style
    sheets are waited for: a page asked between its markup and its colors has none to be judged by.
    `only_colors` asks for the rules about colors alone, for a page that is looked at whole besides.
    """
    page.wait_for_load_state("load")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        "options => axe.run(options).then(results => results.violations)",
        ALWAYS | (COLORS if only_colors else EVERYTHING),
    )
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"]
    ]


def faults_in_every_look(page: Page) -> list[str]:
    """What axe finds and what scrolls sideways: the page as it stands, small, large, light, dark."""
    found = []
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            lines = axe_violations(page, only_colors=scheme == "dark")
            found += [f"{width} px, {scheme}: {line}" for line in lines]
        if too_wide := overflows(page):
            found.append(f"{width} px: {too_wide} px wider than the window")
    return found
