"""Events are signed as Stripe signs, retried as Stripe retries, and misbehave when they are told to."""

from datetime import timedelta

import pytest
import stripe

from demo.stripe.core import Sandbox
from tests.sandbox.conftest import Inbox
from tests.sandbox.steps import create, debit, pay

STORY = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_a_payment_tells_its_story_to_the_accounts_address(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    paid = pay(ncal)
    assert inbox.letters == []
    sandbox.webhooks.deliver_due()
    assert inbox.types() == STORY
    assert {letter.url for letter in inbox.letters} == {"http://127.0.0.1:8000/webhooks/stripe/ncal/"}
    last = inbox.letters[-1]
    event = stripe.Webhook.construct_event(
        last.body, last.headers["Stripe-Signature"], "whsec_demo_ncal"
    )
    assert event.data.object["id"] == paid.id
    assert event.api_version == stripe.api_version
    assert event.livemode is False
    assert event.request is not None
    assert event.request.idempotency_key is not None
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(
            last.body, last.headers["Stripe-Signature"], "whsec_demo_georgia"
        )


def test_an_event_shows_its_object_as_it_was_then(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    pay(ncal)
    sandbox.webhooks.deliver_due()
    statuses = [letter.event["data"]["object"]["status"] for letter in inbox.letters]
    assert statuses == ["requires_payment_method", "succeeded", "succeeded"]
    assert not any(
        key.startswith("_") for letter in inbox.letters for key in letter.event["data"]["object"]
    )


def test_delivered_events_are_not_delivered_again(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    create(ncal)
    assert [d.status for d in sandbox.webhooks.deliver_due()] == [200]
    sandbox.shift_clock(timedelta(days=1))
    assert sandbox.webhooks.deliver_due() == []
    assert len(inbox.letters) == 1


@pytest.mark.parametrize("answer", [500, 400, 302, 0])
def test_a_refused_delivery_is_tried_again_ever_more_rarely_for_three_days(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox, answer: int
) -> None:
    inbox.answer = answer
    create(ncal)
    assert len(sandbox.webhooks.deliver_due()) == 1
    assert sandbox.webhooks.deliver_due() == []  # not at once
    waits = []
    for _ in range(5):
        waited = 0
        while not sandbox.webhooks.deliver_due():
            sandbox.shift_clock(timedelta(seconds=1))
            waited += 1
        waits.append(waited)
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    sandbox.shift_clock(timedelta(days=3))
    sandbox.webhooks.deliver_due()
    sandbox.shift_clock(timedelta(days=1))
    assert sandbox.webhooks.deliver_due() == []
    assert [entry["state"] for entry in sandbox.webhooks.queue()] == ["failed"]


def test_a_late_success_ends_the_retries(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    inbox.answer = 503
    event = create(ncal).id
    sandbox.webhooks.deliver_due()
    undelivered = ncal.v1.events.list({"delivery_success": False})
    assert [e.data.object["id"] for e in undelivered.data] == [event]
    inbox.answer = 200
    sandbox.shift_clock(timedelta(minutes=1))
    sandbox.webhooks.deliver_due()
    assert ncal.v1.events.list({"delivery_success": False}).data == []
    assert ncal.v1.events.list({"delivery_success": True}).data[0].pending_webhooks == 0


def test_an_event_that_the_clock_jumped_over_is_still_retried_for_three_days(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    debit(ncal)
    sandbox.webhooks.deliver_due()
    inbox.letters.clear()
    inbox.answer = 503
    sandbox.shift_clock(timedelta(days=14))
    sandbox.webhooks.deliver_due()
    refused = inbox.types()
    assert refused[:3] == ["charge.succeeded", "mandate.updated", "payment_intent.succeeded"]
    inbox.letters.clear()
    inbox.answer = 200
    sandbox.shift_clock(timedelta(minutes=1))
    sandbox.webhooks.deliver_due()
    assert inbox.types() == refused


def test_dropped_events_never_arrive_but_are_listed(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    sandbox.webhooks.set_mode("drop")
    pay(ncal)
    sandbox.webhooks.set_mode("normal")
    sandbox.webhooks.deliver_due(everything=True)
    assert inbox.letters == []
    assert [e.type for e in ncal.v1.events.list().data] == list(reversed(STORY))


def test_held_events_arrive_when_they_are_let_go(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    sandbox.webhooks.set_mode("hold")
    pay(ncal)
    sandbox.webhooks.deliver_due(everything=True)
    assert inbox.letters == []
    sandbox.webhooks.set_mode("normal")
    sandbox.webhooks.deliver_due()
    assert inbox.types() == STORY


def test_doubled_events_arrive_twice_with_one_id(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    sandbox.webhooks.set_mode("double")
    pay(ncal)
    sandbox.webhooks.deliver_due()
    ids = [letter.event["id"] for letter in inbox.letters]
    assert (len(ids), len(set(ids))) == (6, 3)


def test_shuffled_events_arrive_all_and_the_seed_decides_how(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    orders = set()
    for seed in range(8):
        inbox.letters.clear()
        sandbox.webhooks.set_mode("shuffle", seed=seed)
        pay(ncal)
        sandbox.webhooks.deliver_due(everything=True)
        assert sorted(inbox.types()) == sorted(STORY)
        orders.add(tuple(inbox.types()))
    assert len(orders) > 1


def test_an_event_is_redelivered_five_times_at_once(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    pay(ncal)
    sandbox.webhooks.deliver_due()
    event = inbox.letters[-1].event["id"]
    inbox.letters.clear()
    done = sandbox.webhooks.redeliver(event, times=5, parallel=True)
    assert [delivery.status for delivery in done] == [200] * 5
    assert [letter.event["id"] for letter in inbox.letters] == [event] * 5
    with pytest.raises(KeyError):
        sandbox.webhooks.redeliver("evt_unknown")


@pytest.mark.parametrize("how", ["unsigned", "wrong_secret", "tampered", "stale"])
def test_a_forged_delivery_does_not_verify(sandbox: Sandbox, inbox: Inbox, how: str) -> None:
    thing = {"id": "pi_forged", "object": "payment_intent", "status": "succeeded"}
    sandbox.webhooks.forge("ncal", how, event_type="payment_intent.succeeded", obj=thing)
    (letter,) = inbox.letters
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(
            letter.body, letter.headers.get("Stripe-Signature", ""), "whsec_demo_ncal"
        )


def test_events_are_listed_by_type_and_for_thirty_days(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    pay(ncal)
    only = ncal.v1.events.list({"type": "charge.succeeded"})
    assert [event.type for event in only.data] == ["charge.succeeded"]
    intents = ncal.v1.events.list({"type": "payment_intent.*"})
    assert len(intents.data) == 2
    several = ncal.v1.events.list({"types": ["charge.succeeded", "payment_intent.succeeded"]})
    assert len(several.data) == 2
    sandbox.shift_clock(timedelta(days=31))
    young = {event.type for event in ncal.v1.events.list().data}
    assert young == {"balance.available", "payout.created", "payout.reconciliation_completed"} | {
        "payout.paid"
    }
    with pytest.raises(stripe.InvalidRequestError):
        ncal.v1.events.retrieve(only.data[0].id)
