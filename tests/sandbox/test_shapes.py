"""Every answer is what the SDK's resource classes describe, so that typed code meets no surprise."""

import stripe

from demo.stripe import API_VERSION
from demo.stripe.core import Sandbox
from tests.sandbox.shapes import problems
from tests.sandbox.steps import RETURN_URL, confirm, create, pay


def test_the_sandbox_speaks_the_version_of_the_installed_sdk() -> None:
    assert stripe.api_version == API_VERSION


def test_a_payment_and_everything_it_touches(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    customer = ncal.v1.customers.create({"metadata": {"account": "a_1"}})
    paid = pay(ncal, customer=customer.id, setup_future_usage="off_session")
    assert isinstance(paid, stripe.PaymentIntent)
    refund = ncal.v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    token = ncal.v1.confirmation_tokens.retrieve(sandbox.confirmation_token("ncal"))
    setup = ncal.v1.setup_intents.create({"customer": customer.id, "usage": "off_session"})
    everything = [
        customer,
        paid,
        refund,
        token,
        setup,
        ncal.v1.charges.retrieve(str(paid.latest_charge)),
        ncal.v1.payment_methods.retrieve(str(paid.payment_method)),
        ncal.v1.payment_intents.list({"customer": customer.id}),
        ncal.v1.payment_intents.search({"query": "metadata['payment']:'p_1'"}),
        ncal.v1.charges.list({"payment_intent": paid.id}),
        ncal.v1.refunds.list({"payment_intent": paid.id}),
        ncal.v1.customers.payment_methods.list(customer.id),
    ]
    assert [bad for obj in everything for bad in problems(obj)] == []


def test_an_intent_at_every_stage(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    waiting = create(ncal)
    asked = confirm(ncal, create(ncal), payment_method="pm_card_authenticationRequired")
    redirected = ncal.v1.payment_intents.confirm(
        create(ncal).id,
        {"payment_method": "pm_card_authenticationRequired", "return_url": RETURN_URL},
    )
    sandbox.complete_challenge("ncal", asked.id, succeed=False)
    refused = ncal.v1.payment_intents.retrieve(asked.id)
    held = pay(ncal, capture_method="manual")
    canceled = ncal.v1.payment_intents.cancel(create(ncal).id)
    stages = [waiting, asked, redirected, refused, held, canceled]
    assert [stage.status for stage in stages] == [
        "requires_payment_method",
        "requires_action",
        "requires_action",
        "requires_payment_method",
        "requires_capture",
        "canceled",
    ]
    assert [bad for stage in stages for bad in problems(stage)] == []


def test_events_carry_whole_objects(ncal: stripe.StripeClient) -> None:
    pay(ncal)
    events = ncal.v1.events.list({"limit": 100})
    assert [event.type for event in events.data] == [
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]
    assert [bad for event in events.data for bad in problems(event)] == []
    assert [bad for event in events.data for bad in problems(event.data.object)] == []


def test_the_checker_itself_finds_what_is_wrong() -> None:
    crooked = stripe.Refund.construct_from(
        {"id": "re_1", "object": "refund", "amount": "100", "currency": "usd", "colour": "red"}, None
    )
    found = problems(crooked)
    assert "Refund.colour: unknown field" in found
    assert "Refund.created: missing" in found
    assert any(bad.startswith("Refund.amount: '100' is not") for bad in found)
