"""How a conversation moves. Each act locks its row, so that messages have one order and one key each.

The person's side is a member or a guest; the other side is staff. Writing to a closed conversation
opens it again. Nothing here reads HTML: text is kept as it was typed, and shown as text.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TypeAlias

from django.db import models, transaction

from accounts.models import Region, User
from billing.models import BillingAccount
from common.cards import has_card_number
from common.locks import lock_one
from payments.models import Payment
from support import emails, hooks
from support.models import MAX_TEXT, ChatFile, ChatState, Conversation, Message
from support.services.attachments import Accepted

Author: TypeAlias = Message.Author
Kind: TypeAlias = Message.Kind

# A person types fewer; a script does not.
MESSAGES_A_MINUTE = 12
OPEN_AT_ONCE = 5
OPENED_A_DAY = 10


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What one conversation takes from its person in 24 hours: every file is kept for good."""

    count: int
    size: int  # bytes of all of them


FILES_OF_MEMBERS = FileLimits(count=10, size=25 * 1024 * 1024)
FILES_OF_GUESTS = FileLimits(count=4, size=10 * 1024 * 1024)


class Refused(Exception):
    """Base: nothing was sent, nothing was changed."""


class NothingWritten(Refused):
    """Neither text nor a file."""


class TextTooLong(Refused):
    """More than MAX_TEXT characters."""


class CardNumberWritten(Refused):
    """A card number has no place in a conversation."""


class TooManyMessages(Refused):
    """So many a minute nobody types, or so many conversations nobody has."""


class TooManyFiles(Refused):
    """More files, or larger ones, than one conversation takes in a day."""


@transaction.atomic
def open_by_user(
    *,
    user: User,
    account: BillingAccount | None,
    region: Region,
    subject: str,
    text: str,
    language: str,
    at: dt.datetime,
    payment: Payment | None = None,
) -> Conversation:
    """A new conversation of somebody with a log-in, with its first message.

    `payment` must be one of `account`. Raises Refused.
    """
    if payment is not None and (account is None or payment.account_id != account.pk):
        raise ValueError("a payment of another account")
    User.objects.select_for_update().get(pk=user.pk)  # two clicks are counted one after the other
    theirs = Conversation.objects.filter(user=user)
    _check_count(theirs, at)
    conversation = Conversation(
        user=user,
        account=account,
        region=region,
        subject=subject,
        language=language,
        payment=payment,
        opened_at=at,
    )
    return _open(conversation, text=text, at=at)


@transaction.atomic
def open_by_guest(
    *,
    name: str,
    email: str,
    region: Region,
    subject: str,
    text: str,
    language: str,
    at: dt.datetime,
) -> Conversation:
    """A new conversation of somebody without a log-in, with its first message; the way back is mailed.

    Raises Refused.
    """
    _check_count(Conversation.objects.filter(user=None, guest_email__iexact=email), at)
    conversation = Conversation(
        guest_name=name,
        guest_email=email,
        region=region,
        subject=subject,
        language=language,
        opened_at=at,
    )
    conversation = _open(conversation, text=text, at=at)
    emails.conversation_opened(conversation=conversation, at=at)
    return conversation


def write_as_person(
    *, conversation: Conversation, text: str, at: dt.datetime, file: Accepted | None = None
) -> Message:
    """A message of the member or guest. Raises Refused."""
    text = _checked(text, file)
    with transaction.atomic():
        locked = _lock(conversation)
        lately = locked.messages.filter(
            author=Author.PERSON, written_at__gt=at - dt.timedelta(minutes=1)
        )
        if lately.count() >= MESSAGES_A_MINUTE:
            raise TooManyMessages(locked.pk)
        if file is not None:
            _check_files(locked, file, at)
        if locked.is_closed:
            _add(locked, Author.PERSON, locked.user, Kind.REOPENED, at=at)
            locked.state, locked.assigned_to = ChatState.WAITING, None
        message = _add(locked, Author.PERSON, locked.user, Kind.TEXT, text=text, at=at, file=file)
        locked.waiting_since = locked.waiting_since or at
        locked.person_read_id = message.pk
        locked.unread_since = locked.mailed_at = None  # who writes is here
        locked.save()
    return message


def write_as_staff(
    *, conversation: Conversation, by: User, text: str, at: dt.datetime, file: Accepted | None = None
) -> Message:
    """An answer; whoever answers has the conversation. Raises Refused."""
    text = _checked(text, file)
    with transaction.atomic():
        locked = _lock(conversation)
        if locked.is_closed:
            _add(locked, Author.STAFF, by, Kind.REOPENED, at=at)
        _assign(locked, by, at=at)
        message = _add(locked, Author.STAFF, by, Kind.TEXT, text=text, at=at, file=file)
        if locked.waiting_since is not None:
            locked.waited_seconds = max(int((at - locked.waiting_since).total_seconds()), 0)
            locked.answered_at = at
        locked.waiting_since = None
        locked.staff_read_id = message.pk
        locked.unread_since = locked.unread_since or at
        locked.save()
        hooks.tell(by=by, act="answered", conversation=locked)
    return message


@transaction.atomic
def take(*, conversation: Conversation, by: User, at: dt.datetime) -> Conversation:
    """Somebody of ours will answer; taking it from a colleague is allowed and seen."""
    locked = _lock(conversation)
    if locked.state == ChatState.ASSIGNED and locked.assigned_to_id == by.pk:
        return locked
    if locked.is_closed:
        _add(locked, Author.STAFF, by, Kind.REOPENED, at=at)
    _assign(locked, by, at=at)
    locked.save()
    hooks.tell(by=by, act="taken", conversation=locked)
    return locked


@transaction.atomic
def release(*, conversation: Conversation, by: User, at: dt.datetime) -> Conversation:
    """Back to the queue, at the place it had, or at the end where the person does not wait."""
    locked = _lock(conversation)
    if locked.state != ChatState.ASSIGNED:
        return locked
    locked.state, locked.assigned_to = ChatState.WAITING, None
    locked.waiting_since = locked.waiting_since or at
    locked.save()
    hooks.tell(by=by, act="released", conversation=locked)
    return locked


def close_as_person(*, conversation: Conversation, at: dt.datetime) -> Conversation:
    """The person needs nothing more. Harmless when it is closed already."""
    return _close(conversation, Author.PERSON, None, at=at)


def close_as_staff(*, conversation: Conversation, by: User, at: dt.datetime) -> Conversation:
    """Support has done what it can. Harmless when it is closed already."""
    return _close(conversation, Author.STAFF, by, at=at)


def read_by_person(*, conversation: Conversation) -> None:
    """The page showed everything there is: the absence, if there was one, is over."""
    if conversation.person_read_id >= conversation.last_message_id and not conversation.unread_since:
        return
    Conversation.objects.filter(pk=conversation.pk).update(person_read_id=conversation.last_message_id)
    # An answer that came meanwhile is unread still.
    Conversation.objects.filter(
        pk=conversation.pk, last_message_id=conversation.last_message_id
    ).update(unread_since=None, mailed_at=None)


def read_by_staff(*, conversation: Conversation) -> None:
    """Somebody of ours has it before them."""
    if conversation.staff_read_id < conversation.last_message_id:
        Conversation.objects.filter(pk=conversation.pk).update(
            staff_read_id=conversation.last_message_id
        )


# --- Within a transaction -------------------------------------------------------------------------


def _lock(conversation: Conversation) -> Conversation:
    return lock_one(Conversation.objects.select_related("user").filter(pk=conversation.pk))


def _open(conversation: Conversation, *, text: str, at: dt.datetime) -> Conversation:
    text = _checked(text, None)
    if has_card_number(
        f"{conversation.subject}\n{conversation.guest_name}\n{conversation.guest_email}"
    ):
        raise CardNumberWritten
    conversation.waiting_since = at
    conversation.save()
    message = _add(conversation, Author.PERSON, conversation.user, Kind.TEXT, text=text, at=at)
    conversation.person_read_id = message.pk
    conversation.save()
    return conversation


def _assign(conversation: Conversation, by: User, *, at: dt.datetime) -> None:
    if conversation.assigned_to_id != by.pk or conversation.state != ChatState.ASSIGNED:
        _add(conversation, Author.STAFF, by, Kind.TAKEN, at=at)
    conversation.state, conversation.assigned_to = ChatState.ASSIGNED, by


def _close(
    conversation: Conversation, author: Author, by: User | None, *, at: dt.datetime
) -> Conversation:
    with transaction.atomic():
        locked = _lock(conversation)
        if locked.is_closed:
            return locked
        _add(locked, author, by or locked.user, Kind.CLOSED, at=at)
        locked.state, locked.assigned_to, locked.waiting_since = ChatState.CLOSED, None, None
        locked.save()
        if by is not None:
            hooks.tell(by=by, act="closed", conversation=locked)
    return locked


def _add(
    conversation: Conversation,
    author: Author,
    user: User | None,
    kind: Kind,
    *,
    at: dt.datetime,
    text: str = "",
    file: Accepted | None = None,
) -> Message:
    message = Message.objects.create(
        conversation=conversation, author=author, user=user, kind=kind, text=text, written_at=at
    )
    if file is not None:
        ChatFile.objects.create(
            message=message,
            name=file.name,
            kind=file.kind,
            size=len(file.content),
            content=file.content,
        )
    conversation.last_message_id = message.pk
    return message


def _checked(text: str, file: Accepted | None) -> str:
    """The text with line ends of one kind and without what PostgreSQL cannot keep."""
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if len(text) > MAX_TEXT:
        raise TextTooLong
    if not text and file is None:
        raise NothingWritten
    if has_card_number(text):
        raise CardNumberWritten
    return text


def _check_files(locked: Conversation, file: Accepted, at: dt.datetime) -> None:
    """Under the conversation's lock, so that two uploads at once are counted one after the other."""
    limits = FILES_OF_GUESTS if locked.user is None else FILES_OF_MEMBERS
    today = ChatFile.objects.filter(
        message__conversation=locked,
        message__author=Author.PERSON,
        message__written_at__gt=at - dt.timedelta(days=1),
    ).aggregate(count=models.Count("pk"), size=models.Sum("size", default=0))
    if today["count"] >= limits.count or today["size"] + len(file.content) > limits.size:
        raise TooManyFiles(locked.pk)


def _check_count(theirs: "models.QuerySet[Conversation]", at: dt.datetime) -> None:
    not_closed = theirs.exclude(state=ChatState.CLOSED).count()
    today = theirs.filter(opened_at__gt=at - dt.timedelta(days=1)).count()
    if not_closed >= OPEN_AT_ONCE or today >= OPENED_A_DAY:
        raise TooManyMessages
