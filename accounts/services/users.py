"""Log-ins that somebody vouches for: staff, and members whom we enrol without the form.

Members register themselves in accounts.services.registration.
"""

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from accounts.models import Member, User
from accounts.roles import Role
from common import clock


class UnknownLanguage(ValueError):
    """The portal is not written in this language."""


def set_language(*, user: User, language: str) -> None:
    """Write to this user in a language of the portal from now on. Raises UnknownLanguage."""
    if language not in dict(settings.LANGUAGES):
        raise UnknownLanguage(language[:20])
    User.objects.filter(pk=user.pk).update(language=language)
    user.language = language


@transaction.atomic
def create_confirmed_user(
    *, email: str, password: str, first_name: str = "", last_name: str = "", **flags: bool
) -> User:
    """A user whose address needs no confirmation by mail. Raises IntegrityError if it is taken."""
    user = User.objects.create_user(
        email, password, first_name=first_name, last_name=last_name, **flags
    )
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


@transaction.atomic
def create_staff(
    *, email: str, password: str, role: Role, first_name: str = "", last_name: str = ""
) -> User:
    """A staff user in the group of a role."""
    user = create_confirmed_user(
        email=email, password=password, first_name=first_name, last_name=last_name, is_staff=True
    )
    user.groups.add(Group.objects.get(name=role.value))
    return user


@transaction.atomic
def create_superuser(*, email: str, password: str, first_name: str = "", last_name: str = "") -> User:
    """A user who may do everything the admin offers."""
    return create_confirmed_user(
        email=email,
        password=password,
        first_name=first_name,
        last_name=last_name,
        is_staff=True,
        is_superuser=True,
    )


@transaction.atomic
def enrol_member(*, member: Member, email: str, password: str) -> User:
    """A log-in for a member record that nobody has registered. Raises IntegrityError if taken."""
    user = create_confirmed_user(
        email=email, password=password, first_name=member.first_name, last_name=member.last_name
    )
    member.user, member.registered_at = user, clock.now()
    member.save(update_fields=["user", "registered_at"])
    return user
