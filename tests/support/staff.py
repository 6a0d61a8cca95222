"""People at the desk, without the browser."""

from accounts.models import User
from accounts.roles import Role
from staff.actor import role_of
from staff.services.audit import Actor
from tests.support.factories import make_staff


def actor(role: Role | None = Role.BILLING_AGENT, user: User | None = None) -> Actor:
    """Somebody of a role at a browser."""
    user = user or make_staff(role)
    return Actor(
        user=user,
        role=role_of(user),
        ip_address="203.0.113.9",
        user_agent="Test browser",
        request_id="0123456789abcdef",
    )
