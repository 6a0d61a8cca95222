"""What staff do in other apps' pages, written into the audit log: the chat and the admin tell it by
their hooks.
"""

from django.db import models
from django.http import HttpRequest

from accounts.models import Member, User
from billing.models import BillingAccount
from staff.actor import actor_of, actor_within
from staff.models import Action
from staff.services import audit
from staff.services.audit import hide_numbers
from support.models import Conversation

CHAT_ACTIONS = {
    "read": Action.CHAT_READ,
    "file": Action.CHAT_READ,
    "taken": Action.CHAT_TAKEN,
    "answered": Action.CHAT_ANSWERED,
    "released": Action.CHAT_RELEASED,
    "closed": Action.CHAT_CLOSED,
}


def watch_chat(*, by: User, act: str, conversation: Conversation | None) -> None:
    """Called in the transaction of what it tells about. A guest's conversation has no account."""
    if conversation is None:
        audit.record(by=actor_within(by), action=Action.LISTED, reference="list chat")
        return
    audit.record(
        by=actor_within(by),
        action=CHAT_ACTIONS[act],
        account=conversation.account,
        member=_member_of(conversation.user_id),
        reference=f"chat {conversation.pk}",
        detail={"what": act},
    )


def watch_admin(*, request: HttpRequest, model: type[models.Model], row: models.Model | None) -> None:
    """A page of the admin: a list with what was searched in it, or a record and whose it is."""
    name = model._meta.label_lower
    if row is None:
        asked = {key: hide_numbers(str(value)) for key, value in request.GET.items()}
        audit.record(by=actor_of(request), action=Action.LISTED, reference=f"list {name}", detail=asked)
        return
    audit.record(
        by=actor_of(request),
        action=Action.LOOKED,
        account=row if isinstance(row, BillingAccount) else getattr(row, "account", None),
        member=_whose(row),
        reference=f"{name} {row.pk}",
    )


def _whose(row: models.Model) -> Member | None:
    """The member that a record is about; None leaves it to its account, where it has one."""
    if isinstance(row, Member):
        return row
    if isinstance(row, User):
        return _member_of(row.pk)
    return getattr(row, "patient", None)


def _member_of(user_id: int | None) -> Member | None:
    return Member.objects.filter(user=user_id).first() if user_id else None
