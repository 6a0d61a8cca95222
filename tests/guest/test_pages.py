"""Paying without an account, page by page, as a guest's browser does it."""

import pytest
from django.template.loader import render_to_string
from django.test import Client

from billing.models import Invoice
from demo.stripe.core import Sandbox
from payments.models import Payment, State
from tests.support import guests, paying
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.guests import BILL, CARD, PAYMENT, REVIEW, START
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bill() -> Invoice:
    """$84.20 owed to a clinic, on Avery Castellan's account."""
    owner = make_member(first_name="Avery", last_name="Castellan")
    return make_invoice(make_account(owner), 84_20, provider="Lake Clinic")


def test_from_the_pay_code_to_paid_in_four_pages(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    assert "Pay a bill without an account" in words(client.get(START))
    assert guests.find(client, guests.by_code(bill)).headers["Location"] == BILL
    page = words(client.get(BILL))
    assert "$84.20" in page
    assert "A***** C." in page
    assert bill.account.region.legal_entity in page
    assert guests.give_amount(client, sandbox, bill).headers["Location"] == REVIEW
    page = words(client.get(REVIEW))
    assert "Visa ending in 4242" in page
    assert "Confirm and pay $84.20" in page
    assert charged(sandbox) == {}

    assert guests.confirm(client).headers["Location"] == PAYMENT

    page = words(client.get(PAYMENT))
    payment = Payment.objects.get()
    assert payment.reference in page
    assert "Print this page" in page
    assert (payment.payer, payment.paid_by, payment.state) == ("guest", None, State.SUCCEEDED)
    assert charged(sandbox) == {payment.reference: 84_20}
    bill.refresh_from_db()
    assert bill.open_cents == 0
    paying.assert_invariants(sandbox)


def test_without_a_code_the_owners_account_name_and_birthday_find_all_that_is_due(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    later = make_invoice(bill.account, 40_00)
    premium = make_invoice(bill.account, 300_00, kind=Invoice.Kind.PREMIUM)
    typed = guests.by_account(bill.account, last_name="CASTELLAN ")

    assert guests.find(client, typed).headers["Location"] == BILL

    page = words(client.get(BILL))
    assert "$124.20" in page
    assert "$300.00" in page
    token = guests.token_for(sandbox, bill)
    part = {"kind": "medical", "how_much": "part", "amount": "100.00", "confirmation_token": token}
    assert client.post(BILL, part).headers["Location"] == REVIEW
    guests.confirm(client)
    for invoice in (bill, later, premium):
        invoice.refresh_from_db()
    assert (bill.open_cents, later.open_cents, premium.open_cents) == (0, 24_20, 300_00)
    paying.assert_invariants(sandbox)


def test_a_premium_is_paid_as_a_bill_is(client: Client, sandbox: Sandbox) -> None:
    premium = make_invoice(total_cents=310_00, kind=Invoice.Kind.PREMIUM)
    payment = guests.pay(client, sandbox, premium)
    assert charged(sandbox) == {payment.reference: 310_00}


def test_a_part_leaves_the_rest_due_and_the_code_shows_the_present_balance(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    guests.pay(client, sandbox, bill, amount="34.20")
    client.get(PAYMENT)
    other = Client()
    assert guests.find(other, guests.by_code(bill)).headers["Location"] == BILL
    assert "$50.00" in words(other.get(BILL))


def test_nothing_of_it_travels_in_an_address(client: Client, bill: Invoice, sandbox: Sandbox) -> None:
    """No code, name or number in a path or a query, on the whole way (ASVS 14.2.1)."""
    locations = [
        guests.find(client, guests.by_account(bill.account)).headers["Location"],
        guests.give_amount(client, sandbox, bill).headers["Location"],
        guests.confirm(client).headers["Location"],
        client.post(guests.MAIL, {"email": "guest@example.com"}).headers["Location"],
    ]
    assert locations == [BILL, REVIEW, PAYMENT, PAYMENT]
    for page in (START, PAYMENT):
        html = client.get(page).content.decode()
        for secret in (bill.pay_code, bill.number, bill.account.account_number, "Castellan"):
            assert str(secret) not in html


def test_the_guest_sees_payee_masked_name_and_amount_and_no_more(client: Client, bill: Invoice) -> None:
    make_invoice(bill.account, 999_99)
    guests.find(client, guests.by_code(bill))
    html = client.get(BILL).content.decode()
    for word in ("Avery", "Castellan", "Lake Clinic", "Office visit", bill.number, "999.99"):
        assert word not in html


def test_the_member_sees_the_payment_and_not_where_the_guest_gets_mail(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    payment = guests.pay(client, sandbox, bill)
    client.post(guests.MAIL, {"email": "aunt@example.com"})
    member = Client()
    member.force_login(bill.account.guarantor.user)
    page = member.get(f"/payments/{payment.reference}/")
    assert page.status_code == 200
    seen = words(page)
    assert "A guest has paid for you" in seen
    assert "Paid by A guest, without logging in" in seen
    assert "Confirmed by a guest, without logging in" in seen
    assert "$84.20" in seen
    assert "You paid" not in seen
    assert "You confirmed" not in seen
    assert "aunt@example.com" not in page.content.decode()
    history = words(member.get("/payments/"))
    assert f"{payment.reference}, Visa ending in 4242, paid by a guest" in history
    assert member.get(f"/payments/{payment.reference}/receipt.pdf").status_code == 200


def test_without_javascript_everything_works_up_to_the_card(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    hint = client.get(START).content.decode().split("<noscript>")[1].split("</noscript>")[0]
    assert "type the code from the bill" in hint
    guests.find(client, guests.by_code(bill))
    response = client.post(BILL, {"how_much": "part", "amount": "20.00", "confirmation_token": ""})
    assert response.headers["Location"] == CARD
    page = client.get(CARD).content.decode()
    assert "$20.00" in page
    assert "<noscript>" in page
    token = guests.token_for(sandbox, bill)
    assert client.post(CARD, {"confirmation_token": token}).headers["Location"] == REVIEW
    guests.confirm(client)
    assert list(charged(sandbox).values()) == [20_00]


def test_the_way_is_in_spanish_for_who_chose_it(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    client.cookies["django_language"] = "es"
    said = {START: ["Pague una factura sin cuenta", "Código de pago", "Buscar la factura"]}
    guests.find(client, guests.by_code(bill))
    guests.give_amount(client, sandbox, bill)
    said[BILL] = ["Cuenta de", "$84.20", "¿Cómo quiere pagar?", "Continuar"]
    said[REVIEW] = ["Confirmar y pagar $84.20", "Visa que termina en 4242", "Cuenta de", "$84.20"]
    for url, expected in said.items():
        page = client.get(url)
        assert '<html lang="es">' in page.text
        assert [one for one in expected if one not in words(page)] == [], url


def test_a_bank_account_is_debited_only_with_the_authorization_on_the_page(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    guests.find(client, guests.by_code(bill))
    guests.give_amount(client, sandbox, bill, card="pm_usBankAccount_success")
    page = client.get(REVIEW)
    assert "I authorize" in words(page)
    reviewed = {"reviewed": page.context["checkout"].method_key}
    assert client.post(REVIEW, reviewed).status_code == 422
    assert client.post(REVIEW, {**reviewed, "agreed": "x"}).status_code == 422
    assert Payment.objects.count() == 0

    client.post(REVIEW, {**reviewed, "agreed": page.context["terms"].sha256})

    payment = Payment.objects.get()
    assert payment.state == State.PROCESSING
    assert payment.authorization is not None
    assert payment.authorization.text == page.context["terms"].text
    assert payment.authorization.given_by is None
    page_words = words(client.get(PAYMENT))
    assert "until then this page is no receipt" in page_words
    assert "Print this page" not in page_words


def test_a_second_click_and_the_back_button_end_at_the_same_payment(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    guests.find(client, guests.by_code(bill))
    guests.give_amount(client, sandbox, bill, amount="50.00")
    seen = {"reviewed": client.get(REVIEW).context["checkout"].method_key}
    for _ in range(3):
        assert client.post(REVIEW, seen).headers["Location"] == PAYMENT
    assert client.get(REVIEW).headers["Location"] == PAYMENT
    assert list(charged(sandbox).values()) == [50_00]


def test_declined_says_why_and_leads_back_to_the_bill(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    guests.pay(client, sandbox, bill, card="pm_card_visa_chargeDeclinedInsufficientFunds")
    page = client.get(PAYMENT)
    assert "There was not enough money available on this card." in words(page)
    assert f'href="{BILL}"' in page.content.decode()
    guests.give_amount(client, sandbox, bill)
    guests.confirm(client)
    assert "Your payment has been made" in words(client.get(PAYMENT))
    assert list(charged(sandbox).values()) == [84_20]


def test_the_banks_step_and_leaving_it(client: Client, bill: Invoice, sandbox: Sandbox) -> None:
    payment = guests.pay(client, sandbox, bill, card=guests.THREE_D_SECURE)
    page = client.get(PAYMENT).content.decode()
    assert "data-client-secret=" in page
    assert client.get("/guest/payment/refresh/").status_code == 405
    assert client.post("/guest/payment/abandon/").headers["Location"] == PAYMENT
    assert "This payment was not made" in words(client.get(PAYMENT))
    payment.refresh_from_db()
    assert payment.state == State.CANCELED

    guests.give_amount(client, sandbox, bill, card=guests.THREE_D_SECURE)
    guests.confirm(client)
    sandbox.complete_challenge("ncal", str(Payment.objects.latest("pk").intent_id))
    client.post("/guest/payment/refresh/")
    assert "Your payment has been made" in words(client.get(PAYMENT))


def test_an_answer_that_is_lost_says_we_are_checking(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    sandbox.faults.add("POST /v1/payment_intents/*/confirm", "act_then_stall")
    sandbox.faults.add("GET /v1/payment_intents/*", "drop_before")
    payment = guests.pay(client, sandbox, bill)
    assert "Please do not pay again" in words(client.get(PAYMENT))
    state = "/guest/payment/state/"
    assert client.get(state, {"seen": "unknown"}).status_code == 204
    assert client.get(state, {"seen": "created"}).headers["HX-Refresh"] == "true"
    client.post("/guest/payment/refresh/")
    assert "Your payment has been made" in words(client.get(PAYMENT))
    assert charged(sandbox) == {payment.reference: 84_20}


def test_the_bill_is_forgotten_after_a_quarter_of_an_hour_and_after_paying(
    client: Client, bill: Invoice, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    guests.find(client, guests.by_code(bill))
    assert client.get(BILL).status_code == 200
    with monkeypatch.context() as later:
        later.setattr("payments.guest.pages.now", lambda: paying.later(minutes=16))
        assert client.get(BILL).headers["Location"] == START
        assert "shown for 15 minutes only" in words(client.get(START))
    guests.pay(client, sandbox, bill)
    client.get(PAYMENT)
    assert client.get(BILL).headers["Location"] == START


def test_finding_a_bill_changes_the_sessions_key(client: Client, bill: Invoice) -> None:
    session = client.session
    session["theirs"] = 1
    session.save()
    before = client.cookies["sessionid"].value
    guests.find(client, guests.by_code(bill))
    assert client.cookies["sessionid"].value != before


def test_no_page_of_a_guest_is_kept_and_only_those_that_take_a_card_admit_stripe(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    origin = "http://127.0.0.1:1"
    guests.find(client, guests.by_code(bill))
    guests.give_amount(client, sandbox, bill)
    admits = {}
    for url in (START, BILL, CARD, REVIEW):
        response = client.get(url)
        assert response.headers["Cache-Control"] == "no-store, private"
        admits[url] = origin in response.headers["Content-Security-Policy"]
    assert admits == {START: False, BILL: True, CARD: True, REVIEW: False}


def test_no_intent_exists_before_the_guest_confirms_and_nothing_is_saved(
    client: Client, bill: Invoice, sandbox: Sandbox
) -> None:
    guests.find(client, guests.by_code(bill))
    guests.give_amount(client, sandbox, bill)
    client.get(REVIEW)
    assert sandbox.requests() == []
    guests.confirm(client)
    paths = [request["path"] for request in sandbox.requests()]
    assert [path.split("/")[2] for path in paths] == ["payment_intents", "payment_intents"]
    with sandbox.store.read() as tx:
        intent = tx.get("ncal", str(Payment.objects.get().intent_id))
    assert intent is not None
    assert (intent["customer"], intent["setup_future_usage"]) == (None, None)


def test_the_way_in_is_not_for_members_and_survives_a_broken_page(
    client: Client, bill: Invoice
) -> None:
    """That it is at the top of every public page: tests/meta/test_access_matrix.py."""
    assert f'href="{START}"' in render_to_string("500.html").split("</header>")[0]
    client.force_login(bill.account.guarantor.user)
    assert f'href="{START}"' not in client.get("/billing/").content.decode()
