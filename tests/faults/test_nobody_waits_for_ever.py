"""One payment, event or clock that misbehaves must not hold up the others, nor be held up for ever."""

import datetime as dt
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import stripe
from django.test import Client

from common import clock
from demo.stripe.core import Sandbox
from payments import gateway, ratelimit
from payments.models import Checkout, Payment, PaymentEvent, State, WebhookEvent
from payments.services import checkout as checkouts
from payments.services import reconcile, refunds, settlement, submission, webhooks
from tests.support import child, paying
from tests.support.factories import make_account, make_invoice, make_member, make_region
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(sandbox: Sandbox, region: str = "NCAL") -> Payment:
    """A payment of $120 whose process died before Stripe was asked."""
    bill = make_invoice(make_account(make_member(region=make_region(region))), 120_00)
    return paying.confirm(paying.start_checkout(sandbox, bill))


def test_one_payment_that_cannot_be_asked_about_keeps_no_other_waiting(
    sandbox: Sandbox, settings: Any
) -> None:
    broken, healthy = waiting(sandbox, "HI"), waiting(sandbox)
    accounts = {name: keys for name, keys in settings.STRIPE_ACCOUNTS.items() if name != "hi"}
    settings.STRIPE_ACCOUNTS = accounts
    gateway._client.cache_clear()

    with pytest.raises(ExceptionGroup) as raised:
        reconcile.reconcile_unsettled(at=paying.later(minutes=2))

    assert [type(error) for error in raised.value.exceptions] == [gateway.NotConfigured]
    healthy.refresh_from_db()
    broken.refresh_from_db()
    assert healthy.state == State.SUCCEEDED
    assert not broken.has_outcome
    assert charged(sandbox) == {healthy.reference: 120_00}


def test_one_event_that_cannot_be_processed_keeps_no_other_waiting(
    sandbox: Sandbox, settings: Any
) -> None:
    sandbox.webhooks.set_mode("drop")
    payments = [waiting(sandbox, "HI"), waiting(sandbox)]
    for payment in payments:
        webhooks.receive(
            account=payment.region.stripe_account,
            event=gateway.Event(
                id=f"evt_{payment.pk}",
                type="payment_intent.succeeded",
                object_id=f"pi_{payment.pk}",
                api_version="",
            ),
        )
        Payment.objects.filter(pk=payment.pk).update(intent_id=f"pi_{payment.pk}")
    Payment.objects.filter(pk=payments[1].pk).update(intent_id=None)
    WebhookEvent.objects.filter(stripe_account="ncal").update(type="customer.created")
    settings.STRIPE_ACCOUNTS = {"ncal": settings.STRIPE_ACCOUNTS["ncal"]}
    gateway._client.cache_clear()

    with pytest.raises(ExceptionGroup):
        webhooks.process_pending(at=paying.later(minutes=1))

    outcomes = dict(WebhookEvent.objects.values_list("stripe_account", "outcome"))
    assert outcomes == {"hi": "pending", "ncal": "ignored"}


def test_a_slow_batch_goes_by_the_clock_and_sends_nothing_later_than_promised(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = waiting(sandbox), waiting(sandbox)
    asked = gateway.create_intent
    start, passed = clock.now() + dt.timedelta(minutes=6), [dt.timedelta()]
    for module in (reconcile, submission):
        monkeypatch.setattr(module, "now", lambda: start + passed[0])

    def slow(**given: Any) -> gateway.Intent:
        passed[0] += dt.timedelta(minutes=5)
        return asked(**given)

    monkeypatch.setattr(gateway, "create_intent", slow)

    reconcile.reconcile_unsettled()

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.state == State.SUCCEEDED
    assert second.state != State.SUCCEEDED  # its turn came eleven minutes after the click
    assert charged(sandbox) == {first.reference: 120_00}


def test_a_second_reconciler_leaves_alone_what_the_first_has_just_asked_about(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paying.pay(sandbox, make_invoice(), card="pm_card_threeDSecure2Required")
    at = paying.later(minutes=3)
    asked: list[int] = []
    advance = submission.advance

    def counting(*, payment_id: int, via: PaymentEvent.Via, at: dt.datetime) -> Payment:
        asked.append(payment_id)
        if len(asked) == 1:  # the other reconciler listed the same payment before we planned ahead
            reconcile._ask_if_due(payment_id, at)
        return advance(payment_id=payment_id, via=via, at=at)

    monkeypatch.setattr(submission, "advance", counting)

    reconcile.reconcile_unsettled(at=at)

    assert asked == [payment.pk]


def test_an_event_about_a_payment_whose_process_died_after_settling_comes_to_an_end(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    payment = waiting(sandbox)
    store = tmp_path / "stripe.sqlite"
    assert child.run(store, "advance", payment.pk, failpoint="payments.after_settle") == -signal.SIGKILL
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED

    sandbox.webhooks.deliver_due(everything=True)
    webhooks.process_pending(at=paying.later(minutes=4))

    assert not WebhookEvent.objects.filter(outcome=WebhookEvent.Outcome.PENDING).exists()


def test_an_event_about_something_without_an_id_is_kept_and_changes_nothing(
    sandbox: Sandbox, client: Client
) -> None:
    """Stripe repeats what is not answered with 200 for days, and then turns the endpoint off."""
    body = json.dumps(
        {
            "id": "evt_balance",
            "object": "event",
            "type": "balance.available",
            "api_version": None,
            "livemode": False,
            "data": {"object": {"object": "balance", "livemode": False}},
        }
    )
    signature = stripe.WebhookSignature.generate_signature_header(body, "whsec_demo_ncal")

    response = client.post(
        "/webhooks/stripe/ncal/",
        data=body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )

    assert response.status_code == 200
    assert WebhookEvent.objects.get().outcome == WebhookEvent.Outcome.IGNORED


def test_a_payment_that_was_never_sent_is_given_up_without_asking_stripe(sandbox: Sandbox) -> None:
    payment = waiting(sandbox)

    reconcile.reconcile_unsettled(at=paying.later(hours=30))

    payment.refresh_from_db()
    assert payment.state == State.CANCELED
    assert paying.states(payment) == ["created", "canceled"]
    assert sandbox.requests() == []
    paying.assert_invariants(sandbox)


def test_a_refusal_that_leaves_no_trace_on_the_intent_is_still_a_refusal(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = waiting(sandbox)

    def decline(**_: Any) -> gateway.Intent:
        raise gateway.Declined("do_not_honor")

    monkeypatch.setattr(gateway, "confirm_intent", decline)
    payment = submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

    assert (payment.state, payment.decline_code) == (State.FAILED, "do_not_honor")
    with sandbox.store.read() as tx:
        assert (tx.get("ncal", str(payment.intent_id)) or {})["status"] == "canceled"
    paying.assert_invariants(sandbox)


def test_a_process_that_slept_through_the_end_of_its_payment_charges_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = waiting(sandbox)
    create = gateway.create_intent
    slept: list[bool] = []

    def create_after_sleeping(**given: Any) -> gateway.Intent:
        """Meanwhile another holder of the lease has ended the payment, and the payer was told."""
        if not slept:
            slept.append(True)
            submission.advance(
                payment_id=payment.pk, via=PaymentEvent.Via.RECONCILER, at=paying.later(minutes=11)
            )
        return create(**given)

    monkeypatch.setattr(gateway, "create_intent", create_after_sleeping)
    submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

    payment.refresh_from_db()
    assert payment.state == State.CANCELED
    assert paying.states(payment) == ["created", "submitted", "canceled"]
    assert charged(sandbox) == {}
    paying.assert_invariants(sandbox)


def longest(calls: int, *, in_background: bool) -> float:
    """How many seconds so many calls take when each gets its answer, or none, at the last moment."""
    from kppay.settings import base

    tries = 1 + base.STRIPE_NETWORK_RETRIES
    sdk = stripe.HTTPClient
    sleeps = sum(min(sdk.INITIAL_DELAY * 2**nth, sdk.MAX_DELAY) for nth in range(tries - 1))
    token = ratelimit.PATIENCE_SECONDS + ratelimit.GATE_SECONDS if in_background else 0
    return calls * (tries * (token + base.STRIPE_TIMEOUT_SECONDS) + sleeps)


def test_a_lease_outlasts_every_call_of_one_step() -> None:
    calls = 6  # customer, create, confirm, look, cancel, look again
    assert submission.LEASE.total_seconds() > longest(calls, in_background=False)
    assert submission.LEASE_IN_BACKGROUND.total_seconds() > longest(calls, in_background=True)
    calls = 3  # look for it, send it, see what Stripe has kept
    assert refunds.LEASE.total_seconds() > longest(calls, in_background=True)


@pytest.mark.parametrize("lease", [submission.LEASE, submission.LEASE_IN_BACKGROUND])
def test_a_payment_whose_process_died_is_sent_on_in_time_however_its_checks_fall(
    lease: dt.timedelta,
) -> None:
    """Each check comes as late as it can: a quarter beyond its plan, and a minute until the sweep."""
    at, checks = dt.timedelta(), 0
    while at <= lease:
        wait = settlement.check_after(State.SUBMITTED, checks=checks)
        at, checks = at + wait * 1.25 + dt.timedelta(minutes=1), checks + 1
    assert at < submission.RESUME_WITHIN


def test_the_first_payment_that_keeps_a_method_makes_the_calls_that_were_counted(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = make_invoice(total_cents=120_00)
    checkout = paying.start_checkout(sandbox, bill, card="pm_card_visa_chargeDeclined")
    checkouts.choose_method(checkout=checkout, token=checkout.confirmation_token, keep=True)
    payment = paying.confirm(Checkout.objects.get(pk=checkout.pk))
    call, called = gateway._Metered.request_with_retries, []

    def counting(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        called.append(f"{method} {url.split('/v1/')[1].split('?')[0]}")
        return call(self, method, url, *args, **kwargs)

    monkeypatch.setattr(gateway._Metered, "request_with_retries", counting)

    submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

    payment.refresh_from_db()
    intent = f"payment_intents/{payment.intent_id}"
    # A second look comes where the intent could not be canceled, and is the sixth.
    assert called == [
        "post customers",
        "post payment_intents",
        f"post {intent}/confirm",
        f"get {intent}",
        f"post {intent}/cancel",
    ]
