"""Events, listed for 30 days whether or not their webhooks arrived."""

from __future__ import annotations

from demo.stripe import render
from demo.stripe.errors import missing
from demo.stripe.routing import Call, route
from demo.stripe.store import Object

LIFE_SECONDS = 30 * 24 * 3600


@route("GET", "/v1/events/{id}")
def retrieve(call: Call) -> Object:
    event = call.load("event", call.ids[0])
    if event["created"] < call.now - LIFE_SECONDS:
        raise missing("event", call.ids[0])
    return event


@route(
    "GET",
    "/v1/events",
    "created delivery_success ending_before limit starting_after type types",
)
def list_events(call: Call) -> Object:
    young = (e for e in call.find("event") if e["created"] >= call.now - LIFE_SECONDS)
    return render.page((e for e in young if _wanted(call, e)), call.params, call.path)


def _wanted(call: Call, event: Object) -> bool:
    types = call.params.get("types") or [call.params.get("type", "*")]
    named = any(
        wanted in ("*", event["type"])
        or (wanted.endswith(".*") and event["type"].startswith(wanted[:-1]))
        for wanted in types
    )
    if not named or "delivery_success" not in call.params:
        return named
    return (event["pending_webhooks"] == 0) is call.params["delivery_success"]
