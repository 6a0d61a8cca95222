"""Every answer is what the SDK's resource classes describe, so that typed code meets no surprise."""

from datetime import timedelta

import stripe

from demo.stripe import API_VERSION
from demo.stripe.core import Sandbox
from tests.sandbox.shapes import problems
from tests.sandbox.steps import ACCEPTED, RETURN_URL, confirm, create, debit, pay


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


def test_a_bank_debit_at_every_stage(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    customer = ncal.v1.customers.create().id
    keep = {"customer": customer, "setup_future_usage": "off_session"}
    by_deposits = {"us_bank_account": {"verification_method": "microdeposits"}}
    asked = debit(ncal, payment_method_options=by_deposits)
    sent = debit(ncal, **keep)
    failed = debit(ncal, "noAccount")
    returned = debit(ncal)
    for intent in (sent, returned):
        sandbox.bank.settle("ncal", intent.id)
    sandbox.bank.return_payment("ncal", returned.id, code="R10")
    sandbox.bank.return_payment("ncal", failed.id, code="R03")
    refund = ncal.v1.refunds.create({"payment_intent": sent.id, "amount": 100})
    charges = [ncal.v1.charges.retrieve(str(i.latest_charge)) for i in (sent, failed, returned)]
    mandate = charges[0].payment_method_details.us_bank_account.mandate  # type: ignore[union-attr]
    stages = [ncal.v1.payment_intents.retrieve(i.id) for i in (asked, sent, failed, returned)]
    assert [stage.status for stage in stages] == [
        "requires_action",
        "succeeded",
        "requires_payment_method",
        "succeeded",
    ]
    everything = [
        *stages,
        *charges,
        refund,
        ncal.v1.refunds.retrieve(refund.id),
        ncal.v1.mandates.retrieve(str(mandate)),
        ncal.v1.payment_methods.retrieve(str(failed.payment_method)),
        ncal.v1.payment_methods.list({"customer": customer}),
        ncal.v1.disputes.list(),
        ncal.v1.confirmation_tokens.retrieve(
            sandbox.confirmation_token("ncal", card="pm_usBankAccount_success")
        ),
        ncal.v1.setup_intents.create(
            {
                "customer": customer,
                "payment_method": "pm_usBankAccount_success",
                "confirm": True,
                "return_url": RETURN_URL,
                "mandate_data": ACCEPTED,
            }
        ),
    ]
    assert [bad for obj in everything for bad in problems(obj)] == []


def test_money_that_goes_back_and_out(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    paid, bounced = pay(ncal), pay(ncal, "pm_card_refundFail")
    sandbox.bank.open_dispute("ncal", paid.id)
    ncal.v1.refunds.create({"payment_intent": bounced.id})
    debit(ncal)
    pay(ncal, cents=50_000)
    payout = sandbox.bank.payout("ncal")
    assert payout is not None
    pay(ncal)
    sandbox.shift_clock(timedelta(days=20))
    everything = [
        ncal.v1.disputes.list(),
        ncal.v1.refunds.list(),
        ncal.v1.balance.retrieve(),
        ncal.v1.balance_transactions.list(),
        ncal.v1.balance_transactions.list({"payout": payout["id"], "expand": ["data.source"]}),
        ncal.v1.payouts.list(),
        ncal.v1.payouts.retrieve(payout["id"], {"expand": ["balance_transaction"]}),
    ]
    assert [bad for obj in everything for bad in problems(obj)] == []
    events = ncal.v1.events.list({"limit": 100})
    seen = {event.type for event in events.data}
    assert {"charge.dispute.created", "refund.failed", "payout.paid", "balance.available"} <= seen
    assert [bad for event in events.data for bad in problems(event.data.object)] == []


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
