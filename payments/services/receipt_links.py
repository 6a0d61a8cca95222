"""One-time links to a guest's payment: signed, kept as a hash, good for a day and one use.

The link leads to a page with a button, and only the button uses it up: scanners that open every link
of a mail open nothing.
"""

import datetime as dt
import hashlib
import secrets

from django.core import signing
from django.db import transaction
from django.urls import reverse

from common.clock import now
from payments.models import Payment, ReceiptLink

LIVES = dt.timedelta(hours=24)
_SIGNER = signing.Signer(salt="payments.receipt_link", sep=".")


class LinkDead(Exception):
    """Not a link of ours, used already, older than a day, or mailed to an address corrected since."""


def issue(*, payment: Payment, at: dt.datetime | None = None) -> str:
    """A new link's path; what was issued before stays good (but see `expire`)."""
    token = _SIGNER.sign(secrets.token_urlsafe(24))
    ReceiptLink.objects.create(
        payment=payment, token_hash=_hash(token), expires_at=(at or now()) + LIVES
    )
    return reverse("guest:link", args=[token])


def expire(*, payment: Payment, at: dt.datetime) -> None:
    """The address was mistyped: whoever has the mail that went there opens nothing with it."""
    ReceiptLink.objects.filter(payment=payment, used_at=None, expires_at__gt=at).update(expires_at=at)


@transaction.atomic
def use(*, token: str, at: dt.datetime) -> Payment:
    """The payment that a link leads to; the link is dead afterwards. Raises LinkDead."""
    try:
        _SIGNER.unsign(token)
    except signing.BadSignature as error:
        raise LinkDead from error
    link = ReceiptLink.objects.filter(token_hash=_hash(token), used_at=None, expires_at__gt=at)
    payment_id = link.values_list("payment_id", flat=True).first()
    if payment_id is None or not link.update(used_at=at):
        raise LinkDead
    return Payment.objects.get(pk=payment_id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
