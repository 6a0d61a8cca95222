"""Sample people of one story's own: the demo's, with the same bills under numbers and addresses apart.

Stories share one running product; what one does to its people, no other meets.
"""

import csv
import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from demo.identities import identities
from demo.people import MEMBERS, STAFF, Person, SampleMember, SampleStaff
from demo.seed import employ, enrol, write_dated
from tests.e2e.product import Product

# Those who do something: not those for whom autopay does it.
CAST = [member for member in MEMBERS if member.autopay is None]


def members_of(story: str, number: int) -> list[SampleMember]:
    return [
        dataclasses.replace(
            one,
            email=address(one, story),
            member_number=f"{one.member_number}{number:02}",
            account_number=f"{one.account_number}-{number:02}",
        )
        for one in CAST
    ]


def staff_of(story: str) -> list[SampleStaff]:
    return [dataclasses.replace(one, email=address(one, story)) for one in STAFF]


def address(person: Person, story: str) -> str:
    """avery.castellan.chat@example.com"""
    name, _, domain = person.email.partition("@")
    return f"{name}.{story.replace('_', '-')}@{domain}"


def import_bills(number: int) -> None:
    """The sample bills once more, for the members of this number."""
    from django.core.management import call_command

    from common.clock import business_date

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cast.csv"
        guarantors = {member.member_number for member in CAST}
        write_dated(path, today=business_date("America/Los_Angeles"), guarantors=guarantors)
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            for column in ("guarantor_member_number", "patient_member_number"):
                row[column] = f"{row[column]}{number:02}"
            row["account_number"] = f"{row['account_number']}-{number:02}"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        call_command("import_bills", str(path), "--format=csv", "--strict", verbosity=0)


def tell(story: str, number: int) -> None:
    """In the product's own Django: put them in and print their identities, as demo_logins does."""
    members, staff = members_of(story, number), staff_of(story)
    import_bills(number)
    for member in members:
        if member.registered:
            enrol(member)
    for person in staff:
        employ(person)
    told = [dataclasses.asdict(one) for one in identities(members=members, staff=staff)]
    sys.stdout.write(json.dumps(told))


def join(product: Product, story: str, number: int) -> list[dict[str, Any]]:
    """Sample people of this story in a running product; their identities."""
    return list(
        json.loads(product.python(f"from tests.e2e import cast; cast.tell({story!r}, {number})"))
    )
