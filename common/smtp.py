"""Delivery by SMTP, which tells an address that will never be there from a server that is away."""

from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp
from django.db.models import OuterRef, Subquery
from post_office.models import STATUS, Email, Log

REFUSING = (550, 551, 553)  # RFC 5321 4.2.3: the mailbox, not the server or the message
# RFC 3463 3.2 and 3.3, RFC 7505 for the last of 5.1: no such mailbox, domain or name, moved away, takes
# no mail, disabled.
NO_SUCH_RECIPIENT = frozenset({b"5.1.1", b"5.1.2", b"5.1.3", b"5.1.6", b"5.1.10", b"5.2.1"})


class RefusedForGood(Exception):
    """The mail server knows no such recipient: asking again for two days would change nothing."""


class EmailBackend(smtp.EmailBackend):
    """Django's, with a name of its own for that."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        try:
            return super().send_messages(email_messages) or 0
        except SMTPRecipientsRefused as error:
            if all(_is_for_good(code, text) for code, text in error.recipients.values()):
                raise RefusedForGood(str(error)) from error
            raise


def _is_for_good(code: int, text: bytes) -> bool:
    """Only where the server says with an enhanced code that the recipient is wrong. Everything else may
    be about us or pass by: a relay that is set up wrong, a list of blocked senders, a full mailbox.
    One such mistake, taken for the recipients', would end every mail in the outbox.
    """
    return code in REFUSING and text.partition(b" ")[0] in NO_SUCH_RECIPIENT


def end_refused() -> int:
    """Mails whose last try was refused for good are tried no more; returns how many.

    Staff see them at once among those that failed, and may have one sent again.
    """
    last = Log.objects.filter(email=OuterRef("pk")).order_by("-pk").values("exception_type")[:1]
    refused = Email.objects.filter(status=STATUS.requeued).annotate(last_error=Subquery(last))
    ended = refused.filter(last_error=RefusedForGood.__name__).values_list("pk", flat=True)
    return Email.objects.filter(pk__in=list(ended)).update(status=STATUS.failed, scheduled_time=None)
