"""What each published test card does, as the portal's flow meets it."""

import pytest
import stripe

from demo.stripe import cards
from demo.stripe.core import Sandbox
from tests.sandbox.steps import RETURN_URL, confirm, create, pay


def test_a_card_pays_through_a_confirmation_token(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    token = sandbox.confirmation_token("ncal")
    preview = ncal.v1.confirmation_tokens.retrieve(token).payment_method_preview
    assert preview is not None
    assert preview.card is not None
    assert (preview.card.brand, preview.card.last4) == ("visa", "4242")

    intent = create(ncal, 4210)
    assert intent.status == "requires_payment_method"
    assert sandbox.charges() == []

    paid = confirm(ncal, intent, confirmation_token=token)
    assert (paid.status, paid.amount_received) == ("succeeded", 4210)
    (charge,) = sandbox.charges()
    assert (charge.payment_intent, charge.payment, charge.charged_cents, charge.status) == (
        intent.id,
        "p_1",
        4210,
        "succeeded",
    )


def test_a_confirmation_token_works_once(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    token = sandbox.confirmation_token("ncal")
    first = confirm(ncal, create(ncal), confirmation_token=token)
    with pytest.raises(stripe.InvalidRequestError, match="already been used"):
        confirm(ncal, create(ncal), confirmation_token=token)
    assert ncal.v1.confirmation_tokens.retrieve(token).payment_intent == first.id
    assert len(sandbox.charges()) == 1


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
def test_a_declined_card_says_why_and_takes_nothing(
    ncal: stripe.StripeClient,
    sandbox: Sandbox,
    card: str,
    code: str,
    decline_code: str | None,
) -> None:
    intent = create(ncal)
    with pytest.raises(stripe.CardError) as declined:
        confirm(ncal, intent, payment_method=card)
    assert declined.value.http_status == 402
    body = declined.value.json_body["error"]
    assert (body["type"], body["code"], body.get("decline_code")) == (
        "card_error",
        code,
        decline_code,
    )
    assert body["payment_intent"]["id"] == intent.id

    after = ncal.v1.payment_intents.retrieve(intent.id)
    assert after.status == "requires_payment_method"
    assert after.payment_method is None
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == code
    (charge,) = sandbox.charges()
    assert (charge.status, charge.charged_cents) == ("failed", 0)
    assert charge.charge == body["charge"] == after.latest_charge


def test_after_a_decline_another_card_pays_the_same_intent(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    intent = create(ncal)
    with pytest.raises(stripe.CardError):
        confirm(ncal, intent, payment_method="pm_card_visa_chargeDeclined")
    paid = confirm(ncal, intent, payment_method="pm_card_mastercard")
    assert paid.status == "succeeded"
    assert paid.last_payment_error is None
    assert [charge.charged_cents for charge in sandbox.charges()] == [0, 4210]


@pytest.mark.parametrize(
    "card", ["pm_card_authenticationRequired", "pm_card_authenticationRequiredOnSetup"]
)
def test_three_d_secure_charges_only_after_the_cardholder_agreed(
    ncal: stripe.StripeClient, sandbox: Sandbox, card: str
) -> None:
    asked = confirm(ncal, create(ncal), payment_method=card)
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action.type == "use_stripe_sdk"
    assert sandbox.charges() == []

    sandbox.complete_challenge("ncal", asked.id)
    assert ncal.v1.payment_intents.retrieve(asked.id).status == "succeeded"
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]


def test_three_d_secure_refused_by_the_cardholder_takes_nothing(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    asked = confirm(ncal, create(ncal), payment_method="pm_card_authenticationRequired")
    sandbox.complete_challenge("ncal", asked.id, succeed=False)
    after = ncal.v1.payment_intents.retrieve(asked.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "payment_intent_authentication_failure"
    assert sandbox.charges() == []


def test_three_d_secure_may_still_be_declined_by_the_bank(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    card = "pm_card_threeDSecureRequiredChargeDeclined"
    asked = confirm(ncal, create(ncal), payment_method=card)
    sandbox.complete_challenge("ncal", asked.id)
    after = ncal.v1.payment_intents.retrieve(asked.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == "generic_decline"
    assert [(c.status, c.charged_cents) for c in sandbox.charges()] == [("failed", 0)]


def test_without_stripe_js_the_cardholder_is_sent_to_the_bank_and_back(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    asked = ncal.v1.payment_intents.confirm(
        create(ncal).id,
        {"payment_method": "pm_card_authenticationRequired", "return_url": RETURN_URL},
    )
    assert asked.next_action is not None
    assert asked.next_action.redirect_to_url is not None
    assert asked.next_action.redirect_to_url.return_url == RETURN_URL
    assert str(asked.next_action.redirect_to_url.url).startswith(sandbox.origin + "/endive/challenge")


def test_off_session_a_card_that_wants_authentication_is_declined(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        pay(ncal, "pm_card_authenticationRequired", off_session=True)
    assert declined.value.code == "authentication_required"
    assert [charge.charged_cents for charge in sandbox.charges()] == [0]


def test_a_paid_intent_cannot_be_confirmed_or_canceled_again(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    paid = pay(ncal)
    for again in (
        lambda: confirm(ncal, paid, payment_method="pm_card_visa"),
        lambda: ncal.v1.payment_intents.cancel(paid.id),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            again()
        assert refused.value.code == "payment_intent_unexpected_state"
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210]


def test_a_canceled_intent_never_charges(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    intent = create(ncal)
    canceled = ncal.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at is not None
    with pytest.raises(stripe.InvalidRequestError):
        confirm(ncal, intent, payment_method="pm_card_visa")
    assert sandbox.charges() == []


def test_an_authorised_amount_is_captured_in_part_or_let_go(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    captured, released = (pay(ncal, capture_method="manual") for _ in range(2))
    assert [charge.charged_cents for charge in sandbox.charges()] == [0, 0]
    done = ncal.v1.payment_intents.capture(captured.id, {"amount_to_capture": 4000})
    assert (done.status, done.amount_received) == ("succeeded", 4000)
    assert ncal.v1.payment_intents.cancel(released.id).status == "canceled"
    assert [charge.charged_cents for charge in sandbox.charges()] == [4000, 0]
    assert sandbox.report()["totals"]["net_cents"] == 4000


@pytest.mark.parametrize(
    ("cents", "code"),
    [(0, "parameter_invalid_integer"), (49, "amount_too_small"), (100_000_000, "amount_too_large")],
)
def test_amounts_outside_of_stripes_limits_are_refused(
    ncal: stripe.StripeClient, cents: int, code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        create(ncal, cents)
    assert (refused.value.code, refused.value.param) == (code, "amount")


def test_only_published_numbers_are_cards(browser: stripe.StripeClient) -> None:
    for card in cards.BY_NUMBER.values():
        cvc = "1234" if card.brand == "amex" else "123"
        made = browser.v1.payment_methods.create(
            {
                "type": "card",
                "card": {"number": card.number, "exp_month": 12, "exp_year": 2040, "cvc": cvc},
            }
        )
        assert made.card is not None
        assert (made.card.brand, made.card.last4, made.card.funding) == (
            card.brand,
            card.number[-4:],
            card.funding,
        )
    # A valid number by its check digit, and a published one of another kind of card: both refused.
    for number in ("4111111111111111", "6011111111111117", "4242424242424241"):
        with pytest.raises(stripe.CardError, match="only published test numbers") as refused:
            browser.v1.payment_methods.create(
                {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2040}}
            )
        assert (refused.value.code, refused.value.http_status) == ("incorrect_number", 402)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"exp_month": 13, "exp_year": 2040}, "invalid_expiry_month"),
        ({"exp_month": 1, "exp_year": 2020}, "invalid_expiry_year"),
        ({"exp_month": 1, "exp_year": 2040, "cvc": "12"}, "invalid_cvc"),
    ],
)
def test_a_card_with_a_wrong_date_or_code_is_refused(
    browser: stripe.StripeClient, given: dict[str, object], code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        browser.v1.payment_methods.create(
            {"type": "card", "card": {"number": "4242424242424242", **given}}  # type: ignore[typeddict-item]
        )
    assert refused.value.code == code


def test_no_card_number_rests_in_the_store(browser: stripe.StripeClient, sandbox: Sandbox) -> None:
    browser.v1.payment_methods.create(
        {
            "type": "card",
            "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "987"},
        }
    )
    kept = b"".join(
        path.read_bytes() for path in sandbox.store.path.parent.glob(sandbox.store.path.name + "*")
    )
    assert b"pm_card_visa" in kept
    assert b"4242424242424242" not in kept
    assert b'"987"' not in kept


def test_a_return_url_is_demanded_where_stripe_demands_it(ncal: stripe.StripeClient) -> None:
    intent = create(ncal)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ncal.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert refused.value.param == "return_url"
    cards_only = create(ncal, allowed_payment_method_types=["card"])
    paid = ncal.v1.payment_intents.confirm(cards_only.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"
