"""The bank's question (3-D Secure): answered in the browser, never by our server."""

from __future__ import annotations

from demo.stripe.errors import invalid, missing
from demo.stripe.resources import payment_intents, setup_intents
from demo.stripe.routing import Call, Keys, route
from demo.stripe.store import Object


@route("POST", "/v1/challenges", "client_secret intent outcome", keys=Keys.BROWSER)
def answer(call: Call) -> Object:
    """`outcome` is `complete` or `fail`; the intent goes on, or falls back."""
    intent_id, outcome = call.params.get("intent"), call.params.get("outcome")
    if outcome not in ("complete", "fail"):
        raise invalid("Invalid outcome: must be one of complete, or fail", param="outcome")
    found = call.tx.get(call.account, str(intent_id))
    if found is None or found.get("client_secret") != call.client_secret:
        raise missing("intent", str(intent_id), param="intent")
    if found["status"] != "requires_action":
        raise invalid("This intent is not waiting for its cardholder.", param="intent")
    resource = payment_intents if found["object"] == "payment_intent" else setup_intents
    return resource.authenticated(call, found, passed=outcome == "complete")
