"""How a person whom the billing feed knows gets a log-in: claim a record, then confirm by mail.

The only writer of Registration and of Member.user. Nobody learns here whether a member number
exists, whether somebody has registered it, or whether an e-mail address is in use.
"""

import datetime as dt
import hashlib

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import connection, models, transaction

from accounts.matching import (
    COMPARABLE_MEMBER_NUMBER,
    comparable_member_number,
    comparable_name,
)
from accounts.models import Member, Region, Registration, User
from common import clock
from common.locks import lock_one


class NoSuchMember(LookupError):
    """The details match no record that may be registered. One exception for every reason."""


class MemberTaken(RuntimeError):
    """Somebody else confirmed first."""


def find_member(
    *, region: Region, member_number: str, first_name: str, last_name: str, date_of_birth: dt.date
) -> Member:
    """The record that these details are about, if nobody has registered it. Raises NoSuchMember."""
    claimed = (comparable_name(first_name), comparable_name(last_name), date_of_birth)
    candidates = Member.objects.annotate(comparable_number=COMPARABLE_MEMBER_NUMBER).filter(
        region=region, comparable_number=comparable_member_number(member_number)
    )
    for member in candidates:
        known = (
            comparable_name(member.first_name),
            comparable_name(member.last_name),
            member.date_of_birth,
        )
        if known == claimed and all(claimed) and member.user_id is None:
            return member
    raise NoSuchMember


def register(
    *,
    member: Member,
    email: str,
    password: str,
    language: str = "en",
    instead_of: User | None = None,
) -> User | None:
    """Claim `member` for a new user of this address, whose confirmation is still to come.

    Mails to the user are written in `language`.

    A claim under the same address that nobody confirmed gives way, and so does `instead_of`, the
    claim that the person made before with another address: links in earlier mails die.
    Returns None where the address belongs to someone: the caller then answers as if it had worked,
    and lets the owner know by mail. The work is the same, so the answer takes the same time.
    """
    email = email.strip().lower()
    password_hash = make_password(password)
    with transaction.atomic():
        _lock_address(email)
        _withdraw(User.objects.filter(email=email))
        if instead_of is not None:
            _withdraw(User.objects.filter(pk=instead_of.pk))
        if not _is_free(email):
            return None
        user = User.objects.create(
            email=email,
            password=password_hash,
            first_name=member.first_name,
            last_name=member.last_name,
            language=language,
        )
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
        Registration.objects.create(user=user, member=member)
    return user


@transaction.atomic
def confirm(*, user: User) -> None:
    """Give the claimed record to the user who has just confirmed an address.

    Does nothing for a user without a claim. Raises MemberTaken where another claim was confirmed
    before; this one is then withdrawn together with its user.
    """
    claim = Registration.objects.filter(user=user).first()
    if claim is None:
        return
    member = lock_one(Member.objects.filter(pk=claim.member_id))
    if member.user_id is not None:
        raise MemberTaken(member.pk)
    member.user, member.registered_at = user, clock.now()
    member.save(update_fields=["user", "registered_at"])
    claim.delete()


@transaction.atomic
def withdraw(*, user: User) -> None:
    """Forget a claim that was never confirmed, and its user. Others stay as they are."""
    _withdraw(User.objects.filter(pk=user.pk))


@transaction.atomic
def make_way(*, email: str, user: User) -> bool:
    """Let `user` have this address: claims under it that nobody confirmed give way.

    Returns False where the address belongs to someone else.
    """
    _lock_address(email)
    _withdraw(User.objects.filter(email=email).exclude(pk=user.pk))
    others = User.objects.filter(email=email).exclude(pk=user.pk).exists()
    return not others and not _confirmed(email).exclude(user=user).exists()


def _withdraw(users: models.QuerySet[User]) -> None:
    """Delete those users who are nothing but an unconfirmed claim."""
    for user in users.filter(
        registration__isnull=False, member__isnull=True, is_staff=False, last_login__isnull=True
    ):
        user.delete()


def _is_free(email: str) -> bool:
    return not User.objects.filter(email=email).exists() and not _confirmed(email).exists()


def _confirmed(email: str) -> models.QuerySet[EmailAddress]:
    return EmailAddress.objects.filter(email=email, verified=True)


def _lock_address(email: str) -> None:
    """One at a time per address until the transaction ends, even where no row exists to lock."""
    key = int.from_bytes(hashlib.sha256(email.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
