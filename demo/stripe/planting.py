"""Wrongs on purpose, for tests of reconciliation: the book is bent behind everybody's back.

No event is sent. The witness (report.py) reads the same book, and so sees what was planted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from demo.stripe.ids import new_id
from demo.stripe.render import public
from demo.stripe.resources import balance
from demo.stripe.routing import Call
from demo.stripe.store import Object

Acting = Callable[[str], AbstractContextManager[Call]]


class Planting:
    """`account` is the Stripe account's name (`ncal`); objects are named by their ids."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    def unknown_charge(self, account: str, like: str, *, reference: str | None = None) -> Object:
        """A second charge, like the charge `like`, that nobody on our side asked for.

        It is named by `reference` in its metadata, or by nothing; returns the charge.
        """
        with self._acting(account) as call:
            model = call.load("charge", like)
            intent = call.load("payment_intent", model["payment_intent"])
            metadata = {"payment": reference} if reference else {}
            charge = {**model, "id": new_id("ch"), "created": call.now, "metadata": metadata}
            intent |= {"id": new_id("pi"), "created": call.now, "metadata": metadata}
            charge["payment_intent"], intent["latest_charge"] = intent["id"], charge["id"]
            balance.book_charge(call, charge, charge["amount"])
            call.save(intent)
            return public(call.save(charge))

    def missing_charge(self, account: str, charge: str) -> None:
        """Stripe forgets a charge, its intent and everything it did to the balance."""
        with self._acting(account) as call:
            found = call.load("charge", charge)
            for movement in list(call.find("balance_transaction", {"source": charge})):
                call.tx.delete(account, movement["id"])
            call.tx.delete(account, found["payment_intent"])
            call.tx.delete(account, charge)

    def altered_fee(self, account: str, charge: str, cents: int) -> Object:
        """Stripe keeps another fee for a charge than it should; returns the balance transaction."""
        with self._acting(account) as call:
            found = call.load("charge", charge)
            movement = call.load("balance_transaction", found["balance_transaction"])
            movement |= {
                "fee": cents,
                "fee_details": balance.fee_details(cents, "Stripe processing fees"),
                "net": movement["amount"] - cents,
            }
            return public(call.save(movement))

    def crooked_payout(self, account: str, payout: str, *, off_by: int) -> Object:
        """A payout says `off_by` cents more than its parts add up to; returns the payout."""
        with self._acting(account) as call:
            found = call.load("payout", payout)
            movement = call.load("balance_transaction", found["balance_transaction"])
            found["amount"] += off_by
            movement |= {"amount": -found["amount"], "net": -found["amount"]}
            call.save(movement)
            return public(call.save(found))
