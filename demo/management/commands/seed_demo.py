"""Put in the sample people and their bills."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.models import Member
from billing.models import Invoice
from common.clock import business_date
from demo.environment import demo_folder
from demo.people import STAFF
from demo.seed import seed
from demo.stripe.core import Sandbox

TIME_ZONE = "America/Los_Angeles"  # of most sample people


class Command(BaseCommand):
    help = "Put in the sample people and their bills. A second run changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        store = demo_folder() / "stripe" / "stripe.sqlite"
        sandbox = Sandbox(store) if settings.STRIPE_API_BASE and store.exists() else None
        seed(today=business_date(TIME_ZONE), sandbox=sandbox)
        self.stdout.write(
            f"{Member.objects.count()} members, {Invoice.objects.count()} bills, {len(STAFF)} staff."
        )
