"""Help with paying: every refusal in plain words from one source, the browser, the way to a person."""

import html

import pytest
from django.test import Client
from django.urls import reverse

from demo.stripe.core import Sandbox
from payments import declines
from tests.support import paying
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db


def page(client: Client, **query: str) -> str:
    response = client.get(reverse("help"), query)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_every_refusal_of_a_card_or_a_bank_is_there_with_its_next_step_once() -> None:
    text = page(Client())
    for bank in (False, True):
        explanations = declines.every_explanation(bank=bank)
        assert len(explanations) == len(set(explanations)) > 8
        for explanation in explanations:
            assert str(explanation.happened) in text
            assert str(explanation.next_step) in text


@pytest.mark.parametrize("code", ["expired_card", "incorrect_cvc", "insufficient_funds", "made_up"])
def test_whatever_a_card_is_declined_for_is_explained_there(code: str) -> None:
    assert declines.explain(code) in [
        *declines.every_explanation(bank=False),
        *declines.every_explanation(bank=True),
    ]


def test_ones_own_declined_payment_stands_first_and_anybody_elses_nowhere(sandbox: Sandbox) -> None:
    account = make_account()
    declined = paying.pay(sandbox, make_invoice(account), card="pm_card_chargeDeclinedExpiredCard")
    owner, stranger = Client(), Client()
    owner.force_login(account.guarantor.user)
    stranger.force_login(make_account().guarantor.user)
    text = page(owner, payment=declined.reference)
    assert f"Payment {declined.reference}" in text
    assert text.index("This card has expired.") < text.index("A card was declined")
    for client in (stranger, Client()):
        assert f"Payment {declined.reference}" not in page(client, payment=declined.reference)


def test_cookies_are_checked_without_a_script() -> None:
    client = Client()
    client.get(reverse("help"))
    good, bad = "Cookies come back to us.", "Cookies are blocked."
    with_cookie = page(client, again="1")
    without = page(Client(), again="1")
    # The sentences of the script's check stand in every page, hidden.
    assert (with_cookie.count(good), with_cookie.count(bad)) == (2, 1)
    assert (without.count(good), without.count(bad)) == (1, 2)


def test_who_has_no_javascript_is_told_so_and_stripe_is_asked_for_and_never_run() -> None:
    response = Client().get(reverse("help"))
    assert "JavaScript is off in this browser" in response.content.decode()
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in response.headers["Content-Security-Policy"].split(";")
        if " " in directive.strip()
    )
    assert "127.0.0.1:1" in policy["connect-src"]
    assert "127.0.0.1:1" not in policy["script-src"]


def test_it_is_reached_from_every_page() -> None:
    link = f'href="{reverse("help")}"'
    client = Client()
    assert link in client.get("/").content.decode()
    client.force_login(make_account().guarantor.user)
    assert client.get(reverse("billing:home")).content.decode().count(link) == 2
