"""Delivery by SMTP, which tells an address that will never be there from a server that is away."""

from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp
from django.db.models import OuterRef, Subquery
from post_office.models import STATUS, Email, Log


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
    """5xx is, 4xx is not (RFC 5321 4.2.1); nor is 5.7, which is about us and not about the recipient
    (RFC 3463 3.8: the server does not relay for us, or distrusts us).
    """
    return 500 <= code < 600 and not text.startswith(b"5.7.")


def end_refused() -> int:
    """Mails whose last try was refused for good are tried no more; returns how many.

    Staff see them at once among those that failed, and may have one sent again.
    """
    last = Log.objects.filter(email=OuterRef("pk")).order_by("-pk").values("exception_type")[:1]
    refused = Email.objects.filter(status=STATUS.requeued).annotate(last_error=Subquery(last))
    ended = refused.filter(last_error=RefusedForGood.__name__).values_list("pk", flat=True)
    return Email.objects.filter(pk__in=list(ended)).update(status=STATUS.failed, scheduled_time=None)
