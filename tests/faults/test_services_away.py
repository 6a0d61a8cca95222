"""Rows 36 and 38: PostgreSQL drops the connection, Redis is away, in the middle of a payment."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from demo import postgres
from demo.stripe.core import Sandbox
from kppay.celery import app
from payments import gateway
from payments.models import Payment, PaymentEvent, Receipt, State, WebhookEvent
from payments.services import receipts, reconcile, submission, webhooks
from tests.support import paying
from tests.support.factories import make_invoice
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


def end_our_backend(cluster: postgres.Cluster) -> None:
    """What a failover or an administrator does to the connection that we hold."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with cluster.connect(connection.settings_dict["NAME"]) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_row_36_the_database_drops_us_after_stripe_has_charged_and_the_payment_is_found(
    sandbox: Sandbox, cluster: postgres.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = make_invoice(total_cents=120_00)
    payment = paying.confirm(paying.start_checkout(sandbox, invoice))
    confirm = gateway.confirm_intent

    def confirm_and_lose_the_database(**given: Any) -> gateway.Intent:
        answer = confirm(**given)
        end_our_backend(cluster)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "confirm_intent", confirm_and_lose_the_database)
        with pytest.raises(OperationalError):
            submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    connection.close()
    payment.refresh_from_db()
    assert payment.state == State.SUBMITTED
    assert charged(sandbox) == {payment.reference: 120_00}

    reconcile.reconcile_unsettled(at=paying.later(minutes=5))

    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert charged(sandbox) == {payment.reference: 120_00}
    receipts.render_due()
    paying.assert_invariants(sandbox)


@pytest.fixture
def no_broker() -> Iterator[None]:
    """Workers are woken over a Redis that does not answer."""
    url = app.conf.broker_url
    app.conf.update(task_always_eager=False, broker_url="redis://127.0.0.1:1/0")
    yield
    app.conf.update(task_always_eager=True, broker_url=url)


def test_row_38_without_redis_a_payment_settles_and_its_receipt_is_made_later(
    sandbox: Sandbox, no_broker: None
) -> None:
    started = time.monotonic()
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00))

    assert time.monotonic() - started < 3  # nobody waits while Redis is called again and again
    assert payment.state == State.SUCCEEDED
    assert Receipt.objects.get().rendered_at is None
    assert receipts.render_due() == 1
    paying.assert_invariants(sandbox)


def test_row_38_without_redis_a_webhook_is_kept_and_answered_and_processed_later(
    sandbox: Sandbox, no_broker: None
) -> None:
    payment = paying.pay(sandbox, make_invoice(), card="pm_card_threeDSecure2Required")
    sandbox.complete_challenge("ncal", str(payment.intent_id))

    assert {delivery.status for delivery in sandbox.webhooks.deliver_due(everything=True)} == {200}
    assert WebhookEvent.objects.filter(outcome=WebhookEvent.Outcome.PENDING).exists()
    webhooks.process_pending(at=paying.later(seconds=1))

    assert Payment.objects.get().state == State.SUCCEEDED
    assert not WebhookEvent.objects.filter(outcome=WebhookEvent.Outcome.PENDING).exists()
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("length", [256 * 1024 + 1, 5 * 1024 * 1024])
def test_a_huge_webhook_is_turned_away_unread(client: Client, length: int) -> None:
    response = client.post(
        "/webhooks/stripe/ncal/", data=b"x" * length, content_type="application/json"
    )
    assert response.status_code == 413
    assert WebhookEvent.objects.count() == 0


@pytest.mark.parametrize("length", ["many", "-1", ""])
def test_a_webhook_of_no_known_length_is_refused_not_an_error(client: Client, length: str) -> None:
    response = client.post(
        "/webhooks/stripe/ncal/",
        data=b"{}",
        content_type="application/json",
        CONTENT_LENGTH=length,
    )
    assert response.status_code == 400


def test_row_38_without_redis_a_signed_in_page_comes_from_the_database_without_a_wait(
    client: Client, settings: Any
) -> None:
    invoice = make_invoice()
    client.force_login(invoice.account.guarantor.user)
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"},
    }

    started = time.monotonic()
    response = client.get(f"/billing/bills/{invoice.pk}/")

    assert time.monotonic() - started < 3
    assert response.status_code == 200
    assert invoice.number in response.content.decode()
