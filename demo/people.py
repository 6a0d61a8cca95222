"""The demo's people: invented names, one password, the same on every machine.

Bills and members come from demo/samples/seed.csv through the importer (manage.py seed_demo); here is
who can log in, and who is yet to register.
"""

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass

from accounts.roles import Role

# Protects nothing: it opens sample data on the machine that made it, and production never has it.
PASSWORD = "quiet-Heron-42"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One sample identity. Who has not registered yet has the e-mail address to register with."""

    role: str
    email: str
    first_name: str
    last_name: str
    about: str
    password: str = PASSWORD


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAutopay:
    """What is paid by itself, and from which of Stripe's test methods; the limit is of one draw."""

    scope: str  # autopay.models.Scope
    method: str
    limit_cents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleMember(Person):
    """A guarantor whom the billing feed delivered."""

    region: str
    member_number: str
    date_of_birth: dt.date
    account_number: str
    registered: bool = True
    autopay: SampleAutopay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleStaff(Person):
    """Somebody who works in the admin, with the rights of a role (None: all rights)."""

    staff_role: Role | None

    @property
    def totp_secret(self) -> str:
        """What the person's authenticator app knows, in Base32: the same on every machine."""
        return base64.b32encode(hashlib.sha256(self.email.encode()).digest()[:20]).decode()


MEMBERS = (
    SampleMember(
        role="member_with_bills",
        email="avery.castellan@example.com",
        first_name="Avery",
        last_name="Castellan",
        about="medical bills and premiums, due soon, past due and covered",
        region="NCAL",
        member_number="110042017",
        date_of_birth=dt.date(1984, 5, 17),
        account_number="NC-204-7718",
    ),
    SampleMember(
        role="member_without_bills",
        email="noor.vandermeer@example.com",
        first_name="Noor",
        last_name="Vandermeer",
        about="an account, and nothing to pay",
        region="GA",
        member_number="440098123",
        date_of_birth=dt.date(1991, 11, 3),
        account_number="GA-118-0932",
    ),
    SampleMember(
        role="household",
        email="ines.oduya@example.com",
        first_name="Inés",
        last_name="Oduya",
        about="pays for three patients",
        region="HI",
        member_number="550076410",
        date_of_birth=dt.date(1979, 2, 28),
        account_number="HI-330-5501",
    ),
    SampleMember(
        role="autopay_of_premiums",
        email="mateo.larkspur@example.com",
        first_name="Mateo",
        last_name="Larkspur",
        about="premiums paid by themselves, from a bank account",
        region="CO",
        member_number="330027745",
        date_of_birth=dt.date(1972, 8, 14),
        account_number="CO-641-3087",
        autopay=SampleAutopay(scope="premiums", method="pm_usBankAccount_success"),
    ),
    SampleMember(
        role="autopay_of_medical_bills",
        email="wilhelmina.fenwick@example.com",
        first_name="Wilhelmina",
        last_name="Fenwick",
        about="medical bills up to $150.00 paid by themselves, by card",
        region="SCAL",
        member_number="220063518",
        date_of_birth=dt.date(1990, 3, 30),
        account_number="SC-775-1264",
        autopay=SampleAutopay(scope="medical", method="pm_card_visa", limit_cents=150_00),
    ),
    SampleMember(
        role="unregistered_member",
        email="river.ashdown@example.com",
        first_name="River",
        last_name="Ashdown",
        about="has bills and has not registered yet",
        region="WA",
        member_number="880031266",
        date_of_birth=dt.date(1988, 9, 9),
        account_number="WA-512-6640",
        registered=False,
    ),
    SampleMember(
        role="unregistered_member",
        email="tamsin.okearsley@example.com",
        first_name="Tamsin",
        last_name="O'Kearsley",
        about="another who has not registered yet",
        region="MAS",
        member_number="660054908",
        date_of_birth=dt.date(1996, 12, 31),
        account_number="MA-907-2215",
        registered=False,
    ),
)

STAFF = (
    SampleStaff(
        role="billing_agent",
        email="agent@kppay.example",
        first_name="Bela",
        last_name="Agnew",
        about="staff: sees members and their bills",
        staff_role=Role.BILLING_AGENT,
    ),
    SampleStaff(
        role="supervisor",
        email="supervisor@kppay.example",
        first_name="Suri",
        last_name="Pervaiz",
        about="staff: approves",
        staff_role=Role.SUPERVISOR,
    ),
    SampleStaff(
        role="auditor",
        email="auditor@kppay.example",
        first_name="Odile",
        last_name="Audry",
        about="staff: reads everything, changes nothing",
        staff_role=Role.AUDITOR,
    ),
    SampleStaff(
        role="superuser",
        email="admin@kppay.example",
        first_name="Rowan",
        last_name="Admire",
        about="staff: everything",
        staff_role=None,
    ),
)


def log_ins() -> str:
    """The table that `make run` shows: who can log in, and who can register."""
    registered = [person for person in MEMBERS if person.registered]
    lines = [f"  Log in with one of these; the password is {PASSWORD}"]
    lines += [f"    {person.email:<30} {person.about}" for person in (*registered, *STAFF)]
    lines.append("    Staff log in with a code too: manage.py demo_logins --code EMAIL prints it")
    lines.append("  Or register as somebody whom the billing feed delivered:")
    lines += [
        f"    {person.first_name} {person.last_name}, {person.region}, "
        f"member number {person.member_number}, born {person.date_of_birth:%m/%d/%Y}"
        for person in MEMBERS
        if not person.registered
    ]
    return "\n".join(lines)
