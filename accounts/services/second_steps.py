"""The second step of a log-in, beside allauth's flows: who needs one, and that no code counts twice."""

import hmac
import time

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.db import connection, transaction

from accounts.models import UsedCode, User

PERIOD = 30  # seconds that a code of an authenticator app lives (RFC 6238, 5.2)


def has_one(user: User) -> bool:
    """Whether the user's log-ins take a second step. Recovery codes alone are none."""
    return (
        Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
    )


def is_only_one(authenticator: Authenticator) -> bool:
    """Whether its owner would have no second step without it."""
    others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
    return not others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()


def code_at(secret: str, moment: float) -> str:
    """What an authenticator app shows at a moment, in seconds since 1970."""
    return format_hotp_value(hotp_value(secret, int(moment) // PERIOD))


def use_up(*, user: User, secret: str, code: str) -> bool:
    """Note that a right code was used; False where it, or a later one, was used before.

    PostgreSQL keeps the mark, so that a cache that was emptied lets no code in twice (RFC 6238, 5.2).
    """
    now = time.time()
    # A code that was right a moment ago may have just run out.
    steps = (int(now) // PERIOD, int(now) // PERIOD - 1)
    typed = normalize_user_code(code)  # as allauth has compared it
    for step in steps:
        if hmac.compare_digest(format_hotp_value(hotp_value(secret, step)), typed):
            return _mark(user, step)
    return False


def _mark(user: User, step: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {UsedCode._meta.db_table} (user_id, step) VALUES (%s, %s)
            ON CONFLICT (user_id) DO UPDATE SET step = excluded.step
            WHERE {UsedCode._meta.db_table}.step < excluded.step
            """,  # noqa: S608  # nosec B608  the table's own name
            [user.pk, step],
        )
        return bool(cursor.rowcount)


def give(*, user: User, secret: str) -> None:
    """An authenticator app that knows `secret` (Base32), for somebody whose app we vouch for."""
    TOTP.activate(user, secret)


@transaction.atomic
def reset(*, user: User) -> None:
    """Take every second step away, for somebody who has lost them, and end the user's sessions.

    Staff then see nothing but the page that sets one up.
    """
    Authenticator.objects.filter(user=user).delete()
    for session in UserSession.objects.filter(user=user):
        session.end()


def end_other_sessions(*, user: User, current_key: str | None) -> None:
    """Those that began before there was a second step, and never took it."""
    for session in UserSession.objects.filter(user=user).exclude(session_key=current_key):
        session.end()
