"""Whose conversation it is: the log-in's that opened it, or the guest's whose session holds it."""

import datetime as dt
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from common.clock import now
from support.models import Conversation
from support.models.chat import version

_KEY = "guest_conversations"
GUEST_LIVES = dt.timedelta(hours=12)
# A guest who opens more has enough.
_MOST = 10


class LinkNeeded(Exception):
    """The mailed link was used after this browser was let in, and this browser has not shown it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What a guest's session knows of a conversation."""

    until: float  # a timestamp
    epoch: int  # Conversation.guest_epoch, when the session was let in


def conversation_of(request: HttpRequest, pk: int) -> Conversation:
    """The conversation, found through its owner. Raises Http404 for everybody else's; LinkNeeded."""
    found = _theirs(request, pk).select_related("user", "region", "assigned_to", "payment").first()
    if found is None:
        raise Http404
    _check_epoch(request, pk, found.guest_epoch)
    return found


def version_of(request: HttpRequest, pk: int) -> str:
    """The version alone (Conversation.version): an open page asks for it every few seconds."""
    found = _theirs(request, pk)
    row = found.values_list("guest_epoch", "last_message_id", "state", "assigned_to_id").first()
    if row is None:
        raise Http404
    epoch, last_message_id, state, assigned_to_id = row
    _check_epoch(request, pk, epoch)
    return version(last_message_id, state, assigned_to_id)


def _theirs(request: HttpRequest, pk: int) -> "QuerySet[Conversation]":
    """At most the one."""
    if request.user.is_authenticated:
        return Conversation.objects.filter(pk=pk, user=request.user)
    if pk in _held(request.session, at=now()):
        return Conversation.objects.filter(pk=pk, user=None)
    return Conversation.objects.none()


def _check_epoch(request: HttpRequest, pk: int, epoch: int) -> None:
    """Anybody can give anybody's address; whoever has its mail shuts out who gave it."""
    if not request.user.is_authenticated and _held(request.session, at=now())[pk].epoch != epoch:
        raise LinkNeeded


def let_in(session: SessionBase, conversation: Conversation, *, at: dt.datetime) -> None:
    """This browser is the guest's: it has just opened the conversation, or used a mailed link."""
    held = _held(session, at=at)
    held[conversation.pk] = Hold((at + GUEST_LIVES).timestamp(), conversation.guest_epoch)
    _keep(session, held)


def forget(session: SessionBase, pk: int, *, at: dt.datetime) -> None:
    """This browser is no longer the guest's. Raises Http404 where it was not."""
    held = _held(session, at=at)
    if held.pop(pk, None) is None:
        raise Http404
    _keep(session, held)


def guest_conversations(request: HttpRequest) -> list[int]:
    """Keys of the conversations that this guest's session holds."""
    return sorted(_held(request.session, at=now()))


def _keep(session: SessionBase, held: dict[int, Hold]) -> None:
    newest = sorted(held.items(), key=lambda pair: pair[1].until)[-_MOST:]
    session[_KEY] = {str(pk): [hold.until, hold.epoch] for pk, hold in newest}


def _held(session: SessionBase, *, at: dt.datetime) -> dict[int, Hold]:
    kept = {int(pk): Hold(*hold) for pk, hold in session.get(_KEY, {}).items()}
    return {pk: hold for pk, hold in kept.items() if hold.until > at.timestamp()}
