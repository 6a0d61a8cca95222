"""What goes wrong goes wrong on the side it was asked for: before acting, or after."""

from typing import Any

import pytest
import stripe

from demo.stripe.core import Sandbox
from tests.sandbox.steps import RETURN_URL, create

CONFIRM = "POST /v1/payment_intents/*/confirm"


def _confirm(client: stripe.StripeClient, intent: str, key: str = "a:confirm") -> str:
    return client.v1.payment_intents.confirm(
        intent,
        {"payment_method": "pm_card_visa", "return_url": RETURN_URL},
        {"idempotency_key": key},
    ).status


@pytest.mark.parametrize("kind", ["act_then_stall", "reset_mid_body"])
def test_an_answer_lost_after_charging_is_found_by_asking_and_by_the_key(
    ncal: stripe.StripeClient, sandbox: Sandbox, kind: str
) -> None:
    intent = create(ncal)
    sandbox.faults.add(CONFIRM, kind)
    with pytest.raises(stripe.APIConnectionError):
        _confirm(ncal, intent.id)
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]
    assert ncal.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert _confirm(ncal, intent.id) == "succeeded"
    assert len(sandbox.charges()) == 1


def test_a_connection_dropped_before_acting_charged_nothing(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = create(ncal)
    sandbox.faults.add(CONFIRM, "drop_before")
    with pytest.raises(stripe.APIConnectionError):
        _confirm(ncal, intent.id)
    assert sandbox.charges() == []
    assert _confirm(ncal, intent.id) == "succeeded"


def test_a_500_after_charging_is_replayed_by_its_key(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = create(ncal)
    sandbox.faults.add(CONFIRM, "act_then_500")
    for _ in range(3):
        with pytest.raises(stripe.APIError) as broken:
            _confirm(ncal, intent.id)
        assert broken.value.http_status == 500
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]
    assert ncal.v1.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("conflict_409", stripe.APIError, 409),
        ("rate_429", stripe.RateLimitError, 429),
        ("down_503", stripe.APIError, 503),
    ],
)
def test_turned_away_before_acting_nothing_is_done_and_the_key_stays_free(
    ncal: stripe.StripeClient,
    sandbox: Sandbox,
    kind: str,
    error: type[stripe.StripeError],
    status: int,
) -> None:
    intent = create(ncal)
    sandbox.faults.add(CONFIRM, kind, times=2)
    for _ in range(2):
        with pytest.raises(error) as turned_away:
            _confirm(ncal, intent.id)
        assert turned_away.value.http_status == status
    assert sandbox.charges() == []
    assert _confirm(ncal, intent.id) == "succeeded"


def test_the_sdks_own_retries_get_through(connect: Any, sandbox: Sandbox) -> None:
    patient = connect("ncal", retries=2)
    intent = create(patient)
    sandbox.faults.add(CONFIRM, "conflict_409")
    assert _confirm(patient, intent.id) == "succeeded"
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]


def test_a_fault_strikes_what_it_matches_as_often_as_it_was_told(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add("GET /v1/events*", "down_503", times=2)
    create(ncal)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            ncal.v1.events.list()
    assert len(ncal.v1.events.list().data) == 1
    sandbox.faults.add("GET /v1/events*", "down_503")
    sandbox.faults.clear()
    assert sandbox.faults.waiting() == []
    assert len(ncal.v1.events.list().data) == 1


def test_seeded_faults_repeat(sandbox: Sandbox) -> None:
    def run(seed: int) -> list[bool]:
        sandbox.faults.clear()
        sandbox.faults.add("GET *", "down_503", times=100, probability=0.5, seed=seed)
        return [sandbox.faults.strike("GET", f"/v1/{n}") is not None for n in range(40)]

    assert run(7) == run(7)
    assert run(7) != run(8)
    assert 5 < sum(run(7)) < 35


@pytest.mark.parametrize(
    "given",
    [{"kind": "fire"}, {"times": 0}, {"seconds": -1}, {"probability": 0}, {"match": "POST"}],
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        sandbox.faults.add(**{"match": CONFIRM, "kind": "down_503", **given})
    assert sandbox.faults.waiting() == []
