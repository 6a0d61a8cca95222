"""Disputes: the payer's bank takes a payment back. For a card we can answer; a debit's is final."""

from __future__ import annotations

from typing import Any

import stripe

from demo.stripe import agenda, render
from demo.stripe.errors import invalid
from demo.stripe.ids import new_id
from demo.stripe.resources import balance, payment_methods
from demo.stripe.resources.common import merge_metadata
from demo.stripe.routing import Call, route
from demo.stripe.store import Object

ANSWER_WITHIN_SECONDS = 14 * 86400
# docs.stripe.com/testing: evidence that decides a test dispute.
_VERDICTS = {"winning_evidence": True, "losing_evidence": False}
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}  # Visa's
_TEXTS = tuple(
    name
    for name in stripe.Dispute.Evidence.__annotations__
    if name not in ("appeal", "enhanced_evidence") and not name.startswith("_")
)


def open_by_cardholder(call: Call, charge: Object, *, reason: str, cents: int | None = None) -> Object:
    """Open a dispute that can be answered, for what was not refunded or for `cents`.

    Raises ValueError for a charge that was not taken, is disputed already, or has nothing left.
    """
    _check_disputable(charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = left if cents is None else cents
    if not 1 <= amount <= charge["amount_captured"]:
        raise ValueError(f"there is nothing to dispute: {left} cents are left of this payment")
    card = charge["payment_method_details"].get("card")
    if card is None:
        raise ValueError("a bank payment is returned, not disputed")
    dispute = _dispute(call, charge, amount, reason, "needs_response")
    dispute["network_reason_code"] = _NETWORK_CODES.get(reason)
    dispute["payment_method_details"] = {
        "card": {
            "brand": card["brand"],
            "case_type": "chargeback",
            "network": card["network"],
            "network_reason_code": dispute["network_reason_code"],
        },
        "type": "card",
    }
    due = call.now + ANSWER_WITHIN_SECONDS
    dispute["evidence_details"]["due_by"] = due
    _withdraw(call, dispute, charge)
    agenda.schedule(call, "dispute_unanswered", dispute["id"], due)
    return dispute


def open_lost(call: Call, charge: Object, *, reason: str, network_code: str | None) -> Object:
    """A settled bank debit comes back: a dispute that is lost as it begins."""
    _check_disputable(charge)
    dispute = _dispute(call, charge, charge["amount"], reason, "lost")
    dispute["network_reason_code"] = network_code
    _withdraw(call, dispute, charge)
    call.emit("charge.dispute.closed", dispute)
    return dispute


def _check_disputable(charge: Object) -> None:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise ValueError("only a payment that was taken can be disputed")
    if charge["disputed"]:
        raise ValueError("this payment is or was disputed already")


def _dispute(call: Call, charge: Object, cents: int, reason: str, status: str) -> Object:
    return {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": cents,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_TEXTS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": None,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": None,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": None,
        "reason": reason,
        "status": status,
    }


def _withdraw(call: Call, dispute: Object, charge: Object) -> None:
    call.save({**charge, "disputed": True})
    _move(call, dispute, -dispute["amount"], fee=balance.DISPUTE_FEE_CENTS, category="dispute")
    call.emit("charge.dispute.created", dispute)
    call.emit("charge.dispute.funds_withdrawn", dispute)


def _move(call: Call, dispute: Object, cents: int, *, fee: int, category: str) -> None:
    movement = balance.book(call, "adjustment", dispute, cents, fee_cents=fee, category=category)
    if fee:
        movement["fee_details"] = balance.fee_details(fee, "Dispute fee")
        call.save(movement)
    dispute["balance_transactions"].append(render.public(movement))
    call.save(dispute)


@agenda.act("dispute")
def open_as_prescribed(call: Call, charge_id: str) -> None:
    """The cardholder of a test card that disputes everything."""
    charge = call.load("charge", charge_id)
    method = call.load("payment_method", charge["payment_method"])
    reason = payment_methods.test_card(method).dispute_reason
    left = charge["amount_captured"] - charge["amount_refunded"]
    if reason and left > 0 and not charge["disputed"]:
        open_by_cardholder(call, charge, reason=reason)


@agenda.act("dispute_unanswered")
def lapse(call: Call, dispute_id: str) -> None:
    dispute = call.load("dispute", dispute_id)
    if dispute["status"] == "needs_response":
        dispute["evidence_details"]["past_due"] = True
        decide(call, dispute, won=False)


@agenda.act("dispute_verdict")
def decide_as_prescribed(call: Call, dispute_id: str) -> None:
    """Test evidence decides a dispute soon after it was submitted."""
    dispute = call.load("dispute", dispute_id)
    won = _VERDICTS.get(str(dispute["evidence"]["uncategorized_text"]))
    if dispute["status"] == "under_review" and won is not None:
        decide(call, dispute, won=won)


def decide(call: Call, dispute: Object, *, won: bool) -> Object:
    """The bank's last word. Raises ValueError where it was spoken before."""
    if dispute["status"] not in ("needs_response", "under_review"):
        raise ValueError(f"this dispute is decided: {dispute['status']}")
    dispute.update(status="won" if won else "lost", is_charge_refundable=won)
    call.save(dispute)
    if won:
        _move(call, dispute, dispute["amount"], fee=0, category="dispute_reversal")
    call.emit("charge.dispute.closed", dispute)
    if won:
        call.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def of_charge(call: Call, charge_id: str) -> Object | None:
    return next(iter(call.find("dispute", {"charge": charge_id})), None)


@route("POST", "/v1/disputes/{dispute}", "evidence metadata submit")
def update(call: Call) -> Object:
    """Give evidence; unless `submit` is false it goes to the bank at once, and only once."""
    dispute = call.load("dispute", call.ids[0])
    dispute["metadata"] = merge_metadata(dispute["metadata"], call.params.get("metadata"))
    evidence = call.params.get("evidence")
    submit = call.params.get("submit", evidence is not None)
    if evidence is not None or submit:
        _check_answerable(dispute)
        _take_evidence(dispute, evidence or {})
    if submit:
        dispute["status"] = "under_review"
        dispute["evidence_details"].update(submission_count=1, submission_method="manual")
        agenda.schedule(call, "dispute_verdict", dispute["id"], call.now)
    call.emit("charge.dispute.updated", dispute)
    return call.save(dispute)


def _take_evidence(dispute: Object, given: dict[str, Any]) -> None:
    texts = {name: value or None for name, value in given.items() if name in _TEXTS}
    dispute["evidence"].update(texts)
    dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"][n] for n in _TEXTS)


def _check_answerable(dispute: Object) -> None:
    if dispute["status"] != "needs_response":
        raise invalid(
            "This dispute is already closed or submitted, and can no longer be updated.",
            param="evidence",
        )


@route("POST", "/v1/disputes/{dispute}/close")
def close(call: Call) -> Object:
    """Accept the dispute: it is lost, for good."""
    dispute = call.load("dispute", call.ids[0])
    if dispute["status"] != "needs_response":
        raise invalid("This dispute is already closed.", code="status_transition_invalid")
    return decide(call, dispute, won=False)


@route("GET", "/v1/disputes/{dispute}")
def retrieve(call: Call) -> Object:
    return call.load("dispute", call.ids[0])


@route("GET", "/v1/disputes", "charge created ending_before limit payment_intent starting_after")
def list_disputes(call: Call) -> Object:
    names = ("charge", "payment_intent")
    where = {name: call.params[name] for name in names if name in call.params}
    return render.page(call.find("dispute", where), call.params, call.path)
