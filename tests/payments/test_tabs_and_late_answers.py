"""Two tabs, the back button and late answers: what a page says is what is true then."""

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Invoice
from demo.stripe.core import Sandbox
from payments.models import Checkout, Payment, PaymentEvent, Receipt, State
from payments.services import submission
from tests.support import paying
from tests.support.checkout_pages import CHOOSE, choose, give_method, reviewed, ticked
from tests.support.factories import make_invoice
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def invoice() -> Invoice:
    """A bill of $120.00 of a registered member."""
    return make_invoice(total_cents=120_00)


@pytest.fixture
def member(client: Client, invoice: Invoice) -> Client:
    """That member's browser."""
    client.force_login(invoice.account.guarantor.user)
    return client


def test_a_tab_that_was_left_open_says_that_the_bill_was_paid_and_asks_for_no_card(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    method = choose(member, invoice)
    review = give_method(member, choose(member, invoice), sandbox)
    other = give_method(member, choose(member, invoice), sandbox)
    member.post(other, reviewed(member, other))

    for stale in (method, review):
        page = member.get(stale, follow=True).content.decode()
        assert "paid or changed meanwhile" in page
        assert "−$" not in page
    token = sandbox.confirmation_token("ncal")
    assert (
        "meanwhile" in member.post(method, {"confirmation_token": token}, follow=True).content.decode()
    )
    assert len(charged(sandbox)) == 1


def test_a_card_changed_in_another_tab_is_shown_before_it_is_charged(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    method = choose(member, invoice)
    review = give_method(member, method, sandbox)
    seen = reviewed(member, review)
    give_method(member, method, sandbox, "pm_card_mastercard")

    answer = member.post(review, seen, follow=True)

    page = answer.content.decode()
    assert "Mastercard ending in 4444" in page
    assert "Nothing was charged. Check everything once more" in page
    assert Payment.objects.count() == 0
    assert charged(sandbox) == {}

    member.post(review, reviewed(member, review))
    assert Payment.objects.get().method_last4 == "4444"
    assert sum(charged(sandbox).values()) == 120_00


def test_who_has_confirmed_at_the_bank_is_not_told_that_nothing_is_charged(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    """The webhook and the browser come back together; the page is loaded between the two."""
    sandbox.webhooks.set_mode("drop")
    payment = paying.pay(sandbox, invoice, card="pm_card_threeDSecure2Required")
    sandbox.complete_challenge("ncal", str(payment.intent_id))
    Payment.objects.filter(pk=payment.pk).update(lease_until=paying.later(minutes=2))

    page = member.post(
        reverse("payments:refresh", args=[payment.reference]), follow=True
    ).content.decode()

    assert "Nothing is charged until" not in page
    assert "We are checking this payment" in page
    assert "seen=requires_action" in page  # loads again as soon as the webhook has settled it


def test_the_banks_step_appears_as_soon_as_stripe_answers_again(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    payment = paying.pay(sandbox, invoice, card="pm_card_threeDSecure2Required")
    show = reverse("payments:show", args=[payment.reference])
    sandbox.faults.add("GET /v1/payment_intents/*", "down_503")

    page = member.get(show).content.decode()
    assert "We are checking this payment" in page
    poll = page.split('hx-get="')[1].split('"')[0]
    assert member.get(poll).headers.get("HX-Refresh") == "true"

    assert "Your bank asks you to confirm" in member.get(show).content.decode()


@pytest.mark.parametrize(
    ("total_cents", "amount", "words"),
    [
        (120_00, "0.49", "$0.49 is too little for a card or bank account"),
        (49, "0.49", "$0.49 is too little for a card or bank account"),
        (1_000_000_00, "1000000.00", "from $0.50 to $999,999.99"),
    ],
)
def test_an_amount_that_no_card_can_be_charged_is_refused_at_the_first_step(
    member: Client, invoice: Invoice, total_cents: int, amount: str, words: str
) -> None:
    bill = make_invoice(invoice.account, total_cents)

    response = member.post(CHOOSE, ticked({bill: amount}))

    assert response.status_code == 422
    assert words in response.content.decode()
    assert Checkout.objects.count() == 0


def test_a_payment_on_its_way_through_the_bank_is_called_neither_paid_nor_failed(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    payment = paying.pay(sandbox, invoice, 50_00, card="pm_card_threeDSecure2Required")
    with sandbox.store.write() as tx:
        intent = tx.get("ncal", str(payment.intent_id))
        assert intent is not None
        tx.put("ncal", {**intent, "status": "processing", "next_action": None})
    payment = submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

    assert payment.state == State.PROCESSING
    page = member.get(reverse("payments:show", args=[payment.reference])).content.decode()
    assert "Your payment is on its way" in page
    assert "has been made" not in page
    assert Receipt.objects.count() == 0
    offer = member.get(CHOOSE).content.decode()
    assert "Another $50.00 is already on its way." in offer
    assert "$70.00" in offer
    response = member.post(CHOOSE, ticked({invoice: "70.01"}))
    assert "$70.00 or less" in response.content.decode()


def test_a_payment_that_was_stopped_says_that_nothing_was_charged(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    payment = paying.pay(sandbox, invoice, card="pm_card_threeDSecure2Required")

    page = member.post(
        reverse("payments:abandon", args=[payment.reference]), follow=True
    ).content.decode()

    assert "This payment was not made" in page
    assert "Nothing was charged and nothing will be" in page
    assert charged(sandbox) == {}


def test_a_token_used_for_one_checkout_pays_no_second_one(
    member: Client, invoice: Invoice, sandbox: Sandbox
) -> None:
    other = make_invoice(invoice.account, 80_00)
    token = sandbox.confirmation_token("ncal")
    payments = []
    for bill in (invoice, other):
        checkout = Checkout.objects.get(pk=choose(member, bill).split("/")[2])
        member.post(reverse("payments:method", args=[checkout.pk]), {"confirmation_token": token})
        checkout.refresh_from_db()
        payment = paying.confirm(checkout)
        payments.append(submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER))

    assert [payment.state for payment in payments] == [State.SUCCEEDED, State.CANCELED]
    assert charged(sandbox) == {payments[0].reference: 120_00}
    other.refresh_from_db()
    assert other.payable_cents == 80_00
    paying.assert_invariants(sandbox)


def test_stripe_is_never_called_inside_a_transaction(
    invoice: Invoice, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    handle, calls = sandbox.handle, []

    def watched(*args: object, **kwargs: object) -> object:
        calls.append(connection.in_atomic_block)
        return handle(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(sandbox, "handle", watched)
    paying.pay(sandbox, invoice, 50_00)
    declined = paying.pay(sandbox, invoice, 50_00, card="pm_card_visa_chargeDeclined")
    waits = paying.pay(sandbox, invoice, 50_00, card="pm_card_threeDSecure2Required")
    submission.abandon(payment_id=waits.pk, via=PaymentEvent.Via.BROWSER)

    assert declined.state == State.FAILED
    assert len(calls) >= 12
    assert not any(calls)
