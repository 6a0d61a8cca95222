"""How long a log-in lasts (design: security, Sessions; ASVS 7.3.1 and 7.3.2).

A session ends after a time without activity, and after a time whatever happens. Both moments are in
the session itself, in whole seconds since 1970, and are checked at every request
(accounts.middleware).
"""

import datetime as dt
from dataclasses import dataclass

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import SessionBase

from accounts.models import User

STARTED, SEEN = "signed_in_at", "seen_at"

# Keys that apps above this one have named (end_at_log_in).
_of_guests: set[str] = set()

# Activity is written down at most this often: most requests then write nothing.
SEEN_EVERY = dt.timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Limits:
    """`idle` without activity, `absolute` in all."""

    idle: dt.timedelta
    absolute: dt.timedelta


MEMBER = Limits(idle=dt.timedelta(minutes=15), absolute=dt.timedelta(hours=12))
STAFF = Limits(idle=dt.timedelta(minutes=10), absolute=dt.timedelta(hours=8))


def limits_of(user: User) -> Limits:
    return STAFF if user.is_staff else MEMBER


def end_at_log_in(*keys: str) -> None:
    """What a session keeps here is a guest's, who need not be whoever logs in next."""
    _of_guests.update(keys)


def start(session: SessionBase, *, now: dt.datetime) -> None:
    """Someone has just logged in."""
    for key in _of_guests:
        session.pop(key, None)
    session[STARTED] = session[SEEN] = int(now.timestamp())


def change_key(session: SessionBase) -> None:
    """Whoever held the old key is out (ASVS 7.2.4); the list of the user's devices keeps its row."""
    old_key = session.session_key
    session.cycle_key()
    UserSession.objects.filter(session_key=old_key).update(session_key=session.session_key)


def touch(session: SessionBase, *, now: dt.datetime) -> bool:
    """Someone is active. Returns whether that was written down."""
    if STARTED not in session:
        start(session, now=now)
        return True
    if now.timestamp() - session[SEEN] < SEEN_EVERY.total_seconds():
        return False
    session[SEEN] = int(now.timestamp())
    return True


def over(session: SessionBase, user: User, *, now: dt.datetime) -> str:
    """Why this session has ended: "idle", "absolute", or "" where it has not."""
    if STARTED not in session:
        return ""
    limits = limits_of(user)
    if now.timestamp() - session[STARTED] >= limits.absolute.total_seconds():
        return "absolute"
    if now.timestamp() - session[SEEN] >= limits.idle.total_seconds():
        return "idle"
    return ""
