"""Every cent that moves is on the balance, with its fee; what is available is paid out and adds up."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from demo.stripe.core import Sandbox
from demo.stripe.resources import balance
from tests.sandbox.conftest import Inbox
from tests.sandbox.steps import debit, pay

A_WEEK = timedelta(days=7)


def _movements(client: stripe.StripeClient, **given: Any) -> list[stripe.BalanceTransaction]:
    """Oldest first."""
    return client.v1.balance_transactions.list({"limit": 100, **given}).data[::-1]


def _rows(client: stripe.StripeClient, **given: Any) -> list[tuple[str, int, int, int]]:
    return [(m.type, m.amount, m.fee, m.net) for m in _movements(client, **given)]


@pytest.mark.parametrize(
    ("cents", "card", "bank"),
    [(50, 31, 0), (100, 33, 1), (4210, 152, 34), (62_400, 1840, 499), (62_500, 1843, 500)],
)
def test_fees_are_rounded_to_the_cent_and_a_debits_is_capped(cents: int, card: int, bank: int) -> None:
    assert (balance.card_fee(cents), balance.debit_fee(cents)) == (card, bank)
    assert balance.debit_fee(10_000_000) == 500


def test_each_movement_has_its_type_its_sign_and_its_fee(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    card = pay(ncal, cents=10_000)
    ncal.v1.refunds.create({"payment_intent": card.id, "amount": 2500})
    bank = debit(ncal, cents=5000)
    failed = debit(ncal, cents=3000)
    sandbox.bank.settle("ncal", bank.id)
    ncal.v1.refunds.create({"payment_intent": bank.id, "amount": 1000})
    sandbox.bank.return_payment("ncal", failed.id)
    sandbox.bank.charge_fee("ncal", 200)
    assert _rows(ncal) == [
        ("charge", 10_000, 320, 9680),
        ("refund", -2500, 0, -2500),
        ("payment", 5000, 40, 4960),
        ("payment", 3000, 24, 2976),
        ("payment_refund", -1000, 0, -1000),
        ("payment_failure_refund", -3000, -24, -2976),
        ("stripe_fee", -200, 0, -200),
    ]
    assert [m.reporting_category for m in _movements(ncal)] == [
        *("charge", "refund", "charge", "charge", "refund", "charge_failure", "fee"),
    ]
    charge = ncal.v1.charges.retrieve(str(card.latest_charge), {"expand": ["balance_transaction"]})
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert charge.balance_transaction.source == charge.id
    returned = ncal.v1.charges.retrieve(str(failed.latest_charge))
    assert returned.failure_balance_transaction is not None


def test_a_failed_debit_leaves_nothing_behind(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    debit(ncal, "insufficientFunds")
    sandbox.shift_clock(A_WEEK)
    assert sum(row[3] for row in _rows(ncal)) == 0
    assert ncal.v1.payouts.list().data == []
    now = ncal.v1.balance.retrieve()
    assert (now.available[0].amount, now.pending[0].amount) == (0, 0)


def test_money_is_pending_for_two_business_days_and_a_debits_until_it_settles(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    pay(ncal)
    slow = debit(ncal, "processing", cents=5000)
    (card, bank) = _movements(ncal)
    assert (card.status, bank.status) == ("pending", "pending")
    assert card.available_on > card.created + 86400
    now = ncal.v1.balance.retrieve()
    assert (now.available[0].amount, now.pending[0].amount) == (0, 4058 + 4960)
    sandbox.shift_clock(timedelta(days=30))
    (card, bank, payout) = _movements(ncal)
    assert (card.status, bank.status, payout.type) == ("available", "pending", "payout")
    sandbox.bank.settle("ncal", slow.id)
    assert ncal.v1.balance_transactions.retrieve(bank.id).status == "available"


def test_payouts_are_made_by_themselves_and_are_the_sum_of_their_parts(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    first = pay(ncal, cents=10_000)
    ncal.v1.refunds.create({"payment_intent": first.id, "amount": 500})
    debit(ncal, cents=7000)
    sandbox.shift_clock(timedelta(days=14))
    payouts = ncal.v1.payouts.list().data
    # The refund's midnight comes first, but takes nothing out of an empty balance.
    assert [payout.status for payout in payouts] == ["paid", "paid"]
    assert sum(payout.amount for payout in payouts) == 9680 - 500 + 6944
    for payout in payouts:
        assert payout.automatic is True
        assert payout.arrival_date > payout.created
        parts = _movements(ncal, payout=payout.id)
        assert [part.source for part in parts if part.type == "payout"] == [payout.id]
        assert sum(part.net for part in parts if part.type != "payout") == payout.amount
        assert sum(part.net for part in parts) == 0
    assert ncal.v1.balance.retrieve().available[0].amount == 0
    sandbox.webhooks.deliver_due()
    assert inbox.types().count("payout.paid") == 2


def test_a_balance_below_zero_pays_nothing_out_until_it_has_recovered(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    paid = pay(ncal, cents=1000)
    assert sandbox.bank.payout("ncal") is not None
    ncal.v1.refunds.create({"payment_intent": paid.id})
    assert ncal.v1.balance.retrieve().available[0].amount == -1000
    assert sandbox.bank.payout("ncal") is None
    pay(ncal, cents=5000)
    made = sandbox.bank.payout("ncal")
    assert made is not None
    assert made["amount"] == 5000 - balance.card_fee(5000) - 1000


def test_a_payout_that_fails_comes_back_and_goes_out_again(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    pay(ncal)
    made = sandbox.bank.payout("ncal")
    assert made is not None
    failed = sandbox.bank.fail_payout("ncal", made["id"])
    assert (failed["status"], failed["failure_code"]) == ("failed", "could_not_process")
    again = sandbox.bank.payout("ncal")
    assert again is not None
    assert again["amount"] == made["amount"] == 4058
    sandbox.bank.pay_payout("ncal", again["id"])
    for status, ids in (("failed", [made["id"]]), ("paid", [again["id"]]), ("pending", [])):
        assert [p.id for p in ncal.v1.payouts.list({"status": status}).data] == ids
    with pytest.raises(ValueError, match="not under way"):
        sandbox.bank.pay_payout("ncal", again["id"])
    with pytest.raises(ValueError, match="failed before"):
        sandbox.bank.fail_payout("ncal", made["id"])
    sandbox.webhooks.deliver_due()
    names = [name for name in inbox.types() if name in ("payout.failed", "payout.paid")]
    assert names == ["payout.failed", "payout.paid"]


def test_movements_are_filtered_by_type_source_currency_and_date(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    first = pay(ncal)
    sandbox.shift_clock(timedelta(hours=1))
    ncal.v1.refunds.create({"payment_intent": first.id, "amount": 100})
    (charge, refund) = _movements(ncal)
    assert [m.id for m in _movements(ncal, type="refund")] == [refund.id]
    assert [m.id for m in _movements(ncal, source=str(first.latest_charge))] == [charge.id]
    assert [m.id for m in _movements(ncal, created={"lt": refund.created})] == [charge.id]
    assert len(_movements(ncal, currency="usd")) == 2
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        _movements(ncal, payout="po_unknown")


def test_a_payout_is_found_by_its_arrival(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    pay(ncal)
    made = sandbox.bank.payout("ncal")
    assert made is not None
    day: Any = {"gte": made["arrival_date"], "lte": made["arrival_date"]}
    assert [p.id for p in ncal.v1.payouts.list({"arrival_date": day}).data] == [made["id"]]
    assert ncal.v1.payouts.list({"arrival_date": {"lt": made["arrival_date"]}}).data == []


def test_one_accounts_money_is_not_anothers(
    ncal: stripe.StripeClient, connect: Any, sandbox: Sandbox
) -> None:
    pay(ncal)
    made = sandbox.bank.payout("ncal")
    assert made is not None
    georgia = connect("georgia")
    assert georgia.v1.balance.retrieve().pending[0].amount == 0
    assert georgia.v1.balance_transactions.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        georgia.v1.payouts.retrieve(made["id"])


def test_wrongs_can_be_planted_for_a_reconciliation_to_find(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    known, forgotten = pay(ncal, cents=1000), pay(ncal, cents=2000)
    sandbox.webhooks.deliver_due()
    inbox.letters.clear()
    planted = sandbox.plant.unknown_charge("ncal", str(known.latest_charge), reference="p_lost")
    assert planted["id"] != known.latest_charge
    sandbox.plant.missing_charge("ncal", str(forgotten.latest_charge))
    sandbox.plant.altered_fee("ncal", str(known.latest_charge), 61)
    assert _rows(ncal) == [("charge", 1000, 61, 939), ("charge", 1000, 59, 941)]
    assert [(c.payment, c.charged_cents) for c in sandbox.charges()] == [
        ("p_1", 1000),
        ("p_lost", 1000),
    ]
    with pytest.raises(stripe.InvalidRequestError, match="No such"):
        ncal.v1.payment_intents.retrieve(forgotten.id)
    payout = sandbox.bank.payout("ncal")
    assert payout is not None
    inbox.letters.clear()
    crooked = sandbox.plant.crooked_payout("ncal", payout["id"], off_by=7)
    parts = _movements(ncal, payout=payout["id"])
    assert crooked["amount"] - sum(p.net for p in parts if p.type != "payout") == 7
    assert ncal.v1.payouts.retrieve(payout["id"]).amount == 939 + 941 + 7
