"""What the staff's app is told about the chat: who of ours looked into a conversation, and did what.

It registers here, in its AppConfig.ready, how it writes that down; it is called in the transaction of
what it tells about.
"""

from typing import Protocol

from accounts.models import User
from support.models import Conversation


class Watch(Protocol):
    """`act` is "read", "taken", "answered", "released", "closed" or "file"; or "listed", and then
    there is no one conversation.
    """

    def __call__(self, *, by: User, act: str, conversation: Conversation | None) -> None: ...


_watches: list[Watch] = []


def register_watch(watch: Watch) -> None:
    """Call this whenever staff look into a conversation or act on it."""
    if watch not in _watches:
        _watches.append(watch)


def tell(*, by: User, act: str, conversation: Conversation | None) -> None:
    """Staff did something with somebody's conversation, or looked at the list of all."""
    for watch in _watches:
        watch(by=by, act=act, conversation=conversation)
