"""What staff do in other apps' pages, written into the audit log: the chat tells it by its hook."""

from accounts.models import User
from staff.actor import actor_within
from staff.models import Action
from staff.services import audit
from support.models import Conversation

CHAT_ACTIONS = {
    "read": Action.CHAT_READ,
    "file": Action.CHAT_READ,
    "taken": Action.CHAT_TAKEN,
    "answered": Action.CHAT_ANSWERED,
    "released": Action.CHAT_RELEASED,
    "closed": Action.CHAT_CLOSED,
}


def watch_chat(*, by: User, act: str, conversation: Conversation) -> None:
    """Called in the transaction of what it tells about. A guest's conversation has no account."""
    audit.record(
        by=actor_within(by),
        action=CHAT_ACTIONS[act],
        account=conversation.account,
        reference=f"chat {conversation.pk}",
        detail={"what": act},
    )
