from support.models.chat import (
    CHAT_MOVES,
    MAX_ATTACHMENT_BYTES,
    MAX_TEXT,
    ChatFile,
    ChatLink,
    ChatState,
    Conversation,
    Message,
)
from support.models.organisation import Banner, Change, DeskHours, Organisation, SocialProfile
from support.models.reminders import Reminder, ReminderChoice, ReminderKind

__all__ = [
    "CHAT_MOVES",
    "MAX_ATTACHMENT_BYTES",
    "MAX_TEXT",
    "Banner",
    "Change",
    "ChatFile",
    "ChatLink",
    "ChatState",
    "Conversation",
    "DeskHours",
    "Message",
    "Organisation",
    "Reminder",
    "ReminderChoice",
    "ReminderKind",
    "SocialProfile",
]
