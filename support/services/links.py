"""One-time links to a guest's conversation: signed, kept as a hash, good for a week and one use.

As with receipts (payments.services.receipt_links) the link leads to a page with a button, and only the
button uses it up.
"""

import datetime as dt
import hashlib
import secrets

from django.core import signing
from django.db import transaction
from django.urls import reverse

from support.models import ChatLink, Conversation

LIVES = dt.timedelta(days=7)
_SIGNER = signing.Signer(salt="support.chat_link", sep=".")


class LinkDead(Exception):
    """Not a link of ours, used already, or older than a week."""


def issue(*, conversation: Conversation, at: dt.datetime) -> str:
    """A new link's path; what was issued before stays good."""
    token = _SIGNER.sign(secrets.token_urlsafe(24))
    ChatLink.objects.create(conversation=conversation, token_hash=_hash(token), expires_at=at + LIVES)
    return reverse("chat:link", args=[token])


@transaction.atomic
def use(*, token: str, at: dt.datetime) -> Conversation:
    """The conversation that a link leads to; the link is dead afterwards. Raises LinkDead.

    The first link that is used proves whose conversation it is (Conversation.guest_epoch).
    """
    try:
        _SIGNER.unsign(token)
    except signing.BadSignature as error:
        raise LinkDead from error
    link = ChatLink.objects.filter(token_hash=_hash(token), used_at=None, expires_at__gt=at)
    conversation_id = link.values_list("conversation_id", flat=True).first()
    if conversation_id is None or not link.update(used_at=at):
        raise LinkDead
    Conversation.objects.filter(pk=conversation_id, guest_epoch=0).update(guest_epoch=1)
    return Conversation.objects.get(pk=conversation_id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
