"""axe-core on a page: WCAG 2.2 A and AA and axe's own best practices."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Off in axe by default, although WCAG 2.2 AA asks for it (2.5.8).
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


def axe_violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule: "color-contrast: .hint: <div class=...".

    The page is looked at as it is now: size, colors and state are the caller's. Only its style
    sheets are waited for: a page asked between its markup and its colors has none to be judged by.
    """
    page.wait_for_load_state("load")
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"]
    ]
