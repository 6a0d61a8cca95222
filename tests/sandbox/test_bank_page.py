"""The Demo bank's page: every act a person can do there, and nobody else."""

import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Literal
from urllib.error import HTTPError

import pytest
import stripe
from playwright.sync_api import Browser, Page, expect

from demo.stripe.core import Sandbox
from demo.stripe.server import SandboxServer
from tests.sandbox.conftest import Inbox
from tests.sandbox.steps import ACCEPTED, RETURN_URL, debit, pay
from tests.support.axe import axe_violations, faults_in_every_look

pytestmark = pytest.mark.e2e
Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, server: SandboxServer) -> Iterator[Visit]:
    """Opens pages of the sandbox; whatever the browser complained about fails the test."""
    complaints: list[str] = []
    contexts = []

    def go(
        path: str = "/bank/",
        *,
        width: int = 1280,
        scheme: Literal["light", "dark"] = "light",
        language: str = "en-US",
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            locale=language,
            java_script_enabled=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
        page.goto(server.url + path)
        return page

    yield go
    for context in contexts:
        context.close()
    # A refused act answers 400 or 403, which the browser notes as a failed resource.
    assert [line for line in complaints if "status of 40" not in line] == []


def _card(page: Page, name: str) -> Any:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))


def _paid(client: stripe.StripeClient, name: str, how: Any = pay, **given: Any) -> str:
    return how(client, metadata={"payment": name}, **given).id


def test_a_debit_is_settled_and_another_returned_with_a_code(
    visit: Visit, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    first, second = _paid(ncal, "KP-1", debit), _paid(ncal, "KP-2", debit)
    page = visit()
    expect(_card(page, "KP-1")).to_contain_text("on its way to the bank")
    page.get_by_role("button", name="Settle now KP-1").click()
    expect(page.get_by_role("status")).to_have_text("The payment has settled.")
    expect(_card(page, "KP-1")).to_contain_text("paid")
    page.get_by_label("Return code for KP-2").select_option("R03")
    page.get_by_role("button", name="Return KP-2").click()
    expect(_card(page, "KP-2")).to_contain_text("not paid (no_account)")
    page.get_by_role("button", name="Return KP-1").click()
    expect(_card(page, "KP-1")).to_contain_text("insufficient_funds R01 lost")
    assert ncal.v1.payment_intents.retrieve(first).status == "succeeded"
    assert ncal.v1.payment_intents.retrieve(second).status == "requires_payment_method"
    assert [line.net_cents for line in sandbox.charges()] == [0, 0]


def test_the_clock_goes_forward_by_days_or_to_a_date(
    visit: Visit, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sent = _paid(ncal, "KP-1", debit)
    before = sandbox.now()
    page = visit()
    page.get_by_role("button", name="Advance a day").click()
    expect(page.get_by_role("status")).to_have_text("The clock has been advanced.")
    assert (sandbox.now() - before).days == 1
    page.get_by_label("To the date").fill(f"{before + timedelta(days=10):%Y-%m-%d}")
    page.get_by_role("button", name="Advance", exact=True).click()
    expect(page.get_by_text(f"{before + timedelta(days=10):%Y-%m-%d} 12:00 UTC")).to_be_visible()
    assert ncal.v1.payment_intents.retrieve(sent).status == "succeeded"


@pytest.mark.parametrize(("button", "status"), [("We win", "won"), ("We lose", "lost")])
def test_a_dispute_is_opened_and_decided(
    visit: Visit, ncal: stripe.StripeClient, button: str, status: str
) -> None:
    _paid(ncal, "KP-1")
    page = visit()
    page.get_by_label("Reason to dispute KP-1").select_option("product_not_received")
    page.get_by_role("button", name="Dispute KP-1").click()
    expect(_card(page, "KP-1")).to_contain_text("product_not_received 13.1 needs_response")
    page.get_by_role("button", name=f"{button} KP-1").click()
    expect(_card(page, "KP-1")).to_contain_text(status)
    assert ncal.v1.disputes.list().data[0].status == status
    expect(page.get_by_role("button", name="Dispute KP-1")).to_have_count(0)


def test_refunds_and_payouts_arrive_or_come_back(
    visit: Visit, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sent = _paid(ncal, "KP-1", debit)
    sandbox.bank.settle("ncal", sent)
    for cents in (100, 200):
        ncal.v1.refunds.create({"payment_intent": sent, "amount": cents})
    page = visit()
    page.get_by_role("button", name="Refund comes back KP-1").first.click()
    expect(_card(page, "KP-1")).to_contain_text("failed")
    page.get_by_role("button", name="Refund arrives KP-1").click()
    assert {r.status for r in ncal.v1.refunds.list().data} == {"failed", "succeeded"}
    page.get_by_role("button", name="Pay out now").click()
    expect(page.get_by_role("status")).to_have_text("The balance has been paid out.")
    page.get_by_role("button", name="Comes back").click()
    expect(page.get_by_role("status")).to_have_text("The payout came back.")
    page.get_by_role("button", name="Pay out now").click()
    page.get_by_role("button", name="Arrives now").click()
    assert [p.status for p in ncal.v1.payouts.list().data] == ["paid", "failed"]
    page.get_by_role("button", name="Pay out now").click()
    expect(page.get_by_role("alert")).to_have_text("Not done: there is nothing to pay out.")


def test_webhooks_are_sent_again_and_treated_as_told(
    visit: Visit, ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    _paid(ncal, "KP-1")
    page = visit()
    page.get_by_role("button", name="Five at once payment_intent.succeeded").click()
    expect(page.get_by_role("status")).to_have_text("The event has been sent five times at once.")
    page.get_by_role("button", name="Send again charge.succeeded").click()
    expect(page.get_by_role("status")).to_have_text("The event has been sent again.")
    assert inbox.types().count("payment_intent.succeeded") in (5, 6)  # and its own delivery
    page.get_by_label("What happens to new webhooks").select_option("drop")
    page.get_by_role("button", name="Set for all accounts").click()
    expect(page.get_by_label("What happens to new webhooks")).to_have_value("drop")
    _paid(ncal, "KP-2")
    assert [entry["state"] for entry in sandbox.webhooks.queue()][-3:] == ["dropped"] * 3


def test_each_account_has_its_page(visit: Visit, ncal: stripe.StripeClient, connect: Any) -> None:
    _paid(ncal, "KP-1")
    _paid(connect("georgia"), "KP-2")
    page = visit("/bank/?account=ncal")
    expect(_card(page, "KP-1")).to_have_count(1)
    expect(_card(page, "KP-2")).to_have_count(0)
    page.get_by_role("link", name="georgia").click()
    expect(_card(page, "KP-2")).to_have_count(1)
    expect(page.get_by_role("link", name="georgia")).to_have_attribute("aria-current", "page")


def test_a_name_is_text_and_never_markup(visit: Visit, ncal: stripe.StripeClient) -> None:
    pay(ncal, metadata={"payment": "<b>x</b><script>1</script>"})
    page = visit("/bank/?account=%22%3E%3Cscript%3E1%3C/script%3E")
    assert page.locator("script").count() == 0
    page = visit()
    expect(_card(page, "<b>x</b><script>1</script>")).to_have_count(1)


def _waiting(client: stripe.StripeClient) -> stripe.SetupIntent:
    return client.v1.setup_intents.create(
        {
            "customer": client.v1.customers.create().id,
            "payment_method": "pm_usBankAccount_success",
            "payment_method_options": {"us_bank_account": {"verification_method": "microdeposits"}},
            "confirm": True,
            "return_url": RETURN_URL,
            "mandate_data": ACCEPTED,
        }
    )


def test_a_payer_says_what_arrived(visit: Visit, ncal: stripe.StripeClient) -> None:
    asked = _waiting(ncal)
    bank = visit()
    bank.get_by_role("link", name="What the payer sees").click()
    bank.get_by_label("Or the code").fill("SM11AA")
    bank.get_by_role("button", name="Verify").click()
    expect(bank.get_by_role("alert")).to_contain_text("have not arrived yet")
    bank = visit()
    bank.get_by_role("button", name="They arrive now").click()
    bank.get_by_role("link", name="What the payer sees").click()
    for first, second in (("1", "2"), ("32", "45")):
        bank.get_by_label("First amount in cents").fill(first)
        bank.get_by_label("Second amount in cents").fill(second)
        bank.get_by_role("button", name="Verify").click()
        if first == "1":
            expect(bank.get_by_role("alert")).to_contain_text("not right")
    expect(bank.get_by_role("status")).to_contain_text("is verified")
    assert ncal.v1.setup_intents.retrieve(asked.id).status == "succeeded"
    bank.reload()
    expect(bank.get_by_role("button", name="Verify")).to_have_count(0)


def test_the_payers_page_wants_the_secret_and_speaks_spanish(
    visit: Visit, ncal: stripe.StripeClient
) -> None:
    asked = _waiting(ncal)
    page = visit(f"/bank/microdeposits/{asked.id}?client_secret=x&key=pk_test_demo_ncal")
    expect(page.get_by_text("nothing to verify")).to_be_visible()
    assert asked.next_action is not None
    action = asked.next_action.verify_with_microdeposits
    assert action is not None
    where = urllib.parse.urlsplit(action.hosted_verification_url)
    page = visit(f"{where.path}?{where.query}", language="es-US")
    expect(page.get_by_role("heading", name="Verifique su cuenta bancaria")).to_be_visible()
    assert axe_violations(page) == []


def _send(server: SandboxServer, form: dict[str, str], **headers: str) -> int:
    request = urllib.request.Request(
        server.url + "/bank/act", urllib.parse.urlencode(form).encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


def test_no_other_page_and_no_stranger_can_act(
    visit: Visit, server: SandboxServer, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sent = _paid(ncal, "KP-1", debit)
    token = visit().locator("[name=token]").first.get_attribute("value")
    form = {"token": str(token), "account": "ncal", "act": "settle", "id": sent}
    for headers, given in (
        ({}, {**form, "token": ""}),
        ({}, {**form, "token": "guessed"}),
        ({"Origin": "http://127.0.0.1:8000"}, form),
        ({"Origin": "null"}, form),
        ({"Host": "rebound.example"}, form),
    ):
        assert _send(server, given, **headers) == 403
    for wrong in ({"act": "steal"}, {"id": "pi_unknown"}, {"account": "georgia"}):
        assert _send(server, {**form, **wrong}) == 400
    for days in ("-1", "0", "100000", "x"):
        assert _send(server, {**form, "act": "advance", "days": days}) == 400
    assert _send(server, {**form, "act": "advance_to", "date": "tomorrow"}) == 400
    assert [line.pending_cents for line in sandbox.charges()] == [4210]
    assert _send(server, form) == 200
    assert [line.charged_cents for line in sandbox.charges()] == [4210]


def test_the_page_carries_a_policy_of_its_own(server: SandboxServer) -> None:
    for path in ("/bank/", "/bank/bank.css", "/bank/microdeposits/pi_1?client_secret=x&key=y"):
        with urllib.request.urlopen(server.url + path, timeout=30) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "script-src" not in policy
            assert "default-src 'none'" in policy
            assert "style=" not in answer.read().decode()
    with pytest.raises(HTTPError) as missing:
        urllib.request.urlopen(server.url + "/bank/nothing", timeout=30)
    with missing.value as answer:
        assert answer.code == 404


def test_axe_finds_nothing_on_the_page_empty_or_full(
    visit: Visit, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    assert faults_in_every_look(visit()) == []
    sent = _paid(ncal, "KP-1", debit)
    sandbox.bank.settle("ncal", sent)
    ncal.v1.refunds.create({"payment_intent": sent, "amount": 100})
    _paid(ncal, "KP-2", debit)
    sandbox.bank.open_dispute("ncal", _paid(ncal, "KP-3"))
    _paid(ncal, "KP-4", cents=99_999_999)
    _waiting(ncal)
    sandbox.bank.payout("ncal")
    page = visit()
    assert faults_in_every_look(page) == []
    page.get_by_role("button", name="Settle now KP-2").click()
    expect(page.get_by_role("status")).to_be_visible()
    assert faults_in_every_look(page) == []
