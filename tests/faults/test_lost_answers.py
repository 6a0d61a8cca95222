"""Rows 5 to 12: Stripe's answer is late, lost, wrong or never comes. Nobody is charged twice."""

import datetime as dt
from typing import Any

import pytest
from django.conf import settings
from post_office.models import Email

from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import Payment, PaymentEvent, State
from payments.services import reconcile, review, settlement, submission
from tests.support import paying
from tests.support.factories import make_invoice
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)

CONFIRM = "POST /v1/payment_intents/*/confirm"
RETRIEVE = "GET /v1/payment_intents/*"
CREATE = "POST /v1/payment_intents"


def checking(sandbox: Sandbox, kind: str) -> Payment:
    """A payment of $120 whose confirmation, and the question after it, met a fault."""
    sandbox.faults.add(CONFIRM, kind)
    sandbox.faults.add(RETRIEVE, "drop_before")
    return paying.pay(sandbox, make_invoice(total_cents=120_00))


@pytest.mark.parametrize("kind", ["act_then_stall", "act_then_500", "reset_mid_body"])
def test_row_5_7_10_charged_but_the_answer_was_lost_it_is_checking_and_then_paid(
    sandbox: Sandbox, kind: str
) -> None:
    payment = checking(sandbox, kind)
    assert payment.state == State.UNKNOWN

    reconcile.reconcile_unsettled(at=paying.later(minutes=2))

    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert State.FAILED not in paying.states(payment)
    assert charged(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


def confirmations(sandbox: Sandbox) -> list[dict[str, object]]:
    return [r for r in sandbox.requests() if str(r["path"]).endswith("/confirm")]


def confirm_again(payment: Payment) -> gateway.Intent:
    """The same request once more, under the same key."""
    return gateway.confirm_intent(
        region=payment.region,
        reference=payment.reference,
        intent_id=str(payment.intent_id),
        return_url=settings.SITE_URL + submission._page_of(payment),
        **submission._method(payment),
    )


def test_row_7_the_key_replays_the_500_and_asking_finds_the_charge(sandbox: Sandbox) -> None:
    sandbox.faults.add(CONFIRM, "act_then_500")

    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
    assert payment.state == State.SUCCEEDED  # asked at once, within the same click
    for _ in range(2):
        with pytest.raises(gateway.OutcomeUnknown):
            confirm_again(payment)

    sent = confirmations(sandbox)
    assert [(r["status"], r["replayed"]) for r in sent] == [(500, False), (500, True), (500, True)]
    assert {r["idempotency_key"] for r in sent} == {f"{payment.reference}:confirm"}
    submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.RECONCILER)
    assert charged(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("kind", ["drop_before", "down_503"])
def test_row_6_not_charged_and_the_answer_was_lost_ends_as_not_charged_and_the_payer_is_told(
    sandbox: Sandbox, kind: str
) -> None:
    payment = checking(sandbox, kind)
    assert payment.state == State.UNKNOWN

    for minute in range(1, 16):
        reconcile.reconcile_unsettled(at=paying.later(minutes=minute))

    payment.refresh_from_db()
    assert payment.state == State.CANCELED
    assert payment.ended_at is not None
    assert charged(sandbox) == {}
    assert Email.objects.get().to == [payment.paid_by.email]
    payment.allocations.get().invoice.refresh_from_db()
    assert payment.allocations.get().invoice.payable_cents == 120_00
    paying.assert_invariants(sandbox)


def test_row_6_a_late_request_cannot_charge_after_the_payer_was_told_it_did_not(
    sandbox: Sandbox,
) -> None:
    payment = checking(sandbox, "drop_before")
    for minute in range(1, 16):
        reconcile.reconcile_unsettled(at=paying.later(minutes=minute))
    payment.refresh_from_db()

    with pytest.raises(gateway.GatewayError):
        confirm_again(payment)
    assert charged(sandbox) == {}
    paying.assert_invariants(sandbox)


def test_row_8_too_many_requests_the_same_key_is_sent_again_later(sandbox: Sandbox) -> None:
    sandbox.faults.add(CONFIRM, "rate_429")

    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
    assert payment.state == State.SUBMITTED

    reconcile.reconcile_unsettled(at=paying.later(minutes=2))

    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert {r["idempotency_key"] for r in confirmations(sandbox)} == {f"{payment.reference}:confirm"}
    assert charged(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


def test_row_8_a_key_in_use_is_tried_again_by_the_sdk_under_the_same_key(
    sandbox: Sandbox, settings: Any
) -> None:
    settings.STRIPE_NETWORK_RETRIES = 2
    sandbox.faults.add(CONFIRM, "conflict_409")

    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))

    assert payment.state == State.SUCCEEDED
    assert {r["idempotency_key"] for r in confirmations(sandbox)} == {f"{payment.reference}:confirm"}
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("acted", [True, False])
def test_row_8_a_key_that_stays_in_use_is_unknown_until_asking_tells_and_charges_at_most_once(
    sandbox: Sandbox, acted: bool
) -> None:
    """The request that has the key may act at any moment; ours never comes to act beside it."""
    sandbox.faults.add(CONFIRM, "conflict_409", times=100)

    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
    assert payment.state == State.UNKNOWN
    reconcile.reconcile_unsettled(at=paying.later(minutes=2))
    payment.refresh_from_db()
    assert payment.state == State.UNKNOWN
    sandbox.faults.clear()
    if acted:
        confirm_again(payment)  # the one that had the key gets through
    for minutes in (4, 8, 12):
        reconcile.reconcile_unsettled(at=paying.later(minutes=minutes))

    payment.refresh_from_db()
    assert payment.state == (State.SUCCEEDED if acted else State.CANCELED)
    assert charged(sandbox) == ({payment.reference: 120_00} if acted else {})
    assert len(confirmations(sandbox)) == acted  # none of ours was taken, then or later
    paying.assert_invariants(sandbox)


def test_row_8_each_check_comes_later_than_the_last_and_by_chance_up_to_a_quarter(
    sandbox: Sandbox,
) -> None:
    """So that those whom Stripe turned away do not all come back at once."""
    sandbox.faults.add(CONFIRM, "rate_429", times=100)
    waiting = [paying.pay(sandbox, make_invoice(total_cents=120_00)) for _ in range(3)]

    at, waits = paying.later(minutes=2), []
    for checks in range(4):
        reconcile.reconcile_unsettled(at=at)
        planned = settlement.check_after(State.SUBMITTED, checks=checks)
        waits.append(planned)
        found = Payment.objects.values_list("next_check_at", flat=True)
        assert all(at + planned <= moment <= at + planned * paying.SPREAD for moment in found)
        assert len(set(found)) == len(waiting)
        at = max(found)
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]

    sandbox.faults.clear()
    reconcile.reconcile_unsettled(at=at)
    assert charged(sandbox) == {payment.reference: 120_00 for payment in waiting}
    paying.assert_invariants(sandbox)


def test_row_9_after_a_day_it_is_searched_for_and_never_sent_again(sandbox: Sandbox) -> None:
    sandbox.faults.add(CREATE, "act_then_stall")
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
    assert (payment.state, payment.intent_id) == (State.UNKNOWN, None)
    creations = len(sandbox.requests())

    sandbox.shift_clock(dt.timedelta(hours=30))
    submission.advance(
        payment_id=payment.pk, via=PaymentEvent.Via.RECONCILER, at=paying.later(hours=30)
    )

    payment.refresh_from_db()
    assert payment.state == State.CANCELED  # found by search, never confirmed, canceled for good
    assert [r["path"] for r in sandbox.requests()[creations:]] == [
        f"/v1/payment_intents/{payment.intent_id}/cancel"
    ]
    assert charged(sandbox) == {}
    paying.assert_invariants(sandbox)


def test_row_9_without_a_trace_at_stripe_it_becomes_a_case_for_staff(sandbox: Sandbox) -> None:
    sandbox.faults.add(CREATE, "drop_before")
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))

    submission.advance(
        payment_id=payment.pk, via=PaymentEvent.Via.RECONCILER, at=paying.later(hours=30)
    )

    payment.refresh_from_db()
    assert payment.state == State.UNKNOWN
    assert payment.review_reason
    assert sandbox.charges() == []
    paying.assert_invariants(sandbox)  # it waits for a person

    review.mark_not_charged(payment=payment)  # who sees that Stripe holds nothing
    payment.refresh_from_db()
    assert payment.state == State.CANCELED
    assert payment.allocations.get().invoice.payable_cents == 120_00
    paying.assert_invariants(sandbox)


def test_row_11_stripe_down_for_two_hours_fails_nobody_and_catches_up(sandbox: Sandbox) -> None:
    sandbox.faults.add("* /v1/*", "down_503", times=1000)
    with pytest.raises(gateway.GatewayError):
        paying.start_checkout(sandbox, make_invoice())

    sandbox.faults.clear()
    payment = paying.confirm(paying.start_checkout(sandbox, make_invoice(total_cents=120_00)))
    sandbox.faults.add("* /v1/*", "down_503", times=1000)
    submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    for minute in range(1, 120, 5):
        reconcile.reconcile_unsettled(at=paying.later(minutes=minute))
    payment.refresh_from_db()
    assert payment.state == State.UNKNOWN

    sandbox.faults.clear()
    for minute in range(121, 160, 5):
        reconcile.reconcile_unsettled(at=paying.later(minutes=minute))
    payment.refresh_from_db()
    assert payment.state == State.CANCELED
    assert charged(sandbox) == {}
    paying.assert_invariants(sandbox)


def test_i3_a_payment_unsettled_for_too_long_raises_an_alert(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    payment = checking(sandbox, "act_then_stall")
    sandbox.faults.add("* /v1/*", "down_503", times=1000)

    reconcile.reconcile_unsettled(at=paying.later(minutes=16))

    assert any(
        "unsettled_over_bound" in str(r.msg) and payment.reference in str(r.msg) for r in caplog.records
    )
    paying.assert_nobody_is_forgotten(at=paying.later(minutes=16))
    sandbox.faults.clear()
    reconcile.reconcile_unsettled(at=paying.later(minutes=20))
    paying.assert_invariants(sandbox)
