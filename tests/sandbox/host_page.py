"""A page such as the portal's, with a policy as strict, and what a member does on it."""

from http.server import BaseHTTPRequestHandler
from typing import Any

from playwright.sync_api import FrameLocator, Page

HOST_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Pay</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="{sandbox}/endive/stripe.js"></script><script src="/host.js" defer></script></head>
<body><main><h1>Pay</h1><div id="payment"></div></main></body></html>"""
HOST_SCRIPT = """
window.seen = [];
window.stripe = Stripe("pk_test_demo_ncal");
window.elements = stripe.elements({ mode: "payment", amount: 4210, currency: "usd" });
window.element = elements.create("payment");
for (const name of ["ready", "change", "loaderror"]) {
  element.on(name, (event) => seen.push({ name, ...event }));
}
element.mount("#payment");
"""


class Host(BaseHTTPRequestHandler):
    """The portal's page, and nothing of the portal."""

    def __init__(self, sandbox: str, *given: Any) -> None:
        self.sandbox = sandbox
        super().__init__(*given)

    def do_GET(self) -> None:
        script = self.path.startswith("/host.js")
        body = (HOST_SCRIPT if script else HOST_PAGE.format(sandbox=self.sandbox)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.send_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'self' {self.sandbox}; frame-src {self.sandbox}; "
            f"connect-src 'self' {self.sandbox}; base-uri 'none'; object-src 'none'; "
            "frame-ancestors 'none'",
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


def form(page: Page) -> FrameLocator:
    return page.frame_locator("#payment iframe")


def type_card(page: Page, number: str, cvc: str = "123") -> None:
    fields = form(page)
    fields.get_by_label("Card number").fill(number)
    fields.get_by_label("Expiration date").fill("12 / 34")
    fields.get_by_label("Security code").fill(cvc)
    fields.get_by_label("ZIP code").fill("94612")


def type_account(page: Page, number: str = "000123456789", *, instant: bool = True) -> None:
    """Choose "Bank account" and fill its fields."""
    fields = form(page)
    fields.get_by_label("Bank account", exact=True).check()
    fields.get_by_label("Name on the account").fill("Ana Silva")
    fields.get_by_label("Routing number").fill("110000000")
    fields.get_by_label("Account number").fill(number)
    if instant:
        fields.get_by_label("I allow the bank to confirm my account").check()
    else:
        fields.get_by_label("By two small deposits").check()


def remount(page: Page, **options: Any) -> None:
    """Start over with other options of elements()."""
    page.evaluate(
        """(options) => {
            element.destroy();
            window.elements = stripe.elements({
                mode: "payment", amount: 4210, currency: "usd", ...options });
            window.element = elements.create("payment");
            element.on("change", (event) => seen.push({ name: "change", ...event }));
            element.mount("#payment");
        }""",
        options,
    )


def token(page: Page) -> dict[str, Any]:
    return page.evaluate(
        """async () => {
            const submitted = await elements.submit();
            if (submitted.error) return submitted;
            return stripe.createConfirmationToken({
                elements, params: { return_url: location.href } });
        }"""
    )


def seen(page: Page, name: str) -> list[dict[str, Any]]:
    return [event for event in page.evaluate("seen") if event["name"] == name]


def answer_challenge(page: Page, button: str) -> None:
    page.frame_locator("dialog iframe").get_by_role("button", name=button).click()
