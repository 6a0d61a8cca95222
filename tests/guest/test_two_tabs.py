"""One guest, two tabs, two clicks: only what was looked at is paid, once, and nothing else is said."""

import pytest
from django.test import Client

from billing.models import BillingAccount
from common.clock import now
from demo.stripe.core import Sandbox
from payments.guest import breaker, paying
from payments.models import Checkout, Payment, State
from payments.services import attempts
from tests.support import guests
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice
from tests.support.guests import BILL, PAYMENT, REVIEW
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)
LOOK_AGAIN = "Nothing was charged. Check everything once more, then confirm."


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


def reviewed(client: Client) -> dict[str, str]:
    """What the review page of this tab posts when its button is pressed."""
    return {"reviewed": client.get(REVIEW).context["checkout"].method_key}


def test_another_amount_in_another_tab_is_shown_before_it_is_paid(
    client: Client, sandbox: Sandbox, account: BillingAccount
) -> None:
    bill = make_invoice(account, 80_00)
    guests.find(client, guests.by_code(bill))
    guests.give_amount(client, sandbox, bill, amount="20.00")
    first_tab = reviewed(client)
    guests.give_amount(client, sandbox, bill, amount="60.00")
    second_tab = reviewed(client)

    assert client.post(REVIEW, first_tab).headers["Location"] == REVIEW

    page = words(client.get(REVIEW))
    assert LOOK_AGAIN in page
    assert "Confirm and pay $60.00" in page
    assert Payment.objects.count() == 0
    assert client.post(REVIEW, second_tab).headers["Location"] == PAYMENT
    assert list(charged(sandbox).values()) == [60_00]


def test_another_bill_in_another_tab_is_shown_before_it_is_paid(
    client: Client, sandbox: Sandbox, account: BillingAccount
) -> None:
    first, second = make_invoice(account, 80_00), make_invoice(account, 31_00)
    guests.find(client, guests.by_code(first))
    guests.give_amount(client, sandbox, first)
    first_tab = reviewed(client)
    guests.find(client, guests.by_code(second))
    assert client.post(REVIEW, first_tab).headers["Location"] == BILL  # nothing was chosen for it yet
    guests.give_amount(client, sandbox, second)

    assert client.post(REVIEW, first_tab).headers["Location"] == REVIEW

    page = words(client.get(REVIEW))
    assert LOOK_AGAIN in page
    assert "Confirm and pay $31.00" in page
    assert charged(sandbox) == {}


@pytest.mark.parametrize("shut", ["breaker", "attempts"])
def test_a_door_that_shuts_between_two_clicks_says_nothing_over_a_payment(
    client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, shut: str
) -> None:
    """ "Nothing was charged" was flashed where the first click had paid."""
    bill = make_invoice()
    guests.find(client, guests.by_code(bill))
    guests.give_amount(client, sandbox, bill)
    seen = reviewed(client)
    assert client.post(REVIEW, seen).headers["Location"] == PAYMENT
    paid = Payment.objects.get()
    assert paid.state == State.SUCCEEDED

    if shut == "breaker":
        monkeypatch.setattr(breaker, "is_open", lambda **_: True)
    else:
        monkeypatch.setattr(attempts, "may_start", lambda *_, **__: False)
    # The second click had passed the page's own look for a payment when the first one committed.
    again = paying.confirm(
        checkout=Checkout.objects.get(), reviewed=seen["reviewed"], agreement=None, at=now()
    )

    assert again == paid
    other = Checkout.objects.create(account=bill.account, started_by=None)
    with pytest.raises((paying.Paused, paying.TooManyAttempts)):
        paying.confirm(checkout=other, reviewed="", agreement=None, at=now())
