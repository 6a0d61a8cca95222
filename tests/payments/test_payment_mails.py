"""What a payer is told by mail about a payment whose end they did not see."""

import pytest
from django.db import transaction
from django.utils.formats import date_format
from post_office.models import Email

from demo.stripe.core import Sandbox
from payments import emails
from payments.models import Payment, PaymentEvent, State
from payments.services import settlement, submission
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_member

pytestmark = pytest.mark.django_db

Via = PaymentEvent.Via


def waiting(sandbox: Sandbox, card: str = paying.CARD) -> Payment:
    """A payment that was confirmed by a person who then left; Stripe was not asked yet."""
    account = make_account(make_member(first_name="Ana", last_name="Núñez"))
    bill = make_invoice(account, 1_042_10, provider="Oakland Eye Center", number="NC-417")
    return paying.confirm(paying.start_checkout(sandbox, bill, card=card))


def assert_says_nothing_private(mail: Email) -> None:
    for part in (mail.subject, mail.message, mail.html_message):
        private = ["Oakland", "Eye", "Office visit", "99213", "NC-417", "Ana", "Núñez"]
        assert [said for said in private if said in part] == []


def test_a_payment_that_was_given_up_is_said_to_be_not_charged(sandbox: Sandbox) -> None:
    payment = waiting(sandbox)
    settlement.give_up(payment_id=payment.pk, code="not_allowed", via=Via.RECONCILER)

    mail = Email.objects.get()
    assert mail.to == [payment.paid_by.email]
    assert mail.subject == "Your payment of $1,042.10 was not charged"
    for body in (mail.message, mail.html_message):
        assert "will not be charged later" in body
        assert payment.reference in body
        assert f"http://testserver/payments/{payment.reference}/" in body
        assert payment.region.phone in body
    assert_says_nothing_private(mail)


def test_a_decline_that_came_after_the_payer_left_is_told_without_blame(sandbox: Sandbox) -> None:
    payment = waiting(sandbox, card="pm_card_visa_chargeDeclined")
    payment = submission.advance(payment_id=payment.pk, via=Via.RECONCILER)

    assert payment.state == State.FAILED
    mail = Email.objects.get()
    assert mail.subject == "Your payment of $1,042.10 did not go through"
    for body in (mail.message, mail.html_message):
        assert "Nothing was charged" in body
        assert "ending in" in body
        assert "generic_decline" not in body
    assert_says_nothing_private(mail)


def test_who_saw_the_outcome_in_the_browser_gets_no_mail_about_it(sandbox: Sandbox) -> None:
    payment = waiting(sandbox, card="pm_card_visa_chargeDeclined")
    payment = submission.advance(payment_id=payment.pk, via=Via.BROWSER)
    assert payment.state == State.FAILED
    assert Email.objects.count() == 0


def test_a_settled_payment_is_told_by_its_receipt_and_not_twice(sandbox: Sandbox) -> None:
    payment = submission.advance(payment_id=waiting(sandbox).pk, via=Via.RECONCILER)
    assert payment.state == State.SUCCEEDED
    assert emails.tell_resolved(payment=payment) is None
    assert Email.objects.count() == 0  # the receipt is due, and brings its own mail


def test_a_bank_debit_whose_answer_was_lost_is_told_to_be_on_its_way(sandbox: Sandbox) -> None:
    payment = waiting(sandbox, card="pm_usBankAccount_processing")
    payment = lose_the_answer(sandbox, payment)
    assert Email.objects.count() == 0

    for _ in range(2):
        payment = submission.advance(payment_id=payment.pk, via=Via.RECONCILER)

    assert payment.state == State.PROCESSING
    mail = Email.objects.get()
    assert mail.to == [payment.paid_by.email]
    assert mail.subject == "Your bank payment of $1,042.10 is on its way"
    for body in (mail.message, mail.html_message):
        assert f"by {date_format(payment.expected_on, 'N j, Y')}" in body
        assert "please do not pay again" in body
        assert f"http://testserver/payments/{payment.reference}/" in body
    assert_says_nothing_private(mail)


def test_who_waits_at_the_page_sees_it_and_gets_no_mail(sandbox: Sandbox) -> None:
    payment = lose_the_answer(sandbox, waiting(sandbox, card="pm_usBankAccount_processing"))
    payment = submission.advance(payment_id=payment.pk, via=Via.BROWSER)
    assert payment.state == State.PROCESSING
    assert Email.objects.count() == 0


@pytest.mark.parametrize(
    ("card", "state"),
    [(paying.CARD, State.SUCCEEDED), ("pm_card_threeDSecure2Required", State.REQUIRES_ACTION)],
)
def test_a_lost_answer_that_another_mail_tells_later_is_told_by_that_one_alone(
    sandbox: Sandbox, card: str, state: State
) -> None:
    """Paid: the receipt. The bank asks for a step: it is taken, or the payment is given up and told."""
    payment = lose_the_answer(sandbox, waiting(sandbox, card=card))
    payment = submission.advance(payment_id=payment.pk, via=Via.RECONCILER)
    assert payment.state == state
    assert Email.objects.count() == 0
    if state == State.REQUIRES_ACTION:
        later = paying.later(minutes=31)
        payment = submission.advance(payment_id=payment.pk, via=Via.RECONCILER, at=later)
        assert payment.state == State.CANCELED
        assert "was not charged" in Email.objects.get().subject


def lose_the_answer(sandbox: Sandbox, payment: Payment) -> Payment:
    """Stripe acts on the confirmation; neither its answer nor the next one arrives."""
    sandbox.faults.add("POST /v1/payment_intents/*/confirm", "act_then_stall")
    sandbox.faults.add("GET /v1/payment_intents/*", "drop_before")
    payment = submission.advance(payment_id=payment.pk, via=Via.BROWSER)
    assert payment.state == State.UNKNOWN
    return payment


def test_a_guest_has_no_address_and_gets_no_mail(sandbox: Sandbox) -> None:
    checkout = paying.start_checkout(sandbox, make_invoice())
    payment = paying.checkouts.confirm(
        checkout=checkout, reviewed=checkout.method_key, payer=Payment.Payer.GUEST, paid_by=None
    )
    settlement.give_up(payment_id=payment.pk, code="not_allowed", via=Via.RECONCILER)
    assert Email.objects.count() == 0


def test_an_outcome_that_was_rolled_back_tells_nobody(sandbox: Sandbox) -> None:
    payment = waiting(sandbox)

    with transaction.atomic():
        settlement.give_up(payment_id=payment.pk, code="not_allowed", via=Via.RECONCILER)
        assert Email.objects.count() == 1
        transaction.set_rollback(True)

    payment.refresh_from_db()
    assert payment.state == State.CREATED
    assert Email.objects.count() == 0
