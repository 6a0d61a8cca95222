"""What is in the outbox, read as its recipient would."""

import re
from urllib.parse import urlsplit

from post_office.models import Email

_LINK = re.compile(r"https?://\S+")


def mails_to(address: str) -> list[Email]:
    """Oldest first."""
    return [mail for mail in Email.objects.order_by("pk") if address in mail.to]


def link_in(mail: Email) -> str:
    """The path of the first link in the text: what the reader clicks."""
    found = _LINK.search(mail.message)
    assert found is not None, mail.message
    return urlsplit(found.group()).path
