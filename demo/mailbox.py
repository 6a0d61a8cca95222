"""The demo's mail server: every mail that the portal delivers becomes a file one can read.

Files are named so that they sort by time; a name is also the mail's address under /demo/mail/.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage as ParsedMessage
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.crypto import get_random_string

from common import clock

_NAME = re.compile(r"^\d{8}T\d{12}-[a-z0-9]{6}$")


class MailboxBackend(BaseEmailBackend):
    """Django's e-mail backend that keeps each message as an .eml file in settings.DEMO_MAILBOX."""

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        kept = [_keep(message) for message in email_messages]
        return len(kept)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One delivered mail. `name` is its key."""

    name: str
    message: ParsedMessage

    @property
    def to(self) -> str:
        return str(self.message["To"] or "")

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def date(self) -> str:
        return str(self.message["Date"] or "")

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in self.message.items()]

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    @property
    def attachments(self) -> list[Attachment]:
        return [_attachment(part) for part in self.message.iter_attachments()]

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())


class NoSuchMail(LookupError):
    """No mail has this name."""


def names() -> list[str]:
    """Every mail's name, the newest first."""
    folder = Path(settings.DEMO_MAILBOX)
    return sorted((path.stem for path in folder.glob("*.eml")), reverse=True)


def read(name: str) -> Mail:
    """One mail. Raises NoSuchMail for a name that is none, a path for instance."""
    path = Path(settings.DEMO_MAILBOX) / f"{name}.eml"
    if not _NAME.match(name) or not path.is_file():
        raise NoSuchMail(name[:40])
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    return Mail(name=name, message=message)


def _attachment(part: Message) -> Attachment:
    content = part.get_payload(decode=True)
    return Attachment(
        name=part.get_filename() or "attachment",
        content_type=part.get_content_type(),
        content=content if isinstance(content, bytes) else b"",
    )


def _keep(message: EmailMessage) -> str:
    """The new mail's name. Written aside and then renamed: a reader never sees half a mail."""
    folder = Path(settings.DEMO_MAILBOX)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{clock.now():%Y%m%dT%H%M%S%f}-{get_random_string(6, 'abcdefghijkmnpqrstuvwxyz23456789')}"
    unfinished = folder / f"{name}.part"
    unfinished.write_bytes(message.message().as_bytes())
    os.replace(unfinished, folder / f"{name}.eml")
    return name
