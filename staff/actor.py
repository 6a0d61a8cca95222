"""Who acts, as the audit log knows them: taken from the request, once."""

import structlog
from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from accounts.models import User
from staff.services.audit import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The member of staff behind a request. The admin has asked for the log-in before."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # nosec B101  for the type checker
    return Actor(
        user=user,
        role=role_of(user),
        ip_address=get_adapter(request).get_client_ip(request) or None,
        user_agent=request.headers.get("User-Agent", ""),
        request_id=str(_bound("request_id") or ""),
    )


def actor_within(user: User) -> Actor:
    """The same where another app says who acts: what the request log knows of the request."""
    return Actor(
        user=user,
        role=role_of(user),
        ip_address=_bound("ip"),
        user_agent=_bound("user_agent") or "",
        request_id=str(_bound("request_id") or ""),
    )


def _bound(name: str) -> str | None:
    """Bound by the request log (common.middleware): one line there tells the rest."""
    value = structlog.contextvars.get_contextvars().get(name)
    return str(value) if value else None


def role_of(user: User) -> str:
    """The names of the user's roles; "Superuser" for one who needs none."""
    names = sorted(user.groups.values_list("name", flat=True))
    if user.is_superuser:
        names.insert(0, "Superuser")
    return ", ".join(names)
