"""What Stripe would not accept is refused, and remembered, so that a whole session can be judged."""

import ast
import inspect
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
import stripe
from stripe.params import _payment_intent_create_params as create_params
from stripe.params import _setup_intent_create_params as setup_params

from demo.stripe import contract, wire
from demo.stripe.core import Sandbox
from demo.stripe.errors import ApiError
from demo.stripe.resources import intents
from demo.stripe.routing import HANDLERS, Keys
from tests.sandbox.steps import create, pay

INTENT = {"amount": "4210", "currency": "usd"}


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"colour": "red"}, "colour", "parameter_unknown"),
        ({"payment_method_types[0]": "card"}, "payment_method_types", "parameter_unknown"),
        ({"metadata[a][b]": "x"}, "metadata[a]", None),
        ({"amount": "12.50"}, "amount", "parameter_invalid_integer"),
        ({"amount": "abc"}, "amount", "parameter_invalid_integer"),
        ({"confirm": "yes"}, "confirm", None),
        ({"capture_method": "later"}, "capture_method", None),
        ({"automatic_payment_methods": "true"}, "automatic_payment_methods", None),
        (
            {"automatic_payment_methods[allow_redirects]": "never"},
            "automatic_payment_methods[enabled]",
            "parameter_missing",
        ),
        (
            {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[x]": "1"},
            "automatic_payment_methods[x]",
            "parameter_unknown",
        ),
        ({"allowed_payment_method_types": "card"}, "allowed_payment_method_types", None),
        ({"allowed_payment_method_types[0]": "gold"}, "allowed_payment_method_types[0]", None),
        ({"description": ""}, "description", "parameter_invalid_empty"),
        ({"idempotency_key": "a"}, "idempotency_key", "parameter_unknown"),
        ({"off_session": "true"}, "off_session", None),
    ],
)
def test_a_wrong_parameter_is_refused_in_stripes_words(
    sandbox: Sandbox, changes: dict[str, str], param: str, code: str | None
) -> None:
    response = sandbox.handle(
        "POST",
        "/v1/payment_intents",
        {"Authorization": "Bearer sk_test_demo_ncal"},
        urlencode({**INTENT, **changes}),
    )
    error = json.loads(response.body)["error"]
    assert response.status == 400
    assert (error["type"], error["param"], error.get("code")) == (
        "invalid_request_error",
        param,
        code,
    )
    assert [violation["param"] for violation in sandbox.violations()] == [param]


def test_a_missing_parameter_is_named(ncal: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ncal.v1.payment_intents.create({"amount": 4210})  # type: ignore[typeddict-item]
    assert (refused.value.code, refused.value.param) == ("parameter_missing", "currency")


def test_violations_are_remembered_and_a_good_session_has_none(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    pay(ncal)
    assert sandbox.violations() == []
    with pytest.raises(stripe.InvalidRequestError):
        create(ncal, colour="red")
    (violation,) = sandbox.violations()
    assert (violation["account"], violation["method"], violation["path"], violation["param"]) == (
        "ncal",
        "POST",
        "/v1/payment_intents",
        "colour",
    )
    assert sandbox.report()["violations"] == [violation]


def test_what_stripe_knows_and_the_sandbox_does_not_is_said_aloud(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    for call in (
        lambda: create(ncal, transfer_group="g"),
        lambda: ncal.v1.subscriptions.list(),
        lambda: create(ncal, currency="eur"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call()
        assert refused.value.code == "not_simulated"
    assert len(sandbox.violations()) == 3


def test_a_server_that_sends_a_card_number_is_told_off(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    with pytest.raises(stripe.StripeError, match="directly to the Stripe API is generally unsafe"):
        ncal.v1.payment_methods.create(
            {
                "type": "card",
                "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040},
            }
        )
    assert [violation["param"] for violation in sandbox.violations()] == ["card[number]"]


def test_an_unknown_address_or_version_is_refused(sandbox: Sandbox) -> None:
    key = {"Authorization": "Bearer sk_test_demo_ncal"}
    assert sandbox.handle("GET", "/v1/nothing", key).status == 404
    assert sandbox.handle("DELETE", "/v1/payment_intents/pi_1", key).status == 404
    old = {**key, "Stripe-Version": "2020-08-27"}
    assert sandbox.handle("GET", "/v1/customers", old).status == 400
    assert len(sandbox.violations()) == 3


def test_every_handler_answers_a_route_of_the_sdk_with_parameters_the_sdk_knows() -> None:
    for (method, template), handler in HANDLERS.items():
        if handler.keys is Keys.BROWSER:
            continue
        resource = template.split("/")[2]
        routes = [
            r for r in contract.routes_of(resource) if (r.method, r.template) == (method, template)
        ]
        assert len(routes) == 1, (method, template)
        unknown = handler.understands - contract.fields_of(routes[0].params).keys() - {"expand"}
        assert unknown == set(), (method, template)


def test_every_params_class_of_the_sdk_can_be_read() -> None:
    root = Path(inspect.getfile(stripe)).parent
    resources = {
        match
        for path in root.rglob("_*_service.py")
        for match in re.findall(r'"/v1/([a-z0-9_]+)', path.read_text())
    }
    routes = {route for resource in resources for route in contract.routes_of(resource)}
    assert len(routes) > 500
    for route in routes:
        assert contract.required_of(route.params) <= contract.fields_of(route.params).keys()


@pytest.mark.parametrize("module", [create_params, setup_params])
def test_parameters_that_need_confirm_are_those_the_sdk_documents(module: object) -> None:
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    (params, *_) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    documented = {
        field.target.id
        for field, text in zip(params.body, params.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and "can only be used with [`confirm=true`]" in ast.unparse(text)
    }
    assert documented
    assert documented <= intents.CONFIRM_ONLY


def test_forms_that_are_not_stripes_are_refused_not_guessed() -> None:
    assert wire.decode("a[b][0]=1&a[b][1]=2&c[]=x&c[]=y") == {
        "a": {"b": {"0": "1", "1": "2"}},
        "c": {"0": "x", "1": "y"},
    }
    for bad in ("[a]=1", "a[b=1", "a=1&a[b]=2", "a" + "[x]" * 20 + "=1", b"\xff=1"):
        with pytest.raises(ApiError):
            wire.decode(bad)
