"""Print every sample identity, for people and for scripts."""

import argparse
import json
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.second_steps import code_at
from common.clock import now
from demo.identities import Identity, identities
from demo.people import STAFF

COLUMNS = tuple(field.name for field in fields(Identity))


def code_of(email: str) -> str:
    """What the authenticator app of a sample staff user shows now."""
    for person in STAFF:
        if person.email == email.strip().lower():
            return code_at(person.totp_secret, now().timestamp())
    raise CommandError(f"{email} is no sample staff user.")


class Command(BaseCommand):
    help = "Print every sample identity: who can log in, and who is yet to register."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
        parser.add_argument("--code", metavar="EMAIL", help="print the code that staff log in with now")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["code"]:
            self.stdout.write(code_of(options["code"]))
            return
        rows = [asdict(identity) for identity in identities()]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        table = [COLUMNS, *(tuple(row[column] or "-" for column in COLUMNS) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for row in table:
            self.stdout.write(
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
