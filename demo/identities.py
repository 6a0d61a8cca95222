"""Every sample identity with what a script needs to act as that person."""

from collections.abc import Iterable
from dataclasses import dataclass

from billing.models import Invoice
from demo.people import MEMBERS, STAFF, SampleMember, SampleStaff


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One row of `manage.py demo_logins`. What a person does not have is None.

    Somebody of role `unregistered_member` cannot log in yet: e-mail and password are to register with.
    """

    role: str
    email: str
    password: str
    region: str | None
    member_number: str | None
    first_name: str
    last_name: str
    date_of_birth: str | None  # 1984-05-17
    account_number: str | None
    pay_code: str | None  # of the open bill that is due first
    totp_secret: str | None  # Base32; makes the codes of the second step (RFC 6238)


def identities(
    *, members: Iterable[SampleMember] = MEMBERS, staff: Iterable[SampleStaff] = STAFF
) -> list[Identity]:
    pay_codes = {
        (region, account): code
        for region, account, code in Invoice.objects.open()
        .filter(pay_code__isnull=False)
        .order_by("-due_on", "-pk")
        .values_list("account__region__code", "account__account_number", "pay_code")
    }
    as_members = [
        Identity(
            role=person.role,
            email=person.email,
            password=person.password,
            region=person.region,
            member_number=person.member_number,
            first_name=person.first_name,
            last_name=person.last_name,
            date_of_birth=person.date_of_birth.isoformat(),
            account_number=person.account_number,
            pay_code=pay_codes.get((person.region, person.account_number)),
            totp_secret=None,
        )
        for person in members
    ]
    as_staff = [
        Identity(
            role=person.role,
            email=person.email,
            password=person.password,
            region=None,
            member_number=None,
            first_name=person.first_name,
            last_name=person.last_name,
            date_of_birth=None,
            account_number=None,
            pay_code=None,
            totp_secret=person.totp_secret,
        )
        for person in staff
    ]
    return as_members + as_staff
