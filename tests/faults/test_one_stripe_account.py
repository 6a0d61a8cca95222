"""One Stripe account for all regions (stripe.env.example): its webhooks reach all their payments."""

from typing import Any

import pytest

from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import PaymentEvent, State, WebhookEvent
from payments.services import webhooks
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_member, make_region

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def one_account(settings: Any) -> None:
    """Only STRIPE_SECRET_KEY and its like are set, none for a region alone."""
    settings.STRIPE_ACCOUNTS = {"default": settings.STRIPE_ACCOUNTS["ncal"]}
    gateway._client.cache_clear()


def event_of(intent_id: str) -> gateway.Event:
    return gateway.Event(
        id="evt_1", type="payment_intent.succeeded", object_id=intent_id, api_version=""
    )


def test_the_accounts_webhook_settles_a_payment_of_any_region(
    sandbox: Sandbox, one_account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.webhooks.set_mode("drop")
    bill = make_invoice(make_account(make_member(region=make_region("HI"))))
    checkout = paying.checkouts.start(
        account=bill.account, started_by=None, amounts={bill: bill.payable_cents}
    )
    token = sandbox.confirmation_token("ncal", card="pm_card_threeDSecure2Required")
    paying.checkouts.choose_method(checkout=checkout, token=token)
    checkout.refresh_from_db()
    payment = paying.submission.advance(
        payment_id=paying.confirm(checkout).pk, via=PaymentEvent.Via.BROWSER
    )
    sandbox.complete_challenge("ncal", str(payment.intent_id))

    kept = webhooks.receive(account="default", event=event_of(str(payment.intent_id)))
    assert kept is not None
    webhooks.process(event_id=kept.pk, at=paying.later(seconds=1))

    payment.refresh_from_db()
    kept.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert kept.outcome == WebhookEvent.Outcome.APPLIED


def test_the_shared_account_never_moves_a_payment_of_a_region_with_its_own(
    sandbox: Sandbox, settings: Any
) -> None:
    settings.STRIPE_ACCOUNTS = {
        **settings.STRIPE_ACCOUNTS,
        "default": {"secret_key": "sk_test_demo_default", "webhook_secret": "whsec_demo_default"},
    }
    sandbox.webhooks.set_mode("drop")
    payment = paying.pay(sandbox, make_invoice(), card="pm_card_threeDSecure2Required")
    sandbox.complete_challenge("ncal", str(payment.intent_id))

    kept = webhooks.receive(account="default", event=event_of(str(payment.intent_id)))
    assert kept is not None
    webhooks.process(event_id=kept.pk, at=paying.later(minutes=11))

    payment.refresh_from_db()
    assert payment.state == State.REQUIRES_ACTION
