"""Conversations between a person and support. Messages stay; a conversation's row says how it is."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length, Upper
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region
from billing.models import BillingAccount
from common.db import append_only
from payments.models import Payment

MAX_TEXT = 4_000  # characters in a message
MAX_ATTACHMENT_BYTES = 5 * 1024 * 1024

models.TextField.register_lookup(Length)


class ChatState(models.TextChoices):
    """Where a conversation is. The allowed moves are CHAT_MOVES."""

    WAITING = "waiting", pgettext_lazy("chat", "Waiting")  # for somebody of ours to take it
    ASSIGNED = "assigned", pgettext_lazy("chat", "Assigned")  # somebody of ours answers
    CLOSED = "closed", pgettext_lazy("chat", "Closed")  # done; writing opens it again


CHAT_MOVES: dict[str, tuple[str, ...]] = {
    ChatState.WAITING: (ChatState.ASSIGNED, ChatState.CLOSED),
    ChatState.ASSIGNED: (ChatState.WAITING, ChatState.CLOSED),
    ChatState.CLOSED: (ChatState.WAITING, ChatState.ASSIGNED),
}


class Conversation(models.Model):
    """One matter of one person: somebody with a log-in, or a guest with a name and an address."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="conversations"
    )
    # Whose bills it may be about; a log-in may have none.
    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, null=True, related_name="conversations"
    )
    guest_name = models.CharField(_("guest's name"), max_length=80, blank=True)
    guest_email = models.EmailField(_("guest's e-mail"), blank=True)
    # Raised when a mailed link is used for the first time: who has the address's mail is the guest, and
    # whoever merely gave the address is shut out (support.access).
    guest_epoch = models.PositiveSmallIntegerField(default=0)
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="conversations")
    language = models.CharField(_("language"), max_length=2, default="en")
    subject = models.CharField(_("subject"), max_length=120)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="conversations"
    )
    state = models.CharField(
        _("state"), max_length=8, choices=ChatState.choices, default=ChatState.WAITING
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    opened_at = models.DateTimeField(_("opened"))
    # Since when the person waits for us; none while we wait for the person.
    waiting_since = models.DateTimeField(_("waiting since"), null=True)
    # How long the person waited for our first answer the last time, in seconds.
    waited_seconds = models.PositiveIntegerField(null=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    # Keys of messages: the newest one, and up to which each side has read.
    last_message_id = models.BigIntegerField(default=0)
    person_read_id = models.BigIntegerField(default=0)
    staff_read_id = models.BigIntegerField(default=0)
    # An answer of ours that has not been read; its mail goes out once for each absence.
    unread_since = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        permissions = [("answer_conversation", "Can answer in the chat")]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, guest_email="")
                | (Q(user__isnull=True) & ~Q(guest_email="")),
                name="conversation_is_of_a_user_or_a_guest",
            ),
            models.CheckConstraint(
                condition=~Q(state="assigned") | Q(assigned_to__isnull=False),
                name="conversation_assigned_to_somebody",
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=True) | Q(user__isnull=False),
                name="conversation_guest_has_no_account",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-last_message_id"], name="conversation_of_user"),
            models.Index(
                fields=["waiting_since"],
                name="conversation_open",
                condition=~Q(state="closed"),
            ),
            models.Index(
                fields=["unread_since"],
                name="conversation_to_mail",
                condition=Q(unread_since__isnull=False, mailed_at__isnull=True),
            ),
            models.Index(fields=["region", "-answered_at"], name="conversation_answered"),
            # For "iexact", which compares capitals.
            models.Index(
                Upper("guest_email"),
                name="conversation_of_guest",
                condition=Q(user__isnull=True),
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="conversation_state_moves",
                field="state",
                transitions=[(old, new) for old, news in CHAT_MOVES.items() for new in news],
            ),
            pgtrigger.Protect(name="conversation_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def is_closed(self) -> bool:
        return self.state == ChatState.CLOSED

    @property
    def person_name(self) -> str:
        """What staff call the person."""
        if self.user is None:
            return self.guest_name
        return self.user.get_full_name() or self.user.email

    @property
    def person_email(self) -> str:
        return self.user.email if self.user else self.guest_email

    @property
    def version(self) -> str:
        """Another value whenever a page that shows this conversation has something new to show."""
        return version(self.last_message_id, self.state, self.assigned_to_id)


def version(last_message_id: int, state: str, assigned_to_id: int | None) -> str:
    """The rule behind Conversation.version, for reads that carry columns instead of models."""
    return f"{last_message_id}.{state}.{assigned_to_id or 0}"


class Message(models.Model):
    """One thing that was said, or that happened. Never changed, and never rendered as HTML."""

    append_only = True

    class Author(models.TextChoices):
        PERSON = "person", _("Member or guest")
        STAFF = "staff", _("Support")

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")  # somebody wrote, or sent a file
        TAKEN = "taken", _("Taken")  # somebody of ours took the conversation
        CLOSED = "closed", _("Closed")
        REOPENED = "reopened", _("Opened again")

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="messages")
    author = models.CharField(_("author"), max_length=6, choices=Author.choices)
    # Who of ours, or which log-in; none for a guest.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.TEXT)
    text = models.TextField(_("text"), blank=True)
    written_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.CheckConstraint(
                condition=Q(text__length__lte=MAX_TEXT), name="message_text_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(author="person") | Q(user__isnull=False),
                name="message_of_staff_says_who",
            ),
        ]
        indexes = [models.Index(fields=["conversation", "id"], name="message_in_order")]
        triggers = append_only("chat_message")

    def __str__(self) -> str:
        return f"{self.conversation_id}: {self.author}"


class ChatFile(models.Model):
    """A picture or a PDF that came with a message; kept here, so that a backup has it too."""

    append_only = True

    class Kind(models.TextChoices):
        PNG = "image/png", "PNG"
        JPEG = "image/jpeg", "JPEG"
        PDF = "application/pdf", "PDF"

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="file")
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    size = models.PositiveIntegerField(_("bytes"))
    content = models.BinaryField()

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        constraints = [
            models.CheckConstraint(
                condition=Q(size__gt=0, size__lte=MAX_ATTACHMENT_BYTES), name="chat_file_size_in_bounds"
            ),
        ]
        triggers = append_only("chat_file")

    def __str__(self) -> str:
        return self.name


class ChatLink(models.Model):
    """What opens a guest's conversation from a mail: once, within its days. Only its hash is kept."""

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("chat link")
        verbose_name_plural = _("chat links")

    def __str__(self) -> str:
        return f"Link to {self.conversation_id}"
