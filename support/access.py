"""Whose conversation it is: the log-in's that opened it, or the guest's whose session holds it."""

import datetime as dt

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from common.clock import now
from support.models import Conversation
from support.models.chat import version

_KEY = "guest_chats"
GUEST_LIVES = dt.timedelta(hours=12)
# A guest who opens more has enough.
_MOST = 10


def conversation_of(request: HttpRequest, pk: int) -> Conversation:
    """The conversation, found through its owner. Raises Http404 for everybody else's."""
    found = _theirs(request, pk).select_related("user", "region", "assigned_to", "payment").first()
    if found is None:
        raise Http404
    return found


def version_of(request: HttpRequest, pk: int) -> str:
    """The version alone (Conversation.version): an open page asks for it every few seconds."""
    columns = _theirs(request, pk).values_list("last_message_id", "state", "assigned_to_id").first()
    if columns is None:
        raise Http404
    return version(*columns)


def _theirs(request: HttpRequest, pk: int) -> "QuerySet[Conversation]":
    """At most the one."""
    if request.user.is_authenticated:
        return Conversation.objects.filter(pk=pk, user=request.user)
    if pk in _held(request.session, at=now()):
        return Conversation.objects.filter(pk=pk, user=None)
    return Conversation.objects.none()


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
