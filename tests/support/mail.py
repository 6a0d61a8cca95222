"""What is in the outbox, read as its recipient would; and a mail server that need not be well."""

import datetime as dt
import re
from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp
from post_office.models import Email

from common.clock import now

_LINK = re.compile(r"https?://\S+")


def mails_to(address: str) -> list[Email]:
    """Oldest first."""
    return [mail for mail in Email.objects.order_by("pk") if address in mail.to]


def link_in(mail: Email) -> str:
    """The path of the first link in the text: what the reader clicks."""
    found = _LINK.search(mail.message)
    assert found is not None, mail.message
    return urlsplit(found.group()).path


class Taken(NamedTuple):
    """One mail that the server took, by its own log."""

    at: dt.datetime
    message_id: str
    to: tuple[str, ...]
    subject: str


class MailServer:
    """Where the product's own SMTP backend delivers: it takes what comes, unless told otherwise."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self._is_away = False
        self._answer: tuple[int, bytes] | None = None

    def is_well(self) -> None:
        self._is_away, self._answer = False, None

    def is_away(self) -> None:
        """Nobody answers at its address."""
        self._is_away, self._answer = True, None

    def answers(self, code: int, text: bytes = b"") -> None:
        """To every recipient, instead of taking the mail: 4xx for now, 5xx for good."""
        self._is_away, self._answer = False, (code, text)

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        if self._is_away:
            raise ConnectionRefusedError("the mail server is away")
        if self._answer is not None:
            raise SMTPRecipientsRefused(dict.fromkeys(messages[0].to, self._answer))
        for message in messages:
            message_id = str(message.extra_headers["Message-ID"])
            self.taken.append(Taken(now(), message_id, tuple(message.to), message.subject))
        return len(messages)


@pytest.fixture
def mail_server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """The outbox is delivered by SMTP, to this server."""
    made = MailServer()
    settings.POST_OFFICE = {
        **settings.POST_OFFICE,
        "BACKENDS": {"default": "common.smtp.EmailBackend"},
    }
    monkeypatch.setattr(smtp.EmailBackend, "open", lambda self: True)
    monkeypatch.setattr(
        smtp.EmailBackend, "send_messages", lambda self, messages: made.send_messages(messages)
    )
    return made
