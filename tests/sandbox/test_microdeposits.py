"""Two small deposits prove who owns an account: on the clock, with a limited number of tries."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from demo.stripe.core import Sandbox
from tests.sandbox.conftest import Inbox
from tests.sandbox.steps import ACCEPTED, RETURN_URL, create, debit

BY_DEPOSITS: Any = {"us_bank_account": {"verification_method": "microdeposits"}}


def _start(
    client: stripe.StripeClient, sandbox: Sandbox, account: str = "success"
) -> stripe.PaymentIntent:
    """A payment that waits for deposits which have arrived."""
    asked = debit(client, account, payment_method_options=BY_DEPOSITS)
    assert asked.status == "requires_action"
    sandbox.bank.microdeposits_arrive("ncal", asked.id)
    return asked


def test_a_payment_is_sent_once_the_owner_names_the_amounts(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    asked = debit(ncal, payment_method_options=BY_DEPOSITS)
    assert asked.next_action is not None
    action = asked.next_action.verify_with_microdeposits
    assert action is not None
    assert asked.next_action.type == "verify_with_microdeposits"
    assert action.arrival_date > sandbox.now().timestamp()
    assert action.hosted_verification_url.startswith(f"{sandbox.origin}/bank/microdeposits/{asked.id}")
    with pytest.raises(stripe.InvalidRequestError, match="have not arrived"):
        ncal.v1.payment_intents.verify_microdeposits(asked.id, {"amounts": [32, 45]})
    sandbox.shift_clock(timedelta(days=3))
    sent = ncal.v1.payment_intents.verify_microdeposits(asked.id, {"amounts": [45, 32]})
    assert (sent.status, sent.next_action) == ("processing", None)
    assert [line.pending_cents for line in sandbox.charges()] == [4210]


def test_or_the_code(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    asked = _start(ncal, sandbox)
    sent = ncal.v1.payment_intents.verify_microdeposits(asked.id, {"descriptor_code": "sm11aa"})
    assert sent.status == "processing"


@pytest.mark.parametrize(
    ("wrong", "tries"), [({"amounts": [1, 2]}, 3), ({"descriptor_code": "SM22BB"}, 10)]
)
def test_wrong_answers_are_counted_and_the_last_one_ends_it(
    ncal: stripe.StripeClient, sandbox: Sandbox, wrong: Any, tries: int
) -> None:
    asked = _start(ncal, sandbox)
    for number in range(1, tries + 1):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            ncal.v1.payment_intents.verify_microdeposits(asked.id, wrong)
        last = number == tries
        assert str(refused.value.code).endswith("attempts_exceeded" if last else "mismatch")
    after = ncal.v1.payment_intents.retrieve(asked.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert str(after.last_payment_error.code).endswith("attempts_exceeded")
    assert sandbox.charges() == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"amounts": [10, 11]}, "attempts_exceeded"),
        ({"descriptor_code": "SM33CC"}, "attempts_exceeded"),
        ({"amounts": [40, 41]}, "timeout"),
        ({"descriptor_code": "SM44DD"}, "timeout"),
    ],
)
def test_published_answers_play_the_other_endings(
    ncal: stripe.StripeClient, sandbox: Sandbox, given: Any, code: str
) -> None:
    asked = _start(ncal, sandbox)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ncal.v1.payment_intents.verify_microdeposits(asked.id, given)
    assert str(refused.value.code).endswith(code)
    assert ncal.v1.payment_intents.retrieve(asked.id).status == "requires_payment_method"


@pytest.mark.parametrize("given", [{}, {"amounts": [32]}, {"amounts": [32, 45, 1]}])
def test_half_an_answer_is_no_try(ncal: stripe.StripeClient, sandbox: Sandbox, given: Any) -> None:
    asked = _start(ncal, sandbox)
    for _ in range(4):
        with pytest.raises(stripe.InvalidRequestError):
            ncal.v1.payment_intents.verify_microdeposits(asked.id, given)
    sent = ncal.v1.payment_intents.verify_microdeposits(asked.id, {"amounts": [32, 45]})
    assert sent.status == "processing"


def test_an_account_that_takes_no_deposits_fails_when_they_should_arrive(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    asked = debit(ncal, "failMicrodeposits", payment_method_options=BY_DEPOSITS)
    sandbox.shift_clock(timedelta(days=3))
    failed = ncal.v1.payment_intents.retrieve(asked.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_method_microdeposit_failed"
    sandbox.webhooks.deliver_due()
    assert inbox.types()[-1] == "payment_intent.payment_failed"


def test_ten_days_without_an_answer_end_it(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    asked = _start(ncal, sandbox)
    sandbox.shift_clock(timedelta(days=11))
    after = ncal.v1.payment_intents.retrieve(asked.id)
    assert after.last_payment_error is not None
    assert str(after.last_payment_error.code).endswith("timeout")


def test_saving_an_account_waits_for_its_owner(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    customer = ncal.v1.customers.create().id
    asked = ncal.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": "pm_usBankAccount_success",
            "payment_method_options": BY_DEPOSITS,
            "confirm": True,
            "return_url": RETURN_URL,
            "mandate_data": ACCEPTED,
        }
    )
    assert asked.status == "requires_action"
    assert ncal.v1.customers.payment_methods.list(customer).data == []
    sandbox.bank.microdeposits_arrive("ncal", asked.id)
    with pytest.raises(stripe.InvalidRequestError):
        ncal.v1.setup_intents.verify_microdeposits(asked.id, {"amounts": [1, 1]})
    saved = ncal.v1.setup_intents.verify_microdeposits(asked.id, {"amounts": [32, 45]})
    assert saved.status == "succeeded"
    assert ncal.v1.mandates.retrieve(str(saved.mandate)).status == "active"
    (method,) = ncal.v1.customers.payment_methods.list(customer).data
    assert method.id == saved.payment_method
    sandbox.webhooks.deliver_due()
    assert "setup_intent.requires_action" in inbox.types()
    assert inbox.types()[-3:] == [
        "mandate.updated",
        "payment_method.attached",
        "setup_intent.succeeded",
    ]


def test_a_browser_may_answer_with_the_client_secret_alone(
    ncal: stripe.StripeClient, browser: stripe.StripeClient, sandbox: Sandbox
) -> None:
    asked = _start(ncal, sandbox)
    given: Any = {"amounts": [32, 45]}
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        browser.v1.payment_intents.verify_microdeposits(asked.id, given)
    sent = browser.v1.payment_intents.verify_microdeposits(
        asked.id, {**given, "client_secret": asked.client_secret}
    )
    assert sent.status == "processing"
    assert "metadata" not in sent.to_dict()


def test_what_does_not_wait_for_deposits_cannot_be_verified(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    for intent in (create(ncal), debit(ncal)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            ncal.v1.payment_intents.verify_microdeposits(intent.id, {"amounts": [32, 45]})
        assert refused.value.code == "payment_intent_unexpected_state"


def test_instant_only_refuses_an_account_that_is_not_verified(
    ncal: stripe.StripeClient, browser: stripe.StripeClient
) -> None:
    typed = browser.v1.payment_methods.create(
        {
            "type": "us_bank_account",
            "billing_details": {"name": "Ana Silva"},
            "us_bank_account": {
                "account_holder_type": "individual",
                "account_number": "000123456789",
                "routing_number": "110000000",
            },
        }
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        debit(
            ncal,
            payment_method=typed.id,
            payment_method_options={"us_bank_account": {"verification_method": "instant"}},
        )
    assert refused.value.code == "bank_account_unverified"
    customer = ncal.v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError, match="must be verified"):
        ncal.v1.payment_methods.attach(typed.id, {"customer": customer})
