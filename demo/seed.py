"""The sample people and their bills, put in through the same doors as real ones.

demo/samples/seed.csv has the columns of docs/import.md; its days are counted from today ("-28", "9"),
so that some bills are always due soon and some past due.
"""

import csv
import datetime as dt
import tempfile
from collections.abc import Collection
from pathlib import Path

from django.core.management import call_command

from accounts.models import Member, User
from accounts.services import second_steps, users
from demo import autopay
from demo.people import MEMBERS, STAFF, SampleMember, SampleStaff
from demo.stripe.core import Sandbox

BILLS = Path(__file__).resolve().parent / "samples" / "seed.csv"
DAYS = ("issued_on", "due_on", "service_on", "service_to")


def seed(*, today: dt.date, sandbox: Sandbox | None = None) -> None:
    """Everything that is missing of the sample people. Their bills are dated from `today`, once.

    With a `sandbox`, whose test cards nobody has to type, autopay too; where Stripe is real, without.
    """
    missing = {member.member_number for member in MEMBERS if not is_known(member)}
    if missing:
        import_bills(missing, today=today)
    for member in MEMBERS:
        if member.registered:
            enrol(member)
        if member.autopay and sandbox is not None:
            autopay.begin(member, member.autopay, sandbox)
    for person in STAFF:
        employ(person)


def is_known(person: SampleMember) -> bool:
    """Whether the person's bills went in before; their days must not move with a second run."""
    return Member.objects.filter(
        region__code=person.region, member_number=person.member_number
    ).exists()


def import_bills(guarantors: Collection[str], *, today: dt.date) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed.csv"
        write_dated(path, today=today, guarantors=guarantors)
        call_command("import_bills", str(path), "--format=csv", "--strict", verbosity=0)


def write_dated(path: Path, *, today: dt.date, guarantors: Collection[str] | None = None) -> None:
    """The sample bills, all or those of some, with calendar days in place of counts of days."""
    with BILLS.open(newline="", encoding="utf-8") as source, path.open("w", newline="") as target:
        reader = csv.DictReader(source)
        writer = csv.DictWriter(target, fieldnames=reader.fieldnames or [])
        writer.writeheader()
        for row in reader:
            if guarantors is not None and row["guarantor_member_number"] not in guarantors:
                continue
            for column in DAYS:
                if row[column]:
                    row[column] = (today + dt.timedelta(days=int(row[column]))).isoformat()
            writer.writerow(row)


def enrol(person: SampleMember) -> None:
    """Give the member record a log-in, as if the person had registered."""
    member = Member.objects.get(region__code=person.region, member_number=person.member_number)
    if member.user_id is None:
        users.enrol_member(member=member, email=person.email, password=person.password)


def employ(person: SampleStaff) -> None:
    """With a second step, which scripts can take (manage.py demo_logins)."""
    user = User.objects.filter(email=person.email).first() or _log_in_for(person)
    if not second_steps.has_one(user):
        second_steps.give(user=user, secret=person.totp_secret)


def _log_in_for(person: SampleStaff) -> User:
    names = {"first_name": person.first_name, "last_name": person.last_name}
    if person.staff_role is None:
        return users.create_superuser(email=person.email, password=person.password, **names)
    return users.create_staff(
        email=person.email, password=person.password, role=person.staff_role, **names
    )
