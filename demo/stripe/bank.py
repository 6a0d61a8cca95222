"""What banks and Stripe do by themselves, done by hand instead of by the clock.

Every act is done at the sandbox's present time, writes the events Stripe would send, and raises
ValueError (in plain words) where it makes no sense, KeyError where its object does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from demo.stripe import agenda
from demo.stripe.ach import RETURNS
from demo.stripe.render import public
from demo.stripe.resources import balance, debits, disputes, microdeposits, payouts, refunds
from demo.stripe.routing import Call
from demo.stripe.store import Object

Acting = Callable[[str], AbstractContextManager[Call]]  # a call in the name of this account

DISPUTE_REASONS = (
    "fraudulent",
    "product_not_received",
    "duplicate",
    "credit_not_processed",
    "unrecognized",
    "general",
)


class Bank:
    """`account` is the Stripe account's name (`ncal`); objects are named by their ids."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    def set_pace(self, **days: int) -> None:
        """How long things take in future, as in `agenda.PACE`; 0 days is at once."""
        with self._acting("") as call:
            for name, number in days.items():
                if name not in agenda.PACE or number < 0:
                    raise ValueError(f"not a pace: {name}={number}")
                call.tx.set(name, str(int(number)))

    # Bank debits

    def settle(self, account: str, intent: str) -> Object:
        """The payer's bank pays a debit that is on its way; returns the intent."""
        with self._acting(account) as call:
            found = _find(call, intent, "payment_intent")
            debits.settle(call, found)
            return public(found)

    def return_payment(self, account: str, intent: str, code: str = "R01") -> Object:
        """The payer's bank gives a debit back with Nacha's `code`; returns the intent.

        On its way it fails; settled, it comes back as a dispute that is lost already.
        """
        if code not in RETURNS:
            raise ValueError(f"no such return code: {code}; known are {', '.join(sorted(RETURNS))}")
        with self._acting(account) as call:
            found = _find(call, intent, "payment_intent")
            debits.give_back(call, found, RETURNS[code])
            return public(found)

    def microdeposits_arrive(self, account: str, intent: str) -> Object:
        """The two small deposits are in the account now: their owner can say what they were."""
        with self._acting(account) as call:
            found = _find(call, intent)
            if not microdeposits.is_waiting(found):
                raise ValueError("this intent is not waiting for micro-deposits")
            found["next_action"]["verify_with_microdeposits"]["arrival_date"] = call.now
            call.save(found)
            microdeposits.arrive(call, intent)
            return public(_find(call, intent))

    # Disputes of cards

    def open_dispute(
        self, account: str, charge: str, reason: str = "fraudulent", *, cents: int | None = None
    ) -> Object:
        """A cardholder disputes a charge (`ch_...` or its `pi_...`), for what was not refunded or
        for `cents`; returns the dispute."""
        with self._acting(account) as call:
            found = _find(call, charge)
            if found["object"] == "payment_intent":
                found = _find(call, str(found["latest_charge"]), "charge")
            return public(disputes.open_by_cardholder(call, found, reason=reason, cents=cents))

    def decide_dispute(self, account: str, dispute: str, *, won: bool) -> Object:
        """The cardholder's bank decides; `won` is from our side."""
        with self._acting(account) as call:
            return public(disputes.decide(call, _find(call, dispute, "dispute"), won=won))

    def expire_card(self, account: str, method: str) -> Object:
        """A card's date passes: it was good until last month. Returns the payment method."""
        with self._acting(account) as call:
            found = _find(call, method, "payment_method")
            if found["type"] != "card":
                raise ValueError("only cards expire")
            last_month = call.today.replace(day=1) - timedelta(days=1)
            found["card"] |= {"exp_month": last_month.month, "exp_year": last_month.year}
            return public(call.save(found))

    # Refunds that are under way

    def finish_refund(self, account: str, refund: str) -> Object:
        with self._acting(account) as call:
            return public(refunds.succeed(call, _find(call, refund, "refund")))

    def fail_refund(self, account: str, refund: str, reason: str = "lost_or_stolen_card") -> Object:
        """The payer's bank does not take it; the money is on our balance again."""
        with self._acting(account) as call:
            return public(refunds.fail(call, _find(call, refund, "refund"), reason))

    # Stripe and our own bank

    def payout(self, account: str) -> Object | None:
        """Pay out all that has settled, without waiting until it is available; None for nothing."""
        with self._acting(account) as call:
            for movement in list(call.find("balance_transaction", {"status": "pending"})):
                if not movement["_held"]:
                    balance.release(call, movement, call.now)
            made = payouts.create(call)
            return public(made) if made else None

    def pay_payout(self, account: str, payout: str) -> Object:
        """A payout reaches our bank account now."""
        with self._acting(account) as call:
            _insist_pending(_find(call, payout, "payout"))
            payouts.arrive(call, payout)
            return public(_find(call, payout))

    def fail_payout(self, account: str, payout: str) -> Object:
        """Our bank sends a payout back."""
        with self._acting(account) as call:
            found = _find(call, payout, "payout")
            if found["status"] == "failed":
                raise ValueError("this payout failed before")
            return public(payouts.fail(call, found))

    def charge_fee(self, account: str, cents: int, why: str = "Billing: usage fee") -> Object:
        """Stripe takes a fee that belongs to no payment; returns the balance transaction."""
        if cents < 1:
            raise ValueError("a fee is at least one cent")
        with self._acting(account) as call:
            nothing: dict[str, Any] = {"id": None, "description": why}
            return public(balance.book(call, "stripe_fee", nothing, -cents))


def _find(call: Call, object_id: str, kind: str | None = None) -> Object:
    found = call.tx.get(call.account, object_id, kind)
    if found is None:
        raise KeyError(object_id)
    return found


def _insist_pending(payout: Object) -> None:
    if payout["status"] != "pending":
        raise ValueError(f"this payout is not under way: {payout['status']}")
