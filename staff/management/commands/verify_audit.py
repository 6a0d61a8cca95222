"""manage.py verify_audit: recompute the audit log's blocks; exit 1 on any difference."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from staff.models import AuditBlock
from staff.services import audit


class Command(BaseCommand):
    help = "Recompute the sealed blocks of the audit log. Exits 1 on any difference."

    def handle(self, *args: Any, **options: Any) -> None:
        differences = list(audit.broken_blocks())
        for difference in differences:
            self.stdout.write(f"FAIL  {difference}")
        if differences:
            raise CommandError(f"{len(differences)} difference(s) found.", returncode=1)
        head = AuditBlock.objects.order_by("-number").first()
        self.stdout.write(
            self.style.SUCCESS(
                f"The audit log holds: {head.number} block(s), head {head.hash}."
                if head
                else "The audit log holds: nothing is sealed yet."
            )
        )
