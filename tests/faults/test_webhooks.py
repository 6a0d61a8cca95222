"""Rows 12 to 19: events dropped, doubled, reordered, forged, early, foreign, or wrong."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from common.clock import now
from demo.stripe.accounts import sign, webhook_secret
from demo.stripe.core import Sandbox
from demo.stripe.wire import encode
from payments import gateway
from payments.models import Payment, PaymentEvent, Receipt, State, WebhookEvent
from payments.services import reconcile, review, submission, webhook_handlers, webhooks
from staff.dashboard import figures
from staff.lists import LISTS
from tests.support import paying
from tests.support.factories import make_invoice
from tests.support.stripe import charged, post_to_portal

pytestmark = pytest.mark.django_db(transaction=True)


def paid_at_stripe_only(sandbox: Sandbox) -> Payment:
    """Stripe has charged; the browser never came back from the bank's step to tell us."""
    payment = paying.pay(
        sandbox, make_invoice(total_cents=120_00), card="pm_card_threeDSecure2Required"
    )
    sandbox.webhooks.deliver_due(everything=True)
    sandbox.complete_challenge("ncal", str(payment.intent_id))
    payment.refresh_from_db()
    assert payment.state == State.REQUIRES_ACTION
    return payment


def event_of(sandbox: Sandbox, kind: str) -> str:
    """The id of the newest event of a type."""
    with sandbox.store.read() as tx:
        return next(e["id"] for e in tx.find("ncal", "event") if e["type"] == kind)


def test_a_webhook_settles_a_payment_whose_payer_never_came_back(sandbox: Sandbox) -> None:
    payment = paid_at_stripe_only(sandbox)

    sandbox.webhooks.deliver_due(everything=True)

    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert payment.events.last().via == PaymentEvent.Via.WEBHOOK
    paying.assert_invariants(sandbox)


def test_row_12_without_any_webhook_the_reconciler_settles(sandbox: Sandbox) -> None:
    sandbox.webhooks.set_mode("drop")
    payment = paid_at_stripe_only(sandbox)

    reconcile.reconcile_unsettled(at=paying.later(minutes=3))

    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert WebhookEvent.objects.count() == 0
    paying.assert_invariants(sandbox)


def test_row_13_the_same_webhook_five_times_at_once_has_one_effect(sandbox: Sandbox) -> None:
    payment = paid_at_stripe_only(sandbox)

    answers = sandbox.webhooks.redeliver(
        event_of(sandbox, "payment_intent.succeeded"), times=5, parallel=True
    )
    webhooks.process_pending(at=paying.later(minutes=2))

    assert [answer.status for answer in answers] == [200] * 5
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert WebhookEvent.objects.filter(type="payment_intent.succeeded").count() == 1
    assert Receipt.objects.count() == 1
    assert paying.states(payment).count("succeeded") == 1
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("how", ["unsigned", "wrong_secret", "tampered", "stale"])
def test_row_15_16_a_forged_or_stale_webhook_gets_400_and_leaves_no_row(
    sandbox: Sandbox, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    payment = paid_at_stripe_only(sandbox)
    rows = WebhookEvent.objects.count()
    with sandbox.store.read() as tx:
        intent = tx.get("ncal", str(payment.intent_id))

    answer = sandbox.webhooks.forge("ncal", how, event_type="payment_intent.succeeded", obj=intent)

    assert answer.status == 400
    assert WebhookEvent.objects.count() == rows
    payment.refresh_from_db()
    assert payment.state == State.REQUIRES_ACTION
    assert any("webhook.bad_signature" in str(record.msg) for record in caplog.records)
    sandbox.webhooks.deliver_due(everything=True)  # the true one
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    paying.assert_invariants(sandbox)


def deliver_signed(sandbox: Sandbox, event_id: str, *, live: bool) -> int:
    """Stripe's own event and signature, in one of its two modes; returns the portal's status."""
    with sandbox.store.read() as tx:
        event = tx.get("ncal", event_id, "event")
    assert event is not None
    told = {name: value for name, value in event.items() if not name.startswith("_")}
    body = encode({**told, "livemode": live})
    signature = sign(body, webhook_secret("ncal"), int(time.time()))
    return post_to_portal("/webhooks/stripe/ncal/", body, {"Stripe-Signature": signature})


@pytest.mark.parametrize("live_here", [True, False])
def test_row_15_an_event_of_the_other_mode_gets_400_and_leaves_no_row(
    sandbox: Sandbox, settings: Any, caplog: pytest.LogCaptureFixture, live_here: bool
) -> None:
    """A test event on a live endpoint, and a live one where nothing is real: both signed rightly."""
    payment = paid_at_stripe_only(sandbox)
    rows = WebhookEvent.objects.count()
    settings.STRIPE_LIVE_MODE = live_here
    event = event_of(sandbox, "payment_intent.succeeded")

    assert deliver_signed(sandbox, event, live=not live_here) == 400

    assert WebhookEvent.objects.count() == rows
    payment.refresh_from_db()
    assert payment.state == State.REQUIRES_ACTION
    assert [r.levelname for r in caplog.records if "webhook.bad_signature" in str(r.msg)] == ["ERROR"]
    assert deliver_signed(sandbox, event, live=live_here) == 200
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize("account", ["nobody", "ncal"])
def test_row_15_an_account_without_a_secret_has_no_endpoint(
    client: Client, sandbox: Sandbox, settings: Any, account: str
) -> None:
    payment = paid_at_stripe_only(sandbox)
    rows = WebhookEvent.objects.count()
    settings.STRIPE_ACCOUNTS = {
        name: {**keys, "webhook_secret": ""} for name, keys in settings.STRIPE_ACCOUNTS.items()
    }

    response = client.post(f"/webhooks/stripe/{account}/", data=b"{}", content_type="application/json")

    assert response.status_code == 404
    assert WebhookEvent.objects.count() == rows
    reconcile.reconcile_unsettled(at=paying.later(minutes=3))  # needs no endpoint
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    paying.assert_invariants(sandbox)


def test_row_16_a_valid_replay_changes_nothing(sandbox: Sandbox) -> None:
    payment = paid_at_stripe_only(sandbox)
    sandbox.webhooks.deliver_due(everything=True)
    before = paying.states(payment)

    assert sandbox.webhooks.redeliver(event_of(sandbox, "payment_intent.succeeded"))[0].status == 200

    assert paying.states(payment) == before
    paying.assert_invariants(sandbox)


def test_row_17_a_webhook_before_we_saved_the_intent_is_parked_and_then_applied(
    sandbox: Sandbox,
) -> None:
    payment = paid_at_stripe_only(sandbox)
    intent_id = payment.intent_id
    Payment.objects.filter(pk=payment.pk).update(intent_id=None, lease_until=paying.later(minutes=2))

    sandbox.webhooks.redeliver(event_of(sandbox, "payment_intent.succeeded"))
    event = WebhookEvent.objects.get(type="payment_intent.succeeded")
    assert event.outcome == WebhookEvent.Outcome.PENDING

    Payment.objects.filter(pk=payment.pk).update(intent_id=intent_id, lease_until=None)
    webhooks.process_pending(at=paying.later(minutes=1))
    event.refresh_from_db()
    payment.refresh_from_db()
    assert event.outcome == WebhookEvent.Outcome.APPLIED
    assert payment.state == State.SUCCEEDED
    paying.assert_invariants(sandbox)


def test_row_17_a_webhook_that_overtakes_the_transaction_of_its_payment_is_parked_and_then_applied(
    sandbox: Sandbox,
) -> None:
    """No code of ours asks Stripe before the commit. Were one to, the event finds nothing yet."""
    sandbox.webhooks.set_mode("drop")
    checkout = paying.start_checkout(sandbox, make_invoice(total_cents=120_00))
    with transaction.atomic(), ThreadPoolExecutor(1) as stripe:
        payment = paying.confirm(checkout)
        intent = submission._learn_intent(payment, now())
        assert intent is not None
        submission._confirm(payment, intent)
        transaction.on_commit(lambda: Payment.objects.filter(pk=payment.pk).update(intent_id=None))
        told = event_of(sandbox, "payment_intent.succeeded")
        (answer,) = stripe.submit(sandbox.webhooks.redeliver, told).result()
    event = WebhookEvent.objects.get()
    assert (answer.status, event.outcome, event.attempts) == (200, "pending", 1)
    payment.refresh_from_db()
    assert (payment.state, payment.intent_id) == (State.CREATED, None)

    webhooks.process_pending(at=paying.later(minutes=1))

    event.refresh_from_db()
    payment.refresh_from_db()
    assert (event.outcome, payment.state) == ("applied", State.SUCCEEDED)
    assert charged(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


def test_row_18_a_webhook_about_an_unknown_object_is_kept_and_alerts(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    payment = paid_at_stripe_only(sandbox)
    intent_id = payment.intent_id
    Payment.objects.filter(pk=payment.pk).update(intent_id="pi_somebody_elses")
    event_id = event_of(sandbox, "payment_intent.succeeded")

    assert sandbox.webhooks.redeliver(event_id)[0].status == 200
    webhooks.process_pending(at=paying.later(minutes=11))

    assert WebhookEvent.objects.get(event_id=event_id).outcome == WebhookEvent.Outcome.ORPHAN
    assert any("webhook.unknown_object" in str(record.msg) for record in caplog.records)
    payment.refresh_from_db()
    assert payment.state == State.REQUIRES_ACTION
    Payment.objects.filter(pk=payment.pk).update(intent_id=intent_id)
    reconcile.reconcile_unsettled(at=paying.later(minutes=12))
    paying.assert_invariants(sandbox)


@pytest.mark.parametrize(("field", "value"), [("amount", 1), ("amount", 120_01), ("currency", "eur")])
def test_row_19_another_amount_or_currency_is_quarantined_and_not_marked_paid(
    sandbox: Sandbox, field: str, value: object
) -> None:
    payment = paid_at_stripe_only(sandbox)
    with sandbox.store.write() as tx:
        intent = tx.get("ncal", str(payment.intent_id))
        assert intent is not None
        tx.put("ncal", {**intent, field: value})

    payment = submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

    assert payment.state == State.UNKNOWN
    assert payment.review_reason
    assert Receipt.objects.count() == 0
    assert payment.allocations.get().invoice.open_cents == 120_00

    ended = review.send_back(payment=payment)  # by staff: it can never be booked as what it was to be

    assert ended.state == State.CANCELED
    assert [line.net_cents for line in sandbox.charges()] == [0]
    assert payment.allocations.get().invoice.payable_cents == 120_00
    paying.assert_invariants(sandbox)


def test_one_entitys_event_never_moves_another_entitys_payment(sandbox: Sandbox) -> None:
    payment = paid_at_stripe_only(sandbox)
    foreign = webhooks.receive(
        account="hi",
        event=submission.gateway.Event(
            id="evt_foreign",
            type="payment_intent.succeeded",
            object_id=str(payment.intent_id),
            api_version="",
        ),
    )
    assert foreign is not None

    webhooks.process(event_id=foreign.pk, at=paying.later(minutes=11))

    foreign.refresh_from_db()
    payment.refresh_from_db()
    assert foreign.outcome == WebhookEvent.Outcome.ORPHAN
    assert payment.state == State.REQUIRES_ACTION
    assert charged(sandbox) == {payment.reference: 120_00}


def test_a_charge_of_a_payment_that_had_ended_is_never_passed_over_in_silence(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    payment = paid_at_stripe_only(sandbox)
    sandbox.webhooks.set_mode("drop")
    Payment.objects.filter(pk=payment.pk).update(state=State.CANCELED)

    sandbox.webhooks.redeliver(event_of(sandbox, "payment_intent.succeeded"))

    payment.refresh_from_db()
    assert payment.review_reason == "charged after it had ended"
    assert any("payment.needs_review" in str(record.msg) for record in caplog.records)


def told(kind: str, *, version: str = "", account: str = "ncal") -> WebhookEvent:
    """An event that has just arrived, of something that Stripe need not know."""
    number = WebhookEvent.objects.count()
    kept = webhooks.receive(
        account=account,
        event=gateway.Event(
            id=f"evt_{number}", type=kind, object_id=f"obj_{number}", api_version=version
        ),
    )
    assert kept is not None
    return kept


class TestWhatCannotBeApplied:
    """It waits for hours; then it is for staff, and no event waits for it meanwhile."""

    def test_a_dispute_of_a_payment_that_came_to_nothing(
        self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        payment = paid_at_stripe_only(sandbox)
        Payment.objects.filter(pk=payment.pk).update(state=State.CANCELED)
        sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        sandbox.webhooks.deliver_due(everything=True)
        events = WebhookEvent.objects.filter(type__startswith="charge.dispute.")

        webhooks.process_pending(at=paying.later(hours=5))
        assert set(events.values_list("outcome", flat=True)) == {"pending"}
        webhooks.process_pending(at=paying.later(hours=7))

        assert set(events.values_list("outcome", flat=True)) == {"given_up"}
        assert set(LISTS["events"].rows()) == set(events)
        shown = {figure.label: figure.count for figure in figures()}
        assert shown["Events given up"] == events.count() == 2
        assert sum("webhook.given_up" in str(record.msg) for record in caplog.records) == 2
        payment.refresh_from_db()
        assert payment.state == State.CANCELED

    def test_what_fails_in_a_way_that_nobody_foresaw(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> webhook_handlers.Result:
            raise RuntimeError("a row that nobody foresaw")

        monkeypatch.setitem(webhook_handlers._HANDLERS, "refund.updated", fail)
        broken, healthy = told("refund.updated"), told("customer.created")

        for hours, outcome in {1: "pending", 7: "given_up"}.items():
            with pytest.raises(ExceptionGroup):
                webhooks.process_pending(at=paying.later(hours=hours))
            broken.refresh_from_db()
            assert broken.outcome == outcome

        healthy.refresh_from_db()
        assert healthy.outcome == "ignored"
        assert webhooks.process_pending(at=paying.later(hours=8)) == 0

    @pytest.mark.parametrize("silence", [gateway.OutcomeUnknown, gateway.NotConfigured])
    def test_stripes_silence_or_a_missing_key_ends_nothing(
        self, monkeypatch: pytest.MonkeyPatch, silence: type[Exception]
    ) -> None:
        def ask(*_: Any) -> webhook_handlers.Result:
            raise silence("nobody answers")

        monkeypatch.setitem(webhook_handlers._HANDLERS, "refund.updated", ask)
        event = told("refund.updated")
        try:
            webhooks.process_pending(at=paying.later(days=3))
        except ExceptionGroup as raised:
            assert raised.subgroup(gateway.NotConfigured) is not None  # noqa: PT017
        event.refresh_from_db()
        assert (event.outcome, event.attempts) == ("pending", 1)


def test_an_endpoint_of_another_api_version_is_told_of_once(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ours = settings.STRIPE_API_VERSION
    for version in (ours, "", "2019-05-16", "2019-05-16", "2020-08-27"):
        told("customer.created", version=version)
    told("customer.created", version="2019-05-16", account="hi")

    said = [str(record.msg) for record in caplog.records if "other_api_version" in str(record.msg)]
    assert len(said) == 3
    assert all(ours in each for each in said)
    assert WebhookEvent.objects.count() == 6
