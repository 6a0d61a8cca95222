"""A cardholder takes a payment back: withdrawn at once, answered or not, won or lost, never twice."""

from datetime import timedelta

import pytest
import stripe

from demo.stripe.core import Sandbox
from tests.sandbox.conftest import Inbox
from tests.sandbox.steps import create, debit, pay


def _disputed(
    client: stripe.StripeClient, sandbox: Sandbox, cents: int = 4210
) -> tuple[stripe.PaymentIntent, stripe.Dispute]:
    paid = pay(client, cents=cents)
    opened = sandbox.bank.open_dispute("ncal", str(paid.latest_charge), "fraudulent")
    return paid, client.v1.disputes.retrieve(opened["id"])


def _dispute_events(inbox: Inbox, sandbox: Sandbox) -> list[str]:
    sandbox.webhooks.deliver_due()
    return [name for name in inbox.types() if name.startswith("charge.dispute")]


def test_a_dispute_takes_the_money_and_a_fee_at_once(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    paid, dispute = _disputed(ncal, sandbox)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 4210)
    assert (dispute.payment_intent, dispute.charge) == (paid.id, paid.latest_charge)
    assert dispute.evidence_details.due_by == dispute.created + 14 * 86400
    (movement,) = dispute.balance_transactions
    assert (movement.amount, movement.fee, movement.net) == (-4210, 1500, -5710)
    assert ncal.v1.charges.retrieve(str(paid.latest_charge)).disputed is True
    assert _dispute_events(inbox, sandbox) == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    (line,) = sandbox.charges()
    assert (line.charged_cents, line.disputed_cents, line.net_cents) == (4210, 4210, 0)
    assert line.fee_cents == 152 + 1500


def test_won_it_brings_the_money_back_but_not_the_fee(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    _, dispute = _disputed(ncal, sandbox)
    sandbox.bank.decide_dispute("ncal", dispute.id, won=True)
    won = ncal.v1.disputes.retrieve(dispute.id)
    assert (won.status, [m.net for m in won.balance_transactions]) == ("won", [-5710, 4210])
    assert [m.reporting_category for m in won.balance_transactions] == ["dispute", "dispute_reversal"]
    assert _dispute_events(inbox, sandbox)[2:] == [
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]
    (line,) = sandbox.charges()
    assert (line.disputed_cents, line.net_cents, line.fee_cents) == (0, 4210, 1652)


@pytest.mark.parametrize("how", ["decided", "accepted", "unanswered"])
def test_lost_it_stays_taken(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox, how: str
) -> None:
    _, dispute = _disputed(ncal, sandbox)
    if how == "decided":
        sandbox.bank.decide_dispute("ncal", dispute.id, won=False)
    elif how == "accepted":
        assert ncal.v1.disputes.close(dispute.id).status == "lost"
    else:
        sandbox.shift_clock(timedelta(days=15))
    assert ncal.v1.disputes.retrieve(dispute.id).status == "lost"
    assert _dispute_events(inbox, sandbox)[2:] == ["charge.dispute.closed"]
    assert [line.net_cents for line in sandbox.charges()] == [0]


@pytest.mark.parametrize(("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_published_evidence_decides_a_dispute(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox, text: str, status: str
) -> None:
    _, dispute = _disputed(ncal, sandbox)
    answered = ncal.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})
    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
    assert ncal.v1.disputes.retrieve(dispute.id).status == status
    assert _dispute_events(inbox, sandbox)[2] == "charge.dispute.updated"
    with pytest.raises(stripe.InvalidRequestError, match="can no longer be updated"):
        ncal.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "x"}})


def test_evidence_can_be_gathered_before_it_is_submitted(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    _, dispute = _disputed(ncal, sandbox)
    drafted = ncal.v1.disputes.update(
        dispute.id, {"evidence": {"customer_name": "Ana"}, "submit": False, "metadata": {"case": "7"}}
    )
    assert (drafted.status, drafted.evidence.customer_name) == ("needs_response", "Ana")
    assert drafted.evidence_details.has_evidence is True
    assert ncal.v1.disputes.update(dispute.id, {"submit": True}).status == "under_review"
    sandbox.shift_clock(timedelta(days=30))
    assert ncal.v1.disputes.retrieve(dispute.id).status == "under_review"  # the bank takes its time


def test_what_is_disputed_is_not_refunded_as_well_until_it_is_won(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    paid, dispute = _disputed(ncal, sandbox)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ncal.v1.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_disputed"
    sandbox.bank.decide_dispute("ncal", dispute.id, won=True)
    assert ncal.v1.refunds.create({"payment_intent": paid.id}).amount == 4210
    assert [line.net_cents for line in sandbox.charges()] == [0]


def test_only_the_rest_of_a_refunded_payment_is_disputed(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    paid = pay(ncal, cents=1000)
    ncal.v1.refunds.create({"payment_intent": paid.id, "amount": 400})
    assert sandbox.bank.open_dispute("ncal", paid.id)["amount"] == 600
    assert [line.net_cents for line in sandbox.charges()] == [0]
    whole = pay(ncal, cents=1000)
    ncal.v1.refunds.create({"payment_intent": whole.id})
    with pytest.raises(ValueError, match="nothing to dispute"):
        sandbox.bank.open_dispute("ncal", whole.id)


def test_a_bank_may_take_more_than_is_left(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    paid = pay(ncal, cents=1000)
    ncal.v1.refunds.create({"payment_intent": paid.id, "amount": 400})
    assert sandbox.bank.open_dispute("ncal", paid.id, cents=1000)["amount"] == 1000
    assert [line.net_cents for line in sandbox.charges()] == [-400]


def test_a_test_card_disputes_by_itself(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    paid = pay(ncal, "pm_card_createDispute")
    pay(ncal, "pm_card_createDisputeProductNotReceived")
    assert ncal.v1.disputes.list().data == []
    sandbox.shift_clock(timedelta(days=4))
    assert [d.reason for d in ncal.v1.disputes.list().data] == ["product_not_received", "fraudulent"]
    (mine,) = ncal.v1.disputes.list({"charge": str(paid.latest_charge)}).data
    assert mine.status == "needs_response"


def test_nobody_disputes_what_was_not_taken_or_twice(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    paid, dispute = _disputed(ncal, sandbox)
    on_its_way = debit(ncal)
    settled = debit(ncal)
    sandbox.bank.settle("ncal", settled.id)
    for intent, why in (
        (paid.id, "disputed already"),
        (on_its_way.id, "was taken"),
        (settled.id, "returned, not disputed"),
    ):
        with pytest.raises(ValueError, match=why):
            sandbox.bank.open_dispute("ncal", intent)
    sandbox.bank.decide_dispute("ncal", dispute.id, won=False)
    with pytest.raises(ValueError, match="is decided"):
        sandbox.bank.decide_dispute("ncal", dispute.id, won=True)
    with pytest.raises(KeyError):
        sandbox.bank.open_dispute("ncal", str(create(ncal).latest_charge))
    with pytest.raises(KeyError):
        sandbox.bank.open_dispute("georgia", paid.id)
    assert [line.disputed_cents for line in sandbox.charges()] == [4210, 0, 0]
