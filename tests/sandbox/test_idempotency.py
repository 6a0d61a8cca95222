"""A key makes a request the same request: saved, replayed, guarded, and forgotten after a day."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import stripe

from demo.stripe import idempotency
from demo.stripe.accounts import Caller
from demo.stripe.core import Sandbox
from demo.stripe.exchange import Request
from tests.sandbox.steps import RETURN_URL, create

CONFIRM = {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
CREATE = {"amount": 4210, "currency": "usd", "metadata": {"payment": "p_1"}}


def _headers(client: stripe.StripeClient, obj: stripe.StripeObject) -> dict[str, str]:
    assert obj.last_response is not None
    return {name.lower(): value for name, value in obj.last_response.headers.items()}


def test_the_same_key_gives_the_same_intent(ncal: stripe.StripeClient) -> None:
    first = ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a:create"})
    again = ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a:create"})
    assert again.id == first.id
    headers = _headers(ncal, again)
    assert headers["idempotent-replayed"] == "true"
    assert headers["original-request"] == _headers(ncal, first)["request-id"]
    assert "idempotent-replayed" not in _headers(ncal, first)
    assert len(ncal.v1.payment_intents.list().data) == 1


def test_confirming_twice_under_one_key_charges_once(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = create(ncal)
    statuses = [
        ncal.v1.payment_intents.confirm(intent.id, CONFIRM, {"idempotency_key": "a:confirm"}).status
        for _ in range(3)
    ]
    assert statuses == ["succeeded"] * 3
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]


def test_a_decline_is_replayed_too(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    intent = create(ncal)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            ncal.v1.payment_intents.confirm(
                intent.id,
                {**CONFIRM, "payment_method": "pm_card_visa_chargeDeclined"},
                {"idempotency_key": "a:confirm"},
            )
    assert len(sandbox.charges()) == 1
    assert [r["replayed"] for r in sandbox.requests() if r["path"].endswith("/confirm")] == [
        False,
        True,
    ]


def test_other_parameters_or_another_endpoint_under_a_key_are_an_error(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"})
    with pytest.raises(stripe.IdempotencyError):
        ncal.v1.payment_intents.create({**CREATE, "amount": 4211}, {"idempotency_key": "a"})
    with pytest.raises(stripe.IdempotencyError):
        ncal.v1.payment_intents.confirm(intent.id, CONFIRM, {"idempotency_key": "a"})
    assert sandbox.charges() == []


def test_the_order_of_parameters_does_not_matter(ncal: stripe.StripeClient) -> None:
    first = ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"})
    turned = dict(reversed(CREATE.items()))
    again = ncal.v1.payment_intents.create(turned, {"idempotency_key": "a"})  # type: ignore[arg-type]
    assert again.id == first.id


def test_keys_belong_to_their_account(
    connect: object, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    georgia = connect("georgia")  # type: ignore[operator]
    ours = ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"})
    theirs = georgia.v1.payment_intents.create(CREATE, {"idempotency_key": "a"})
    assert ours.id != theirs.id


def test_a_refused_parameter_leaves_the_key_free(ncal: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        ncal.v1.payment_intents.create({"amount": 4210}, {"idempotency_key": "a"})  # type: ignore[typeddict-item]
    made = ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"})
    assert made.amount == 4210


def test_a_refusal_of_execution_is_saved(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    intent = create(ncal)
    token = {"confirmation_token": "ctoken_unknown", "return_url": RETURN_URL}
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError):
            ncal.v1.payment_intents.confirm(intent.id, token, {"idempotency_key": "a"})
    assert [r["replayed"] for r in sandbox.requests()][1:] == [False, True]


def test_after_24_hours_a_key_makes_a_new_request(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    first = ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"})
    sandbox.shift_clock(timedelta(hours=23, minutes=59))
    assert ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"}).id == first.id
    sandbox.shift_clock(timedelta(minutes=2))
    assert ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"}).id != first.id


def test_a_key_in_use_is_a_conflict_until_its_request_ends(
    ncal: stripe.StripeClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed, may_act = threading.Event(), threading.Event()
    claim = sandbox._claim

    def claim_and_wait(request: Request, now: int) -> object:
        saved = claim(request, now)
        claimed.set()
        assert may_act.wait(60)
        return saved

    monkeypatch.setattr(sandbox, "_claim", claim_and_wait)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ncal.v1.payment_intents.create, CREATE, {"idempotency_key": "a"})
        assert claimed.wait(60)
        with pytest.raises(stripe.APIError) as conflict:
            ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"})
        may_act.set()
        first = slow.result()
    assert conflict.value.http_status == 409
    assert conflict.value.json_body["error"]["code"] == "idempotency_key_in_use"
    assert ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"}).id == first.id


def test_a_process_killed_in_mid_request_does_not_keep_its_key(
    ncal: stripe.StripeClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LEASE_SECONDS", 0)
    sandbox._claim(
        Request(
            "POST",
            "/v1/payment_intents",
            {"idempotency-key": "a"},
            {"amount": "4210", "currency": "usd", "metadata": {"payment": "p_1"}},
            caller=Caller("ncal", publishable=False),
        ),
        now=int(sandbox.now().timestamp()),
    )
    assert ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "a"}).amount == 4210


def test_twenty_at_once_under_one_key_charge_once(
    connect: object, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = create(ncal)
    patient = connect("ncal", retries=8)  # type: ignore[operator]
    start = threading.Barrier(20)

    def confirm(_: int) -> str:
        start.wait()
        return patient.v1.payment_intents.confirm(
            intent.id, CONFIRM, {"idempotency_key": "a:confirm"}
        ).status

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(confirm, range(20))) == ["succeeded"] * 20
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]


def test_twenty_at_once_under_twenty_keys_charge_once(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = create(ncal)
    start = threading.Barrier(20)

    def confirm(number: int) -> str:
        start.wait()
        try:
            options = {"idempotency_key": f"a:confirm:{number}"}
            return ncal.v1.payment_intents.confirm(intent.id, CONFIRM, options).status  # type: ignore[arg-type]
        except stripe.InvalidRequestError as error:
            return str(error.code)

    with ThreadPoolExecutor(20) as pool:
        answers = sorted(pool.map(confirm, range(20)))
    assert answers == ["payment_intent_unexpected_state"] * 19 + ["succeeded"]
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]


def test_a_key_longer_than_255_characters_is_refused(ncal: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        ncal.v1.payment_intents.create(CREATE, {"idempotency_key": "k" * 256})
