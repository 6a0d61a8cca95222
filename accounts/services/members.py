"""Member records as the billing feed delivers them."""

import datetime as dt
from typing import Literal

from django.db import transaction

from accounts.models import Member, Region

Effect = Literal["new", "changed", "unchanged"]


class MemberConflict(RuntimeError):
    """The number belongs to a person with another date of birth."""


@transaction.atomic
def deliver(
    *,
    region: Region,
    member_number: str,
    first_name: str,
    last_name: str,
    date_of_birth: dt.date,
) -> tuple[Member, Effect]:
    """The member with this number, as the feed knows the person now, and what that changed.

    A name may change. A number that comes with another date of birth is somebody else's, or a mistake
    that staff correct: the date of birth opens a registration. Raises MemberConflict.
    """
    member, is_new = Member.objects.select_for_update(of=("self",)).get_or_create(
        region=region,
        member_number=member_number,
        defaults={
            "first_name": first_name,
            "last_name": last_name,
            "date_of_birth": date_of_birth,
        },
    )
    if is_new:
        return member, "new"
    if member.date_of_birth != date_of_birth:
        raise MemberConflict(f"member {member_number} has another date of birth")
    if (member.first_name, member.last_name) == (first_name, last_name):
        return member, "unchanged"
    member.first_name, member.last_name = first_name, last_name
    member.save(update_fields=["first_name", "last_name"])
    return member, "changed"
