"""The mails of support: a way back and nothing of what was said; reminders that name no service."""

import datetime as dt
from collections.abc import Sequence

from django.urls import reverse
from post_office.models import Email

from accounts.models import Region, User
from billing.models import Invoice
from common import mail
from support.models import Conversation, ReminderKind
from support.services import links, unsubscribing


def answer_waits(*, conversation: Conversation, at: dt.datetime) -> Email:
    """Support has answered while the person was away."""
    return _to_person(conversation, "support/chat_answer", at)


def conversation_opened(*, conversation: Conversation, at: dt.datetime) -> Email:
    """The way back to a guest's conversation."""
    return _to_person(conversation, "support/chat_opened", at)


def _to_person(conversation: Conversation, template: str, at: dt.datetime) -> Email:
    page = (
        reverse("chat:show", args=[conversation.pk])
        if conversation.user
        else links.issue(conversation=conversation, at=at)
    )
    return mail.send(
        to=conversation.person_email,
        template=template,
        context={"page_url": page, "is_guest": conversation.user is None},
        language=conversation.user.language if conversation.user else conversation.language,
    )


def reminder(*, user: User, region: Region, kind: ReminderKind, invoices: Sequence[Invoice]) -> Email:
    """Bills of one account that are due on one day, or were: number, amount and day, nothing else."""
    stop = unsubscribing.path(user)
    after = kind in (ReminderKind.WEEK_AFTER, ReminderKind.MONTH_AFTER)
    return mail.send(
        to=user.email,
        template="support/reminder_after" if after else f"support/reminder_{kind.value}",
        context={
            "bills": invoices,
            "owed_cents": sum(invoice.open_cents for invoice in invoices),
            "due_on": invoices[0].due_on,
            "count": len(invoices),
            "pay_url": reverse("payments:choose"),
            "stop_url": stop,
            "phone": region.phone,
            "tty": region.tty,
        },
        language=user.language,
        headers=unsubscribing.headers(stop),
    )
