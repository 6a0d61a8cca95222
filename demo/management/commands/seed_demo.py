"""Put in the sample people and their bills. A second run changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand

class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        pass
