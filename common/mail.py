"""Mail goes into an outbox in the database, in the transaction of what it tells about.

The worker delivers it (common.tasks.deliver_mail): at least once, and the Message-ID stays the same,
so a copy that was sent twice is recognised as one.
"""

from collections.abc import Iterable, Mapping, Sequence
from email.utils import make_msgid
from typing import Any, NamedTuple

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.template import Context, TemplateDoesNotExist
from django.template.loader import get_template
from django.utils import translation
from post_office.models import PRIORITY, STATUS, Email
from post_office.utils import create_attachments

from common.locks import NotInTransaction

# RFC 3834: vacation replies and ticket systems do not answer what a machine wrote.
AUTO_SUBMITTED = {"Auto-Submitted": "auto-generated"}


class BadHeader(ValueError):
    """A line break where one line is allowed: someone tries to add a header."""


class Attachment(NamedTuple):
    """A file that goes with a mail."""

    name: str
    content: bytes
    mimetype: str


def send(
    *,
    to: str,
    template: str,
    context: Mapping[str, Any],
    language: str,
    attachments: Sequence[Attachment] = (),
    headers: Mapping[str, str] | None = None,
) -> Email:
    """Queue one mail, written in `language`, in the caller's transaction. Returns the outbox's row.

    `template` "payments/receipt" reads templates/mail/payments/receipt.subject.txt, .txt and, where
    it exists, .html. Subjects and bodies carry no service, provider or diagnosis.
    Raises BadHeader, NotInTransaction, and ValidationError where `to` is no address.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction("mail")
    with translation.override(language):
        subject = _plain(f"mail/{template}.subject.txt", context).strip()
        text = _plain(f"mail/{template}.txt", context)
        html = _html(f"mail/{template}.html", context)
    message = EmailMultiAlternatives(subject, text, to=[to], headers=dict(headers or {}))
    if html:
        message.attach_alternative(html, "text/html")
    for attachment in attachments:
        message.attach(*attachment)
    return _queue(message)


def send_again(email: Email) -> Email:
    """Queue a mail once more: the same row where it could not be delivered, else a copy of it.

    A copy has a Message-ID of its own, or the mailbox would take it for the mail that it has.
    """
    with transaction.atomic():
        if email.status == STATUS.failed:
            Email.objects.filter(pk=email.pk).update(
                status=STATUS.queued, number_of_retries=None, scheduled_time=None
            )
            again = email
        else:
            attachments = list(email.attachments.all())
            again = Email.objects.get(pk=email.pk)
            again.pk, again.status = None, STATUS.queued
            again.message_id = make_msgid(domain=settings.POST_OFFICE["MESSAGE_ID_FQDN"])
            again.number_of_retries = again.scheduled_time = again.recipient_delivery_status = None
            again.save(force_insert=True)
            again.attachments.add(*attachments)
        transaction.on_commit(_wake, robust=True)
    return again


class OutboxBackend(BaseEmailBackend):
    """What Django's own `send_mail` uses (allauth's mails): the same outbox.

    Not post_office's backend: that one renders each finished text once more as a template, and so
    would run what a person wrote into a name.
    """

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        return len([_queue(message) for message in email_messages])


def _queue(message: EmailMessage) -> Email:
    for line in (message.subject, message.from_email, *message.recipients()):
        if any(end in line for end in "\r\n"):
            raise BadHeader(line.splitlines()[0][:40])
    email = Email(
        from_email=message.from_email,
        to=message.to,
        cc=message.cc,
        bcc=message.bcc,
        subject=message.subject,
        message=message.body,
        html_message=_alternative(message),
        headers={**AUTO_SUBMITTED, **message.extra_headers},
        message_id=make_msgid(domain=settings.POST_OFFICE["MESSAGE_ID_FQDN"]),
        priority=PRIORITY.medium,
        status=STATUS.queued,
    )
    with transaction.atomic():
        email.save()
        if message.attachments:
            email.attachments.add(*create_attachments(_files(message)))
        transaction.on_commit(_wake, robust=True)
    return email


def _wake() -> None:
    from common import tasks  # the task reads this module's outbox; only the wake-up goes back

    tasks.deliver_mail.delay()


def _alternative(message: EmailMessage) -> str:
    alternatives = getattr(message, "alternatives", [])
    return next((str(content) for content, kind in alternatives if kind == "text/html"), "")


def _files(message: EmailMessage) -> dict[str, dict[str, Any]]:
    return {
        name: {"file": ContentFile(content), "mimetype": mimetype}
        for name, content, mimetype in message.attachments
    }


def _plain(name: str, context: Mapping[str, Any]) -> str:
    """Text is not HTML: O'Neil stays O'Neil."""
    template: Any = get_template(name)
    return str(template.template.render(Context(dict(context), autoescape=False)))


def _html(name: str, context: Mapping[str, Any]) -> str:
    try:
        return get_template(name).render(dict(context))
    except TemplateDoesNotExist as missing:
        if missing.args[0] != name:
            raise
        return ""
