"""Refunds never exceed what was captured; lists page, filter, expand and search as Stripe's do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import stripe

from demo.stripe.core import Sandbox
from tests.sandbox.conftest import Inbox
from tests.sandbox.steps import create, debit, pay


def test_a_payment_is_refunded_in_parts_up_to_what_was_taken(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    paid = pay(ncal, cents=1000)
    ncal.v1.refunds.create({"payment_intent": paid.id, "amount": 300})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        ncal.v1.refunds.create({"payment_intent": paid.id, "amount": 701})
    rest = ncal.v1.refunds.create({"charge": str(paid.latest_charge)})
    assert (rest.amount, rest.status) == (700, "succeeded")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ncal.v1.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"
    (charge,) = sandbox.charges()
    assert (charge.charged_cents, charge.refunded_cents) == (1000, 1000)
    assert [refund.amount_cents for refund in charge.refunds] == [300, 700]


def test_two_refunds_at_once_do_not_give_back_more_than_was_taken(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    paid = pay(ncal, cents=1000)

    def refund(_: int) -> int:
        try:
            return ncal.v1.refunds.create({"payment_intent": paid.id, "amount": 400}).amount
        except stripe.InvalidRequestError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(refund, range(8))) == 800
    assert sandbox.report()["totals"]["net_cents"] == 200


def test_a_refund_to_a_bank_account_takes_days_and_can_fail(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    paid = debit(ncal, cents=1000)
    sandbox.bank.settle("ncal", paid.id)
    refunds = [
        ncal.v1.refunds.create({"payment_intent": paid.id, "amount": cents}) for cents in (300, 700)
    ]
    assert [refund.status for refund in refunds] == ["pending", "pending"]
    assert [line.net_cents for line in sandbox.charges()] == [0]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ncal.v1.refunds.create({"payment_intent": paid.id, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    sandbox.bank.fail_refund("ncal", refunds[1].id, "lost_or_stolen_card")
    failed = ncal.v1.refunds.retrieve(refunds[1].id)
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert failed.failure_balance_transaction is not None
    assert [line.net_cents for line in sandbox.charges()] == [700]
    sandbox.shift_clock(timedelta(days=7))
    assert ncal.v1.refunds.retrieve(refunds[0].id).status == "succeeded"
    assert ncal.v1.refunds.create({"payment_intent": paid.id}).amount == 700
    sandbox.webhooks.deliver_due()
    assert [name for name in inbox.types() if name.startswith("refund.")] == [
        *("refund.created", "refund.created", "refund.updated", "refund.failed"),
        *("refund.updated", "refund.created"),
    ]


def test_a_card_may_take_its_refund_late_or_send_it_back(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    late, bounced = pay(ncal, "pm_card_pendingRefund"), pay(ncal, "pm_card_refundFail")
    refunds = [ncal.v1.refunds.create({"payment_intent": paid.id}) for paid in (late, bounced)]
    assert [refund.status for refund in refunds] == ["pending", "succeeded"]
    sandbox.shift_clock(timedelta(days=7))
    after = [ncal.v1.refunds.retrieve(refund.id) for refund in refunds]
    assert [refund.status for refund in after] == ["succeeded", "failed"]
    assert after[1].failure_reason == "expired_or_canceled_card"
    assert [line.net_cents for line in sandbox.charges()] == [0, 4210]


def test_a_refund_arrives_or_fails_once(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    paid = debit(ncal)
    sandbox.bank.settle("ncal", paid.id)
    refund = ncal.v1.refunds.create({"payment_intent": paid.id, "amount": 100}).id
    sandbox.bank.finish_refund("ncal", refund)
    with pytest.raises(ValueError, match="not under way"):
        sandbox.bank.finish_refund("ncal", refund)
    sandbox.bank.fail_refund("ncal", refund)  # a bank may send it back after it arrived
    with pytest.raises(ValueError, match="cannot fail any more"):
        sandbox.bank.fail_refund("ncal", refund)
    assert [line.net_cents for line in sandbox.charges()] == [4210]


def test_nothing_taken_is_nothing_to_refund(ncal: stripe.StripeClient) -> None:
    held = pay(ncal, capture_method="manual")
    for intent in (create(ncal), held):
        with pytest.raises(stripe.InvalidRequestError):
            ncal.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError, match="no captured payment"):
        ncal.v1.refunds.create({"charge": str(held.latest_charge)})


def test_lists_come_newest_first_in_pages(ncal: stripe.StripeClient) -> None:
    made = [create(ncal).id for _ in range(5)]
    newest = list(reversed(made))
    first = ncal.v1.payment_intents.list({"limit": 2})
    assert ([i.id for i in first.data], first.has_more) == (newest[:2], True)
    last = ncal.v1.payment_intents.list({"limit": 3, "starting_after": newest[1]})
    assert ([i.id for i in last.data], last.has_more) == (newest[2:], False)
    back = ncal.v1.payment_intents.list({"limit": 2, "ending_before": newest[3]})
    assert ([i.id for i in back.data], back.has_more) == (newest[1:3], True)
    assert [i.id for i in ncal.v1.payment_intents.list({"limit": 2}).auto_paging_iter()] == newest
    for limit in (0, 101):
        with pytest.raises(stripe.InvalidRequestError):
            ncal.v1.payment_intents.list({"limit": limit})


def test_lists_filter_by_date(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    old = create(ncal)
    sandbox.shift_clock(timedelta(days=1))
    new = create(ncal)
    since = ncal.v1.payment_intents.list({"created": {"gt": old.created, "lte": new.created}})
    assert [intent.id for intent in since.data] == [new.id]


def test_search_finds_a_payment_by_our_reference(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    wanted = create(ncal, metadata={"payment": "p_wanted"})
    create(ncal, metadata={"payment": "p_other"})
    paid = pay(ncal, metadata={"payment": "p_wanted"})
    search = ncal.v1.payment_intents.search
    assert {i.id for i in search({"query": "metadata['payment']:'p_wanted'"}).data} == {
        wanted.id,
        paid.id,
    }
    both = "metadata['payment']:'p_wanted' AND status:'succeeded' AND amount>=4210"
    assert [i.id for i in search({"query": both}).data] == [paid.id]
    assert search({"query": "metadata['payment']:'p_'"}).data == []
    for bad in ("", "status", "colour:'red'", "status:'x' OR status:'y'", "metadata['a']"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            search({"query": bad})
        assert refused.value.param == "query"


def test_references_expand_to_objects(ncal: stripe.StripeClient) -> None:
    paid = pay(ncal)
    found = ncal.v1.payment_intents.retrieve(paid.id, {"expand": ["latest_charge", "payment_method"]})
    assert isinstance(found.latest_charge, stripe.Charge)
    assert isinstance(found.payment_method, stripe.PaymentMethod)
    assert found.latest_charge.amount_captured == 4210
    listed = ncal.v1.payment_intents.list({"expand": ["data.latest_charge"]})
    assert isinstance(listed.data[0].latest_charge, stripe.Charge)


@pytest.mark.parametrize("path", ["colour", "amount", "data.latest_charge"])
def test_what_is_no_reference_does_not_expand(ncal: stripe.StripeClient, path: str) -> None:
    retrieve: Callable[..., object] = ncal.v1.payment_intents.retrieve
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        retrieve(pay(ncal).id, {"expand": [path]})
