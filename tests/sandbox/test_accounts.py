"""Accounts are walls; a publishable key sees little and moves nothing it was not given."""

from typing import Any

import pytest
import stripe

from demo.stripe.accounts import live_key_names
from demo.stripe.core import Sandbox
from tests.sandbox.steps import confirm, create, pay


def test_objects_of_one_account_do_not_exist_in_another(
    connect: Any, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    georgia = connect("georgia")
    paid = pay(ncal)
    customer = ncal.v1.customers.create()
    method = ncal.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    for look in (
        lambda: georgia.v1.payment_intents.retrieve(paid.id),
        lambda: georgia.v1.charges.retrieve(str(paid.latest_charge)),
        lambda: georgia.v1.customers.retrieve(customer.id),
        lambda: georgia.v1.payment_methods.retrieve(method.id),
        lambda: georgia.v1.refunds.create({"payment_intent": paid.id}),
        lambda: pay(georgia, method.id),
        lambda: confirm(
            georgia, create(georgia), confirmation_token=sandbox.confirmation_token("ncal")
        ),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            look()
        assert refused.value.code == "resource_missing"
    assert georgia.v1.payment_intents.search({"query": "metadata['payment']:'p_1'"}).data[1:] == []
    assert [charge.account for charge in sandbox.charges()] == ["ncal"]


@pytest.mark.parametrize("key", ["", "sk_live_x", "sk_test_x", "sk_test_demo_", "pk_test_demo_A b"])
def test_only_demo_keys_are_keys(sandbox: Sandbox, key: str) -> None:
    response = sandbox.handle("GET", "/v1/customers", {"Authorization": f"Bearer {key}"})
    assert response.status == 401


def test_a_wrong_key_is_not_shown_back(sandbox: Sandbox) -> None:
    key = "sk_test_51SomebodysRealTestKey"
    response = sandbox.handle("GET", "/v1/customers", {"Authorization": f"Bearer {key}"})
    assert b"Somebody" not in response.body


def test_a_browser_cannot_create_list_refund_or_cancel(
    ncal: stripe.StripeClient, browser: stripe.StripeClient, sandbox: Sandbox
) -> None:
    paid = pay(ncal)
    for attempt in (
        lambda: create(browser),
        lambda: browser.v1.customers.list(),
        lambda: browser.v1.charges.list(),
        lambda: browser.v1.events.list(),
        lambda: browser.v1.refunds.create({"payment_intent": paid.id}),
        lambda: browser.v1.payment_intents.cancel(paid.id),
        lambda: browser.v1.payment_intents.search({"query": "status:'succeeded'"}),
    ):
        with pytest.raises(stripe.PermissionError) as refused:
            attempt()
        assert refused.value.json_body["error"]["code"] == "secret_key_required"
    assert sandbox.report()["totals"]["refunded_cents"] == 0


def test_a_browser_sees_an_intent_only_with_its_client_secret_and_not_all_of_it(
    ncal: stripe.StripeClient, browser: stripe.StripeClient
) -> None:
    mine, other = create(ncal), create(ncal)
    seen = browser.v1.payment_intents.retrieve(mine.id, {"client_secret": str(mine.client_secret)})
    assert (seen.id, seen.amount, seen.status) == (mine.id, 4210, "requires_payment_method")
    assert "metadata" not in seen.to_dict()
    assert "customer" not in seen.to_dict()
    for secret in (None, str(other.client_secret)):
        with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
            browser.v1.payment_intents.retrieve(mine.id, {"client_secret": secret} if secret else {})


def test_a_browser_with_the_client_secret_can_confirm_as_real_stripe_allows(
    ncal: stripe.StripeClient, browser: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = create(ncal)
    method = browser.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040}}
    )
    given = {"payment_method": method.id, "return_url": "https://portal.example/"}
    with pytest.raises(stripe.InvalidRequestError):
        browser.v1.payment_intents.confirm(intent.id, given)  # type: ignore[arg-type]
    assert sandbox.charges() == []
    paid = browser.v1.payment_intents.confirm(
        intent.id,
        {**given, "client_secret": intent.client_secret},  # type: ignore[arg-type]
    )
    assert paid.status == "succeeded"
    assert "metadata" not in paid.to_dict()
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]


def test_a_browser_declined_learns_no_more_than_the_page_may(
    ncal: stripe.StripeClient, browser: stripe.StripeClient
) -> None:
    intent = create(ncal)
    method = browser.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4000000000000002", "exp_month": 12, "exp_year": 2040}}
    )
    with pytest.raises(stripe.CardError) as declined:
        browser.v1.payment_intents.confirm(
            intent.id,
            {
                "payment_method": method.id,
                "return_url": "https://portal.example/",
                "client_secret": intent.client_secret,  # type: ignore[typeddict-unknown-key]
            },
        )
    shown = declined.value.json_body["error"]["payment_intent"]
    assert shown["status"] == "requires_payment_method"
    assert "metadata" not in shown


def test_live_keys_are_found_by_name_wherever_they_hide() -> None:
    found = live_key_names(
        {
            "STRIPE_KEY": "sk_" + "live_abc",
            "CONFIG": '{"key": "rk_' + 'live_abc"}',
            "PUBLIC": "pk_" + "live_abc",
            "FINE": "sk_test_demo_ncal",
        }
    )
    assert found == ["CONFIG", "PUBLIC", "STRIPE_KEY"]
