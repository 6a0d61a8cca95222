"""manage.py verify_ledger: recompute the books; exit 1 on any difference."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.services.verification import CHECKS


class Command(BaseCommand):
    help = "Recompute balances, bills, payments and sealed blocks. Exits 1 on any difference."

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        for name, check in CHECKS.items():
            differences = list(check())
            found += len(differences)
            self.stdout.write(f"{'ok  ' if not differences else 'FAIL'}  {name}")
            for difference in differences:
                self.stdout.write(f"      {difference}")
        if found:
            raise CommandError(f"{found} difference(s) found.", returncode=1)
        self.stdout.write(self.style.SUCCESS("The books hold."))
