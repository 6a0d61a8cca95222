"""Whose conversation it is: the log-in's that opened it, or the guest's whose session holds it."""

import datetime as dt

from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpRequest

from common.clock import now
from support.models import Conversation

_KEY = "guest_chats"
GUEST_LIVES = dt.timedelta(hours=12)
# A guest who opens more has enough.
_MOST = 10


def conversation_of(request: HttpRequest, pk: int) -> Conversation:
    """The conversation, found through its owner. Raises Http404 for everybody else's."""
    theirs = Conversation.objects.select_related("user", "region", "assigned_to", "payment")
    if request.user.is_authenticated:
        theirs = theirs.filter(user=request.user)
    elif pk in _held(request.session, at=now()):
        theirs = theirs.filter(user=None)
    else:
        raise Http404
    try:
        return theirs.get(pk=pk)
    except Conversation.DoesNotExist as missing:
        raise Http404 from missing


def let_in(session: SessionBase, conversation: Conversation, *, at: dt.datetime) -> None:
    """This browser is the guest's: it has just opened the conversation, or used a mailed link."""
    held = _held(session, at=at)
    held[conversation.pk] = (at + GUEST_LIVES).timestamp()
    newest = sorted(held.items(), key=lambda pair: pair[1])[-_MOST:]
    session[_KEY] = {str(pk): until for pk, until in newest}


def guest_conversations(request: HttpRequest) -> list[int]:
    """Keys of the conversations that this guest's session holds."""
    return sorted(_held(request.session, at=now()))


def _held(session: SessionBase, *, at: dt.datetime) -> dict[int, float]:
    kept = session.get(_KEY, {})
    return {int(pk): until for pk, until in kept.items() if until > at.timestamp()}
