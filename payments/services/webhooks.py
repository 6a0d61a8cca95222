"""The inbox: keep each event once, answer at once, then ask Stripe what is true.

An event is a hint that something happened to an object. What it says is never believed: events come
late, twice, in any order, and their content is old by the time we read it.
"""

import datetime as dt

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from common.batches import for_each
from common.clock import now
from payments.gateway import Event, GatewayError, NotConfigured
from payments.models import WebhookEvent
from payments.services import webhook_handlers
from payments.services.webhook_handlers import Result

log = structlog.get_logger(__name__)
Outcome = WebhookEvent.Outcome

# An event may overtake the transaction that makes its payment; after this it is nobody's.
PARK_FOR = dt.timedelta(minutes=10)
# What could not be applied for so long is for a person; the daily comparison asks Stripe once more.
# Stripe's silence ends nothing, however long it lasts.
GIVE_UP_AFTER = dt.timedelta(hours=6)
RETRY_AFTER = dt.timedelta(seconds=20)
BATCH = 200


def receive(*, account: str, event: Event) -> WebhookEvent | None:
    """Keep an event; None where we have it already."""
    kept, new = WebhookEvent.objects.get_or_create(
        stripe_account=account,
        event_id=event.id,
        defaults={
            "type": event.type[:80],
            "object_id": event.object_id[:80],
            "api_version": event.api_version[:40],
        },
    )
    if new:
        _compare_version(account, kept.api_version)
    return kept if new else None


def _compare_version(account: str, version: str) -> None:
    """An endpoint at Stripe may be set to another version than ours: said once, not for each event."""
    ours = settings.STRIPE_API_VERSION
    if version in ("", ours):
        return
    try:
        is_news = cache.add(f"stripe-version:{account}:{ours}:{version}", True, timeout=None)
    except RedisError:
        is_news = True
    if is_news:
        log.error("webhook.other_api_version", account=account, ours=ours, theirs=version)


def process_pending(*, at: dt.datetime | None = None) -> int:
    """Process what is due; returns how many events were taken up."""
    due = WebhookEvent.objects.filter(outcome=Outcome.PENDING, next_attempt_at__lte=at or now())
    ids = list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:BATCH])
    return for_each(
        ids,
        lambda event_id: process(event_id=event_id, at=at or now()),
        failing="events that could not be processed",
    )


def process(*, event_id: int, at: dt.datetime | None = None) -> bool:
    """Process one event, unless another process has it or it is done. Returns whether we did."""
    at = at or now()
    event = _claim(event_id, at)
    if event is None:
        return False
    handler = webhook_handlers.find(event.type)
    if handler is None:
        _finish(event, Outcome.IGNORED)
        return True
    try:
        result = handler(event, at)
    except GatewayError as error:
        log.warning("webhook.no_answer", webhook=event.event_id, error=str(error))
        return True  # stays pending; the sweep comes back
    except NotConfigured:
        raise  # a key that is missing says nothing about the event
    except Exception:
        _give_up(event, at)
        raise
    if result is Result.APPLIED:
        _finish(event, Outcome.APPLIED)
    elif result is Result.LATER:
        _give_up(event, at)
    elif at - event.received_at >= PARK_FOR:
        log.error("webhook.unknown_object", webhook=event.event_id, type=event.type)
        _finish(event, Outcome.ORPHAN)
    return True


def _give_up(event: WebhookEvent, at: dt.datetime) -> None:
    """End an event that has waited too long, and leave it to staff (staff.lists); else it waits."""
    if at - event.received_at >= GIVE_UP_AFTER:
        log.error("webhook.given_up", webhook=event.event_id, type=event.type)
        _finish(event, Outcome.GIVEN_UP)


@transaction.atomic
def _claim(event_id: int, at: dt.datetime) -> WebhookEvent | None:
    event = (
        WebhookEvent.objects.select_for_update(skip_locked=True)
        .filter(pk=event_id, outcome=Outcome.PENDING, next_attempt_at__lte=at)
        .first()
    )
    if event is not None:
        event.attempts += 1
        event.next_attempt_at = at + RETRY_AFTER * min(event.attempts, 6)
        event.save(update_fields=["attempts", "next_attempt_at"])
    return event


def _finish(event: WebhookEvent, outcome: Outcome) -> None:
    WebhookEvent.objects.filter(pk=event.pk, outcome=Outcome.PENDING).update(
        outcome=outcome, processed_at=now()
    )
