"""What a guest reads who comes back too late: to the bill, or to the payment's page."""

from collections.abc import Callable

import pytest
from django.test import Client

from billing.models import Invoice
from demo.stripe.core import Sandbox
from tests.support import guests, paying
from tests.support.billing import words
from tests.support.factories import make_invoice
from tests.support.guests import PAYMENT, REVIEW, START
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bill() -> Invoice:
    return make_invoice(total_cents=84_20)


class TestConfirmedTooLate:
    """What "Confirm" says after a quarter of an hour is true, whatever happened before."""

    @pytest.fixture
    def reviewed(self, client: Client, bill: Invoice, sandbox: Sandbox) -> dict[str, str]:
        guests.find(client, guests.by_code(bill))
        guests.give_amount(client, sandbox, bill)
        return {"reviewed": client.get(REVIEW).context["checkout"].method_key}

    @pytest.fixture
    def too_late(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
        return lambda: monkeypatch.setattr("payments.guest.pages.now", lambda: paying.later(minutes=16))

    def test_nothing_was_charged_and_it_says_so(
        self, client: Client, reviewed: dict[str, str], sandbox: Sandbox, too_late: Callable[[], None]
    ) -> None:
        too_late()
        response = client.post(REVIEW, reviewed)
        assert response.headers["Location"] == START
        seen = words(client.get(START))
        assert "Nothing was charged just now." in seen
        assert "shown for 15 minutes only" in seen
        assert charged(sandbox) == {}

    def test_after_an_earlier_press_it_leads_to_the_payment(
        self, client: Client, reviewed: dict[str, str], too_late: Callable[[], None]
    ) -> None:
        client.post(REVIEW, reviewed)
        client.get(PAYMENT)  # which forgets the bill
        too_late()
        assert client.post(REVIEW, reviewed).headers["Location"] == PAYMENT
        assert "Your payment has been made" in words(client.get(PAYMENT))

    def test_after_one_whose_answer_was_lost_too(
        self, client: Client, reviewed: dict[str, str], too_late: Callable[[], None]
    ) -> None:
        before = dict(client.session)
        client.post(REVIEW, reviewed)
        session = client.session
        del session["guest_payment"]
        session.update(before)
        session.save()
        too_late()
        assert client.post(REVIEW, reviewed).headers["Location"] == PAYMENT
        assert "Your payment has been made" in words(client.get(PAYMENT))


class TestAnHourLater:
    """The payment's page is closed, and says where to get what it would have said."""

    @pytest.fixture
    def closed(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
        def look() -> str:
            monkeypatch.setattr("payments.guest.outcome.now", lambda: paying.later(minutes=61))
            response = client.post(guests.MAIL, {"email": "stranger@example.com"})
            assert response.headers["Location"] == START
            return words(client.get(START))

        return look

    def test_where_an_address_was_given(
        self, client: Client, bill: Invoice, sandbox: Sandbox, closed: Callable[[], str]
    ) -> None:
        payment = guests.pay(client, sandbox, bill)
        assert client.get(PAYMENT).status_code == 200
        client.post(guests.MAIL, {"email": "aunt@example.com"})
        client.get(PAYMENT)
        seen = closed()
        assert "This page is closed. The receipt is in your mail." in seen
        assert "aunt@example.com" not in seen
        payment.refresh_from_db()
        assert payment.guest_email == "aunt@example.com"

    def test_where_none_was(
        self, client: Client, bill: Invoice, sandbox: Sandbox, closed: Callable[[], str]
    ) -> None:
        payment = guests.pay(client, sandbox, bill)
        seen = closed()
        assert "nobody gave us an e-mail address for the receipt" in seen
        assert f"call {payment.region.phone} (TTY {payment.region.tty}) with the reference" in seen
        assert "in your mail" not in seen
        assert payment.reference not in seen

    def test_where_nobody_knows_yet_how_it_ended(
        self, client: Client, bill: Invoice, sandbox: Sandbox, closed: Callable[[], str]
    ) -> None:
        guests.pay(client, sandbox, bill, card=guests.THREE_D_SECURE)
        client.post(guests.MAIL, {"email": "aunt@example.com"})
        client.get(PAYMENT)
        assert "We will write to you when we know how the payment ended." in closed()

    def test_a_waiting_page_loads_itself_anew_and_leaves_the_words_to_its_reader(
        self, client: Client, bill: Invoice, sandbox: Sandbox, closed: Callable[[], str]
    ) -> None:
        guests.pay(client, sandbox, bill)
        with pytest.MonkeyPatch.context() as later:
            later.setattr("payments.guest.outcome.now", lambda: paying.later(minutes=61))
            asked = client.get("/guest/payment/state/?seen=unknown", headers={"HX-Request": "true"})
        assert asked.headers["HX-Refresh"] == "true"
        assert "nobody gave us an e-mail address" in closed()

    def test_where_it_was_declined(
        self, client: Client, bill: Invoice, sandbox: Sandbox, closed: Callable[[], str]
    ) -> None:
        guests.pay(client, sandbox, bill, card=guests.DECLINED)
        assert "This page is closed. Nothing was charged." in closed()

    def test_is_told_once_and_who_comes_next_learns_nothing_of_it(
        self, client: Client, bill: Invoice, sandbox: Sandbox, closed: Callable[[], str]
    ) -> None:
        guests.pay(client, sandbox, bill)
        closed()
        for browser in (client, Client()):
            seen = words(browser.get(PAYMENT, follow=True))
            assert "No payment is open in this browser." in seen
            assert "in your mail" not in seen
