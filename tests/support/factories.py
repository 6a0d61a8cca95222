"""Plain functions that put people and bills into the test database.

Each takes what a test cares about and makes up the rest, differently each time.
"""

import datetime as dt
import itertools
from collections.abc import Sequence

from accounts.models import Member, Region, User
from accounts.roles import Role
from accounts.services import second_steps, users
from billing.models import BillingAccount, Invoice
from billing.services import accounts, invoices
from billing.services.invoices import LineDraft

PASSWORD = "correct horse battery staple"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # of every staff user's authenticator app

_number = itertools.count(1)


def make_region(code: str = "NCAL") -> Region:
    """One of the eight regions that the migration put in."""
    return Region.objects.get(code=code)


def make_user(email: str = "", password: str = PASSWORD, **flags: bool) -> User:
    """Someone with a confirmed address who belongs to no member record."""
    return users.create_confirmed_user(
        email=email or f"user{next(_number)}@example.com", password=password, **flags
    )


def make_staff(role: Role | None, email: str = "") -> User:
    """A staff user of a role, with a second step; a superuser where the role is None."""
    email = email or f"staff{next(_number)}@example.com"
    if role is None:
        user = users.create_superuser(email=email, password=PASSWORD)
    else:
        user = users.create_staff(email=email, password=PASSWORD, role=role)
    second_steps.give(user=user, secret=SECRET)
    return user


def make_member(
    *,
    first_name: str = "Ada",
    last_name: str = "Okafor",
    date_of_birth: dt.date = dt.date(1984, 5, 3),
    member_number: str = "",
    region: Region | None = None,
    email: str = "",
    registered: bool = True,
) -> Member:
    """A member record; with a log-in unless `registered=False`."""
    number = next(_number)
    member = Member.objects.create(
        region=region or make_region(),
        member_number=member_number or f"{11000000 + number}",
        first_name=first_name,
        last_name=last_name,
        date_of_birth=date_of_birth,
    )
    if registered:
        users.enrol_member(
            member=member, email=email or f"member{number}@example.com", password=PASSWORD
        )
    return member


def make_account(guarantor: Member | None = None, account_number: str = "") -> BillingAccount:
    """A billing account; of a new registered member unless one is given."""
    guarantor = guarantor or make_member()
    return accounts.open_account(
        region=guarantor.region,
        account_number=account_number or f"{50000000 + next(_number)}",
        guarantor=guarantor,
    )


def make_invoice(
    account: BillingAccount | None = None,
    total_cents: int = 120_00,
    *,
    patient: Member | None = None,
    kind: Invoice.Kind = Invoice.Kind.MEDICAL,
    number: str = "",
    issued_on: dt.date = dt.date(2026, 10, 1),
    due_on: dt.date = dt.date(2026, 11, 30),
    service_on: dt.date = dt.date(2026, 9, 14),
    provider: str = "Lake Clinic",
    facility: str = "",
    lines: Sequence[LineDraft] | None = None,
) -> Invoice:
    """An issued bill, posted in the books; of one line of `total_cents` unless lines are given.

    The patient is the guarantor unless given.
    """
    account = account or make_account()
    number = number or f"B-{next(_number):06d}"
    return invoices.issue(
        account=account,
        patient=patient or account.guarantor,
        kind=kind,
        number=number,
        issued_on=issued_on,
        due_on=due_on,
        service_from=service_on,
        service_to=service_on,
        provider=provider,
        facility=facility,
        lines=lines
        if lines is not None
        else [
            LineDraft(
                service_on=service_on,
                code="99213",
                code_system="CPT",
                description="Office visit",
                charge_cents=total_cents,
                patient_cents=total_cents,
            )
        ],
        source="test",
        source_id=f"{account.pk}/{number}",
    )
