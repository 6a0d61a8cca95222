"""axe finds nothing on any page: empty, full and in error, at 320 and 1280 px, light and dark."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.product import Product
from tests.e2e.sweep import LOOKED_AT, Sweep
from tests.support.browser import NewPage

People = dict[str, dict[str, Any]]

# What beat wakes a worker for, some minutes later: to ask about payments without an outcome.
ASK_LATER = """
import datetime as dt
from common.clock import now
from payments.services import reconcile
reconcile.reconcile_unsettled(at=now() + dt.timedelta(minutes=10))
"""
# What answers no person with a page: machines, files, and buttons that lead on to a page.
NO_PAGES = {
    "live", "ready", "csp_report", "stripe_webhook", "set_language", "account_signup",
    "register_send_again", "demo:mail_html", "demo:mail_attachment",
    "billing:bill_pdf", "billing:statement_pdf", "autopay:copy", "autopay:proof",
    "payments:switch_auto_apply", "payments:history_export", "payments:method_default",
    "payments:receipt", "payments:claim", "payments:confirmation", "payments:mail_receipt",
    "payments:state", "payments:refresh", "payments:abandon",
    "guest:state", "guest:refresh", "guest:abandon", "guest:mail", "guest:forget",
    "banner_away", "chat:new_messages", "chat:close", "chat:file", "chat:transcript",
    "chat:forget",
    "desk:queue", "desk:new_messages", "desk:take", "desk:release", "desk:close", "desk:attach",
    "desk:file",
}  # fmt: skip
# Pages in a state that this walk does not reach; made of the same components as the others.
NOT_REACHED = {
    "account_inactive", "account_reset_password_from_key_done", "payments:withdraw",
    "payments:method_step", "payments:method_verify", "guest:card",
    "mfa_authenticate", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    # tests/staff/test_passkeys.py looks at these.
    "mfa_add_webauthn", "mfa_remove_webauthn", "mfa_reauthenticate_webauthn",
    "desk:index", "desk:show",  # tests/e2e/test_chat.py looks at them
    "guest:review", "guest:payment",  # and tests/e2e/test_guest_pays.py at these
    # and tests/e2e/test_payment_methods.py at these
    "account_reauthenticate", "payments:method_add", "payments:method_check", "payments:method_remove",
    # tests/autopay/test_pages_look.py looks at these, in states that take days to come.
    "autopay:method", "autopay:plan", "autopay:agree", "autopay:on", "autopay:canceled",
    "autopay:change_method", "autopay:agree_method", "autopay:change_day", "autopay:change_limit",
    "autopay:act", "autopay:skip", "autopay:unskip",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _only_what_this_file_looks_at() -> None:
    """Other files of this process may have been at pages that this one does not reach."""
    LOOKED_AT.clear()


def test_pages_for_everybody(product: Product, new_page: NewPage) -> None:
    sweep = Sweep(new_page())
    sweep.visit(f"{product.url}/demo/mail/", "mailbox before any mail")
    sweep.visit(f"{product.url}/", "home")
    sweep.visit(f"{product.url}/contact/", "contact")
    sweep.visit(f"{product.url}/styleguide/", "style guide")
    sweep.visit(f"{product.url}/no-such-page/", "not found", status=404)
    sweep.visit(f"{product.url}/register/", "areas")
    sweep.visit(f"{product.url}/confirm/no-such-key/", "dead link to confirm", status=410)
    sweep.visit(f"{product.url}/password/new/1-no-key/", "dead link to reset", status=410)
    sweep.visit(f"{product.url}/guest/", "one-time payment")
    steps.press(sweep.page.get_by_role("button", name="Find the bill"))
    expect(sweep.page.get_by_role("alert").first).to_be_visible()
    sweep.look("one-time payment with nothing filled in")
    sweep.visit(f"{product.url}/guest/receipt/no-such-link/", "dead link to a receipt")
    sweep.visit(f"{product.url}/guest/payment/forgotten/", "guest's payment that was forgotten")
    sweep.visit(f"{product.url}/login/", "log in")
    sweep.page.context.clear_cookies()
    steps.press(sweep.page.get_by_role("main").get_by_role("button", name="Log in"))
    sweep.look("form that was open too long")
    assert sweep.found == []


def test_registration_and_its_errors(product: Product, people: People, new_page: NewPage) -> None:
    person = people["unregistered_member"] | {"email": "somebody.else@example.com"}
    sweep = Sweep(page := new_page())
    sweep.visit(f"{product.url}/register/wa/", "registration")
    steps.press(page.get_by_role("button", name="Continue"))
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("registration with nothing filled in")
    steps.fill_in_registration(page, person | {"last_name": "Nobody"})
    steps.press(page.get_by_role("button", name="Continue"))
    sweep.look("registration with details that match nobody")
    steps.fill_in_registration(page, person)
    steps.press(page.get_by_role("button", name="Continue"))
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    sweep.look("look into your mail")
    steps.press(page.get_by_role("link", name="Use another e-mail address"))
    sweep.look("another address")
    steps.open_mail(page, product, to=person["email"], subject="Confirm")
    sweep.look("mail")
    steps.follow_mailed_link(page, "/confirm/")
    sweep.look("confirm the address")
    sweep.visit(f"{product.url}/demo/mail/", "mailbox")
    assert sweep.found == []


def test_logging_in_and_new_passwords(product: Product, people: People, new_page: NewPage) -> None:
    person = people["household"]
    sweep = Sweep(page := new_page())
    page.goto(f"{product.url}/login/")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").fill("not my password")
    steps.press(page.get_by_role("main").get_by_role("button", name="Log in"))
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("log in with a wrong password")
    steps.press(page.get_by_role("link", name="Forgot your password?"))
    sweep.look("forgotten password")
    steps.press(page.get_by_role("main").get_by_role("button"))
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("forgotten password without an address")
    page.get_by_label("E-mail").fill(person["email"])
    steps.press(page.get_by_role("main").get_by_role("button"))
    sweep.look("reset link sent")
    steps.open_mail(page, product, to=person["email"], subject="[Pp]assword")
    steps.follow_mailed_link(page, "/password/new/")
    sweep.look("new password")
    steps.press(page.get_by_role("main").get_by_role("button"))
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("new password that is missing")
    assert sweep.found == []


def test_a_member_who_owes_nothing(product: Product, people: People, new_page: NewPage) -> None:
    sweep = Sweep(page := new_page())
    steps.log_in(page, product, people["member_without_bills"])
    for path, state in {
        "/billing/": "billing home, nothing owed",
        "/billing/bills/": "no open bills",
        "/billing/bills/?state=all&q=nothing": "a search that finds nothing",
        "/billing/statements/": "no statements",
        "/pay/": "nothing to pay",
        "/payments/": "no payments",
        "/methods/": "no saved methods",
        "/balance/": "no account balance",
        "/autopay/": "no autopay",
        "/account/email/": "change of address",
        "/account/password/": "change of password",
        "/account/devices/": "devices",
        "/account/two-step/": "two-step sign-in, off",
        "/logout/": "log out",
    }.items():
        sweep.visit(f"{product.url}{path}", state)
    assert sweep.found == []


def test_a_member_who_owes(product: Product, people: People, new_page: NewPage) -> None:
    sweep = Sweep(page := new_page())
    steps.log_in(page, product, people["household"])
    for path, state in {
        "/billing/": "billing home",
        "/billing/bills/": "open bills",
        "/billing/bills/?state=all": "all bills",
        "/billing/bills/?state=paid": "paid bills",
        "/billing/bills/?state=open&kind=premium&sort=amount": "bills, filtered",
        "/billing/statements/": "statements",
        "/pay/": "choose bills",
    }.items():
        sweep.visit(f"{product.url}{path}", state)
    page.get_by_role("link", name="Tick none").click()
    steps.press(page.get_by_role("button", name="Continue"))
    expect(page.get_by_role("alert").first).to_be_visible()
    sweep.look("choose bills, with none chosen")
    sweep.visit(f"{product.url}/balance/add/", "add money")
    steps.press(page.get_by_role("button", name="Continue"))
    sweep.look("add money, with no amount")
    page.goto(f"{product.url}/billing/bills/?state=all")
    for number, state in {
        "Children's day surgery": "open bill",
        "KPPay Health Plan": "premium",
    }.items():
        steps.press(page.get_by_role("link", name=number).first)
        sweep.look(state)
        page.go_back()
    assert sweep.found == []


def test_in_spanish(product: Product, people: People, new_page: NewPage) -> None:
    """The pages whose words are longest; a choice before the log-in stays after it."""
    sweep = Sweep(page := new_page())
    page.goto(f"{product.url}/register/wa/")
    steps.press(page.get_by_role("button", name="Español"))
    steps.press(page.get_by_role("button", name="Continuar"))
    sweep.look("registration with nothing filled in, in Spanish")
    person = people["household"]
    page.goto(f"{product.url}/guest/#code={person['pay_code']}&region={person['region']}")
    sweep.look("one-time payment, in Spanish")
    steps.press(page.get_by_role("button", name="Buscar la factura"))
    expect(page.get_by_role("heading", name="¿Cómo quiere pagar?")).to_be_visible()
    expect(steps.card_frame(page).get_by_role("textbox").first).to_be_visible()
    sweep.look("guest's bill, in Spanish")
    page.goto(f"{product.url}/login/")
    page.get_by_label("Correo electrónico").fill(person["email"])
    page.get_by_label("Contraseña").fill(person["password"])
    steps.press(page.get_by_role("main").get_by_role("button", name="Iniciar sesión"))
    expect(page.get_by_role("heading", name="Facturación")).to_be_visible()
    sweep.look("billing home, in Spanish")
    sweep.visit(f"{product.url}/pay/", "choose bills, in Spanish")
    sweep.visit(f"{product.url}/payments/", "payments, in Spanish")
    sweep.visit(f"{product.url}/autopay/", "autopay, in Spanish")
    assert page.locator("html").get_attribute("lang") == "es"
    steps.press(page.get_by_role("button", name="English"))
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    assert sweep.found == []


def test_every_page_of_paying(product: Product, people: People, new_page: NewPage) -> None:
    sweep = Sweep(page := new_page())
    steps.log_in(page, product, people["household"])
    earlier = len(product.charges("hi"))
    page.goto(f"{product.url}/billing/")
    steps.choose_bill(page, provider="Leilani Brandt, MD")
    expect(steps.card_frame(page).get_by_label("Card number")).to_be_visible()
    sweep.look("payment method")
    steps.enter_card(page, "4000 0000 0000 9995")
    expect(page.get_by_role("heading", name="Check before you pay")).to_be_visible()
    sweep.look("review")
    steps.press(page.get_by_role("button", name="Pay $10.00 now"))
    expect(page.get_by_role("heading", name="Your payment did not go through")).to_be_visible()
    sweep.look("declined")

    steps.press(page.get_by_role("link", name="Try again"))
    steps.press(page.get_by_role("button", name="Continue"))
    steps.enter_card(page, "4000 0027 6000 3184")
    steps.press(page.get_by_role("button", name="Pay $10.00 now"))
    expect(page.get_by_role("heading", name="Your bank asks you to confirm")).to_be_visible()
    sweep.look("extra step of the bank")
    steps.press(page.get_by_role("button", name="Cancel this payment"))
    expect(page.get_by_role("heading", name="This payment was not made")).to_be_visible()
    sweep.look("not charged")

    page.goto(f"{product.url}/billing/bills/")
    steps.choose_bill(page, provider="Leilani Brandt, MD")
    steps.enter_card(page)
    product.sandbox(
        "POST", "/_sandbox/faults", match="* /v1/payment_intents/*", kind="act_then_500", times=99
    )
    steps.press(page.get_by_role("button", name="Pay $10.00 now"))
    expect(page.get_by_role("heading", name="We are checking this payment")).to_be_visible()
    sweep.look("we are checking")
    product.sandbox("DELETE", "/_sandbox/faults")
    unsettled = page.url

    page.goto(f"{product.url}/billing/bills/")
    steps.choose_bill(page, provider="Akira Fonoti, MD")
    steps.enter_card(page)
    steps.press(page.get_by_role("button", name="Pay $50.00 now"))
    expect(page.get_by_role("heading", name="Your payment has been made")).to_be_visible()
    sweep.look("paid")
    steps.press(page.get_by_role("link", name="Akira Fonoti, MD"))
    sweep.look("paid bill")
    sweep.visit(f"{product.url}/payments/", "payments")
    page.goto(f"{product.url}/billing/statements/")
    steps.press(page.get_by_role("main").get_by_role("link", name=re.compile(r"^\d{4}")).first)
    sweep.look("statement of a year")
    assert sweep.found == []

    product.python(ASK_LATER)
    page.goto(unsettled)
    expect(page.get_by_role("heading", name="Your payment has been made")).to_be_visible(
        timeout=4 * steps.SOON
    )
    taken = [charge["charged_cents"] for charge in product.charges("hi")[earlier:]]
    assert [cents for cents in taken if cents] == [10_00, 50_00]


def test_help(product: Product, people: People, new_page: NewPage) -> None:
    sweep = Sweep(page := new_page())
    sweep.visit(f"{product.url}/help/", "help")
    sweep.visit(f"{product.url}/help/?again=1", "help, with cookies checked")
    sweep.visit(f"{product.url}/chat/again/", "an earlier conversation")
    sweep.visit(f"{product.url}/chat/link/no-such-link/", "link to a conversation")
    steps.press(page.get_by_role("button", name="Open the conversation"))
    sweep.look("dead link to a conversation")
    sweep.visit(f"{product.url}/reminders/stop/no-such-link/", "dead link to end reminders", status=404)
    sweep.visit(f"{product.url}/chat/new/", "a guest's chat")
    steps.press(page.get_by_role("button", name="Start the chat"))
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("a guest's chat with nothing filled in")
    steps.log_in(page, product, people["member_without_bills"])
    sweep.visit(f"{product.url}/account/reminders/", "reminders")
    sweep.visit(f"{product.url}/chat/", "no conversations")
    steps.press(page.get_by_role("link", name="Start a new chat"))
    sweep.look("a member's chat")
    page.get_by_label("What is it about?").fill("A letter")
    page.get_by_label("Your message").fill("I got a letter.\n<b>Why?</b>")
    steps.press(page.get_by_role("button", name="Start the chat"))
    expect(page.get_by_text("<b>Why?</b>")).to_be_visible()
    sweep.look("a conversation")
    steps.press(page.get_by_role("link", name="Send a picture or PDF"))
    steps.press(page.get_by_role("button", name="Send"))
    expect(page.get_by_role("alert")).to_be_visible()
    sweep.look("a file that is missing")
    sweep.visit(f"{product.url}/chat/", "conversations")
    assert sweep.found == []


def pages(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """Names of all addresses below these, but for the admin's, which are Django's."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield f"{prefix}{pattern.name}"
        elif pattern.namespace != "admin":
            below = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from pages(pattern.url_patterns, below)


def test_no_page_was_left_out(request: pytest.FixtureRequest) -> None:
    here = {item.name for item in request.session.items if item.path == request.path}
    everything = {name for name in globals() if name.startswith("test_")}
    if here != everything:
        pytest.skip("says something only after all tests of this file")
    assert set(pages(get_resolver().url_patterns)) - LOOKED_AT - NO_PAGES - NOT_REACHED == set()
    assert LOOKED_AT.isdisjoint(NO_PAGES | NOT_REACHED)
