"""Cards kept for later: customers, setup intents, attaching, detaching, drawing off-session."""

from datetime import timedelta

import pytest
import stripe

from demo.stripe.core import Sandbox
from tests.sandbox.steps import RETURN_URL, confirm, create, debit, pay


def _save(client: stripe.StripeClient, card: str, customer: str) -> stripe.SetupIntent:
    return client.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": card,
            "confirm": True,
            "return_url": RETURN_URL,
            "use_stripe_sdk": True,
        }
    )


@pytest.fixture
def customer(ncal: stripe.StripeClient) -> str:
    return ncal.v1.customers.create({"metadata": {"account": "a_1"}}).id


def test_a_saved_card_pays_twice_without_its_holder(
    ncal: stripe.StripeClient, sandbox: Sandbox, customer: str
) -> None:
    setup = _save(ncal, "pm_card_visa", customer)
    assert setup.status == "succeeded"
    for _ in range(2):
        paid = pay(ncal, str(setup.payment_method), customer=customer, off_session=True)
        assert paid.status == "succeeded"
    assert [charge.charged_cents for charge in sandbox.charges()] == [4210, 4210]


def test_a_card_authenticated_when_it_was_saved_needs_no_holder_later(
    ncal: stripe.StripeClient, sandbox: Sandbox, customer: str
) -> None:
    setup = _save(ncal, "pm_card_authenticationRequiredOnSetup", customer)
    assert setup.status == "requires_action"
    sandbox.complete_challenge("ncal", setup.id)
    saved = ncal.v1.setup_intents.retrieve(setup.id)
    assert saved.status == "succeeded"
    paid = pay(ncal, str(saved.payment_method), customer=customer, off_session=True)
    assert paid.status == "succeeded"


def test_a_card_merely_attached_still_needs_its_holder(
    ncal: stripe.StripeClient, customer: str
) -> None:
    method = ncal.v1.payment_methods.attach(
        "pm_card_authenticationRequiredOnSetup", {"customer": customer}
    )
    with pytest.raises(stripe.CardError) as declined:
        pay(ncal, method.id, customer=customer, off_session=True)
    assert declined.value.code == "authentication_required"


def test_a_challenge_refused_saves_nothing(
    ncal: stripe.StripeClient, sandbox: Sandbox, customer: str
) -> None:
    setup = _save(ncal, "pm_card_authenticationRequired", customer)
    sandbox.complete_challenge("ncal", setup.id, succeed=False)
    after = ncal.v1.setup_intents.retrieve(setup.id)
    assert after.status == "requires_payment_method"
    assert after.last_setup_error is not None
    assert after.last_setup_error.code == "setup_intent_authentication_failure"
    assert ncal.v1.customers.payment_methods.list(customer).data == []


def test_a_declining_card_cannot_be_saved_except_the_one_that_can(
    ncal: stripe.StripeClient, customer: str
) -> None:
    with pytest.raises(stripe.CardError):
        _save(ncal, "pm_card_visa_chargeDeclined", customer)
    with pytest.raises(stripe.CardError):
        ncal.v1.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer})
    late = ncal.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    with pytest.raises(stripe.CardError):
        pay(ncal, late.id, customer=customer, off_session=True)
    assert [m.id for m in ncal.v1.payment_methods.list({"customer": customer}).data] == [late.id]


def test_paying_can_keep_the_card(ncal: stripe.StripeClient, customer: str) -> None:
    paid = pay(ncal, customer=customer, setup_future_usage="off_session")
    (kept,) = ncal.v1.customers.payment_methods.list(customer, {"type": "card"}).data
    assert kept.id == paid.payment_method


def test_a_card_paid_with_but_not_kept_is_spent(ncal: stripe.StripeClient) -> None:
    paid = pay(ncal)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        confirm(ncal, create(ncal), payment_method=str(paid.payment_method))


def test_a_detached_card_is_spent(ncal: stripe.StripeClient, sandbox: Sandbox, customer: str) -> None:
    method = ncal.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert ncal.v1.payment_methods.detach(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(ncal, method.id)
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        ncal.v1.payment_methods.detach(method.id)
    assert sandbox.charges() == []


def test_one_members_card_never_pays_for_another(
    ncal: stripe.StripeClient, sandbox: Sandbox, customer: str
) -> None:
    method = ncal.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    other = ncal.v1.customers.create()
    for whose in ({"customer": other.id}, {}):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
            pay(ncal, method.id, **whose)
    assert sandbox.charges() == []


def test_a_deleted_customer_leaves_no_usable_card(ncal: stripe.StripeClient, customer: str) -> None:
    method = ncal.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert ncal.v1.customers.delete(customer).deleted is True
    assert ncal.v1.customers.retrieve(customer).deleted is True
    assert ncal.v1.payment_methods.retrieve(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        pay(ncal, customer=customer)


def test_a_card_whose_date_has_passed_is_declined_until_it_is_changed(
    ncal: stripe.StripeClient, sandbox: Sandbox, customer: str
) -> None:
    method = ncal.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    sandbox.bank.expire_card("ncal", method)
    with pytest.raises(stripe.CardError) as declined:
        pay(ncal, method, customer=customer, off_session=True)
    assert declined.value.code == "expired_card"
    with pytest.raises(stripe.InvalidRequestError):
        ncal.v1.payment_methods.update(method, {"card": {"exp_year": sandbox.now().year - 1}})
    renewed = ncal.v1.payment_methods.update(
        method, {"card": {"exp_month": 1, "exp_year": 2040}, "allow_redisplay": "always"}
    )
    assert renewed.allow_redisplay == "always"
    assert pay(ncal, method, customer=customer, off_session=True).status == "succeeded"
    shown = ncal.v1.payment_methods.list({"customer": customer, "allow_redisplay": "always"})
    assert [m.id for m in shown.data] == [method]
    hidden = ncal.v1.payment_methods.list({"customer": customer, "allow_redisplay": "limited"})
    assert hidden.data == []


def test_cards_expire_on_the_sandboxs_clock(
    ncal: stripe.StripeClient, sandbox: Sandbox, customer: str
) -> None:
    method = ncal.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    sandbox.shift_clock(timedelta(days=5 * 365))
    with pytest.raises(stripe.CardError, match="expired"):
        pay(ncal, method, customer=customer, off_session=True)
    with pytest.raises(ValueError, match="only cards"):
        sandbox.bank.expire_card("ncal", debit(ncal).payment_method)  # type: ignore[arg-type]


def test_only_a_customers_method_is_updated(ncal: stripe.StripeClient) -> None:
    loose = str(debit(ncal).payment_method)
    with pytest.raises(stripe.InvalidRequestError, match="save this PaymentMethod to a customer"):
        ncal.v1.payment_methods.update(loose, {"metadata": {"a": "b"}})


def test_metadata_is_merged_and_unset(ncal: stripe.StripeClient, customer: str) -> None:
    ncal.v1.customers.update(customer, {"metadata": {"note": "x"}})
    kept = ncal.v1.customers.update(customer, {"metadata": {"account": ""}})
    assert kept.metadata is not None
    assert kept.metadata.to_dict() == {"note": "x"}
