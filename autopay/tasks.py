"""What beat wakes workers for. Each finds its work in the database, and may run twice or be killed.

Every region has its own day: a task runs each region on the day that it is there.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import shared_task
from django.conf import settings

from accounts.models import Region
from autopay.exceptions import ClockSetBack
from autopay.services import cards, drawing, notices, outcomes, planning
from common.batches import for_each
from common.clock import business_date, check_clock


@shared_task
def plan_and_announce() -> None:
    """Follow the bills, date the draws, write their notices, and see which were delivered."""
    check_clock()
    _each_region(cards.take_up_renewed)
    _each_region(planning.plan_region)
    _each_region(notices.follow_up)
    _each_region(notices.announce_due)


@shared_task
def run_regions() -> None:
    """Wake a worker for each region."""
    check_clock()
    for key in Region.objects.order_by("pk").values_list("pk", flat=True):
        run_region.delay(key)


@shared_task
def run_region(region_id: int) -> None:
    """Draw what is due in one region on its own day."""
    check_clock()
    region = Region.objects.get(pk=region_id)
    today = business_date(region.time_zone)
    with suppress(ClockSetBack):  # a later day was run, and the alert is raised
        drawing.run(region=region, as_of=today, today=today, threads=settings.AUTOPAY_THREADS)


@shared_task
def apply_outcomes() -> None:
    """Take in what became of draws: refusals are told, and tried again by the rules."""
    check_clock()
    _each_region(outcomes.apply_due)


@shared_task
def announce_card_expiry() -> None:
    """Tell the owners of cards that expire soon."""
    check_clock()
    _each_region(cards.announce_expiry)


def _each_region(act: Callable[..., Any]) -> None:
    """On each region's own day; one that fails keeps no other waiting."""

    def on_its_day(region: Region) -> bool:
        act(region=region, as_of=business_date(region.time_zone))
        return True

    for_each(Region.objects.order_by("pk"), on_its_day, failing="regions")
