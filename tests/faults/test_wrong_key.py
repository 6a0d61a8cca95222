"""Our key at Stripe is wrong, or was rotated: Stripe reads nothing, and nothing ends because of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from autopay.models import Draft, DraftAttempt, DraftState, Reason
from autopay.services import drawing
from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import (
    Payment,
    PaymentEvent,
    PaymentMethod,
    Refund,
    RefundState,
    State,
    StripeCustomer,
)
from payments.services import reconcile as reconciler
from payments.services import refunds, submission
from staff.lists import LISTS
from tests.support import paying
from tests.support.autopay import DUE, Calendar, announced, bill, enrolled, run, work
from tests.support.factories import make_invoice
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)

Turn = Callable[[bool], None]


@pytest.fixture
def key_works(settings: Any) -> Turn:
    """Break the key of every Stripe account, or put the right one back."""
    right = settings.STRIPE_ACCOUNTS

    def turn(works: bool) -> None:
        wrong = {name: {**keys, "secret_key": "sk_test_rotated"} for name, keys in right.items()}
        settings.STRIPE_ACCOUNTS = right if works else wrong
        gateway._client.cache_clear()

    return turn


def test_draws_stay_announced_the_pass_stops_and_they_are_made_once_when_the_key_works(
    sandbox: Sandbox, calendar: Calendar, key_works: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    stands = enrolled(sandbox)
    for number in range(7):
        bill(stands, 10_00 + number, due_on=DUE)
    work(stands.account.region, draw=False)
    calendar.go_to(DUE)
    mails = len(mails_to(stands.account.guarantor.user.email))
    key_works(False)

    run(stands.account.region)

    assert DraftAttempt.objects.count() == drawing.MOST_UNANSWERED
    assert not Draft.objects.exclude(state__in=(DraftState.NOTICED, DraftState.SUBMITTED)).exists()
    assert "stripe.key_refused" in caplog.text

    key_works(True)
    for hour in (14, 15, 16):
        calendar.go_to(DUE, hour=hour)
        work(stands.account.region)

    assert sorted(charged(sandbox).values()) == [10_00 + number for number in range(7)]
    assert len(mails_to(stands.account.guarantor.user.email)) == mails
    paying.assert_invariants(sandbox)


def test_a_refund_stays_promised_and_is_sent_once_when_the_key_works(
    sandbox: Sandbox, key_works: Turn
) -> None:
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
    key_works(False)
    made = refunds.request(
        payment=payment,
        amount_cents=50_00,
        destination=Refund.Destination.SOURCE,
        reason="Duplicate visit",
        requested_by=None,
    )
    made.refresh_from_db()
    payment.account.refresh_from_db()
    assert (made.state, payment.account.balance_cents) == (RefundState.CREATED, 0)

    key_works(True)
    refunds.reconcile_refunds(at=paying.later(minutes=5))

    made.refresh_from_db()
    assert made.state == RefundState.SUCCEEDED
    assert sum(line.refunded_cents for line in sandbox.charges()) == 50_00
    paying.assert_invariants(sandbox)


def test_a_members_payment_is_being_checked_and_goes_through_when_the_key_works(
    sandbox: Sandbox, client: Client, key_works: Turn
) -> None:
    invoice = make_invoice(total_cents=120_00)
    checkout = paying.start_checkout(sandbox, invoice)
    key_works(False)
    payment = submission.advance(payment_id=paying.confirm(checkout).pk, via=PaymentEvent.Via.BROWSER)

    client.force_login(invoice.account.guarantor.user)
    page = client.get(reverse("payments:show", args=[payment.reference])).content.decode()
    assert payment.state == State.SUBMITTED
    assert "We are checking this payment" in page
    assert charged(sandbox) == {}

    key_works(True)
    reconciler.reconcile_unsettled(at=paying.later(minutes=2))

    assert Payment.objects.get(pk=payment.pk).state == State.SUCCEEDED
    assert charged(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("gone", ["customer", "method"])
def test_a_draw_that_stripe_will_not_take_is_told_to_its_owner_and_shown_to_staff(
    sandbox: Sandbox, calendar: Calendar, gone: str
) -> None:
    """What Stripe knew is gone: no key and no waiting helps, and it is not tried again and again."""
    draft = announced(enrolled(sandbox))
    if gone == "customer":
        StripeCustomer.objects.update(customer_id="cus_gone")
    else:
        PaymentMethod.objects.update(method_id="pm_gone")
    calendar.go_to(DUE)

    run(draft.enrollment.account.region)

    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (DraftState.HELD, Reason.NOT_TAKEN)
    mail = mails_to(draft.enrollment.account.guarantor.user.email)[-1]
    assert mail.subject == "Autopay: a draw did not go through"
    assert "The draw of $120.00 did not go through. Nothing was taken." in mail.message
    assert "please pay this bill yourself" in mail.message
    assert list(LISTS["draws"].rows()) == [draft]
    assert charged(sandbox) == {}
