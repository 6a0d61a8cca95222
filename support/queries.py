"""What the chat's pages read, on both sides. Each function is one query for any number of rows."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from billing.models import BillingAccount
from support.models import ChatFile, ChatState, Conversation, Message

# A page shows so many messages; the transcript has all of them.
SHOWN = 200
# The desk shows so many of the queue, and says how long it is.
QUEUED = 200
_OF_STAFF = Q(messages__author=Message.Author.STAFF, messages__kind=Message.Kind.TEXT)
_OF_PERSON = Q(messages__author=Message.Author.PERSON, messages__kind=Message.Kind.TEXT)


@dataclass(frozen=True, slots=True)
class Said:
    """One message as both sides see it, in the active language."""

    key: int
    at: dt.datetime
    by_person: bool
    name: str
    text: str
    is_event: bool
    file_key: int | None = None
    file_name: str = ""
    file_size: int = 0


def conversations_of(user: User) -> "QuerySet[Conversation]":
    """A person's conversations, newest first, each with `unread`: answers not seen yet."""
    return (
        Conversation.objects.filter(user=user)
        .annotate(unread=Count("messages", filter=_OF_STAFF & Q(messages__gt=F("person_read_id"))))
        .order_by("-last_message_id")
    )


def of_account(account: BillingAccount) -> "QuerySet[Conversation]":
    """An account's conversations for staff, newest first, each with `unread`."""
    return _for_staff(Conversation.objects.filter(account=account)).order_by("-last_message_id")


def queue(by: User) -> "QuerySet[Conversation]":
    """Everything that is not closed: own ones first, then who has waited longest."""
    return (
        _for_staff(Conversation.objects.exclude(state=ChatState.CLOSED))
        .annotate(theirs=Q(assigned_to=by))
        .order_by(F("theirs").desc(nulls_last=True), F("waiting_since").asc(nulls_last=True), "pk")
    )


def closed(*, limit: int = 50) -> "QuerySet[Conversation]":
    """The conversations that were closed last."""
    found = _for_staff(Conversation.objects.filter(state=ChatState.CLOSED))
    return found.order_by("-last_message_id")[:limit]


def open_count() -> int:
    """How many conversations are not closed."""
    return Conversation.objects.exclude(state=ChatState.CLOSED).count()


def waiting_count() -> int:
    """How many people wait for somebody of ours."""
    return Conversation.objects.filter(state=ChatState.WAITING).count()


def _for_staff(found: "QuerySet[Conversation]") -> "QuerySet[Conversation]":
    return found.select_related("user", "region", "assigned_to", "payment").annotate(
        unread=Count("messages", filter=_OF_PERSON & Q(messages__gt=F("staff_read_id")))
    )


def said(
    conversation: Conversation, *, after: int = 0, limit: int | None = SHOWN, for_staff: bool = False
) -> list[Said]:
    """Messages with a key above `after`, oldest first; the newest `limit` of them."""
    rows = (
        Message.objects.filter(conversation=conversation, pk__gt=after)
        .order_by("-pk")
        .values_list(
            "pk",
            "written_at",
            "author",
            "kind",
            "text",
            "user__first_name",
            "user__last_name",
            "user__email",
            "file__pk",
            "file__name",
            "file__size",
        )
    )
    rows = rows if limit is None else rows[:limit]
    return [_said(conversation, *row, for_staff=for_staff) for row in reversed(rows)]


def _said(
    conversation: Conversation,
    key: int,
    at: dt.datetime,
    author: str,
    kind: str,
    text: str,
    first_name: str | None,
    last_name: str | None,
    email: str | None,
    file_key: int | None,
    file_name: str | None,
    file_size: int | None,
    *,
    for_staff: bool,
) -> Said:
    by_person = author == Message.Author.PERSON
    if by_person:
        name = conversation.person_name if for_staff else _("You")
    else:
        # Members know staff by first name alone.
        full_name = f"{first_name} {last_name}".strip() or str(email)
        name = full_name if for_staff else (first_name or _("Support"))
    return Said(
        key=key,
        at=at,
        by_person=by_person,
        name=name,
        text=text if kind == Message.Kind.TEXT else _event(kind, name),
        is_event=kind != Message.Kind.TEXT,
        file_key=file_key,
        file_name=file_name or "",
        file_size=file_size or 0,
    )


def _event(kind: str, name: str) -> str:
    words = {
        Message.Kind.TAKEN: _("%(name)s will answer"),
        Message.Kind.CLOSED: _("Conversation closed by: %(name)s"),
        Message.Kind.REOPENED: _("Conversation opened again by: %(name)s"),
    }
    return words[Message.Kind(kind)] % {"name": name}


def chat_file(conversation: Conversation, key: int) -> ChatFile:
    """A file of this conversation. Raises ChatFile.DoesNotExist for any other's."""
    return ChatFile.objects.get(pk=key, message__conversation=conversation)
