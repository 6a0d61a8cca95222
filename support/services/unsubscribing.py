"""Who wants reminders, and the links by which one says so without logging in."""

import datetime as dt

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import User
from support.models import ReminderChoice

_SIGNER = signing.Signer(salt="support.reminders", sep=".")


class LinkDead(Exception):
    """Not a link of ours."""


def wants_reminders(user: User) -> bool:
    """Whoever has not said otherwise."""
    choice = ReminderChoice.objects.filter(user=user).first()
    return choice is None or choice.wanted


def choose(*, user: User, wanted: bool, at: dt.datetime) -> None:
    """Takes effect at once."""
    ReminderChoice.objects.update_or_create(user=user, defaults={"wanted": wanted, "changed_at": at})


def path(user: User) -> str:
    """Where this user ends reminders; it does not expire, as the mails do not (CAN-SPAM, 30 days)."""
    return reverse("reminders_stop", args=[_SIGNER.sign(str(user.pk))])


def user_of(token: str) -> User:
    """Whose link this is. Raises LinkDead."""
    try:
        return User.objects.get(pk=int(_SIGNER.unsign(token)))
    except (signing.BadSignature, ValueError, User.DoesNotExist) as error:
        raise LinkDead from error


def headers(stop_path: str) -> dict[str, str]:
    """A mail program's own button: one POST, no page (RFC 2369, RFC 8058)."""
    return {
        "List-Unsubscribe": f"<{settings.SITE_URL}{stop_path}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
