"""Receipts: rendered by whoever claims one, stored and mailed exactly once.

Settling asks for a receipt by inserting its row. A renderer claims the row for a while, renders with
no transaction open, and then stores the document and fills the outbox in one transaction that first
looks whether somebody was faster. A process that dies in between leaves a claim that runs out.
"""

import datetime as dt

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from billing import pdf
from common.clock import now
from common.failpoints import failpoint
from common.locks import lock, lock_one
from payments import emails
from payments.models import DisputeState, Payment, Receipt, State
from payments.receipt_content import ReceiptContent, content_of
from payments.services import receipt_links
from payments.services.moves import lock_payment

log = structlog.get_logger(__name__)

BATCH = 200
# How long a claim holds, and so how soon a failed attempt is repeated; doubles up to the second.
FIRST_CLAIM = dt.timedelta(minutes=1)
LONGEST_CLAIM = dt.timedelta(hours=4)
# Mailed again on request: not more often than this, and not more than so many times in all.
RESEND_PAUSE = dt.timedelta(minutes=5)
MAX_RESENDS = 10
# A guest may have mistyped the address; nobody's mailbox is filled with receipts of others.
MAX_MAILS_TO_GUEST = 3


class NotMailedYet(RuntimeError):
    """The first mail has not gone out; there is nothing to repeat."""


class ResentTooOften(RuntimeError):
    """This receipt was mailed a moment ago, or very often. It can be downloaded at any time."""


def render_due(*, limit: int = BATCH, at: dt.datetime | None = None) -> int:
    """Render receipts that nobody has claimed, oldest first; returns how many this call rendered.

    One that fails keeps nobody else waiting; all failures are raised together at the end.
    """
    at = at or now()
    failures: list[Exception] = []
    rendered = 0
    for receipt_id in list(_due(at).order_by("pk").values_list("pk", flat=True)[:limit]):
        try:
            rendered += render(receipt_id=receipt_id, at=at)
        except Exception as error:  # noqa: BLE001  raised below
            failures.append(error)
    if failures:
        raise ExceptionGroup("receipts that could not be rendered", failures)
    return rendered


def render(*, receipt_id: int, at: dt.datetime | None = None) -> bool:
    """Render, store and mail one receipt; returns whether this call did it.

    Does nothing to a receipt that is rendered or claimed. A failure (PdfUnavailable, a full disk)
    is raised and leaves the receipt due.
    """
    at = at or now()
    if not _claim(receipt_id, at):
        return False
    receipt = _with_payment(Receipt.objects.filter(pk=receipt_id)).get()
    failpoint("payments.receipt_claimed")
    content = content_of(receipt.payment)
    itemised = _document(content, receipt.language, itemised=True)
    to_mail = receipt.email and receipt.mailed_at is None  # a guest may have asked for it before
    mailed = _document(content, receipt.language, itemised=False) if to_mail else None
    failpoint("payments.receipt_rendered")
    return _store(receipt, itemised=itemised, mailed=mailed, at=at)


def current(*, receipt: Receipt) -> bytes | None:
    """The itemised receipt as of now: the stored document, or a new one where something came after.

    None where it is not rendered yet. Raises PdfUnavailable.
    """
    if receipt.pdf is None:
        return None
    if receipt.payment.state == State.SUCCEEDED and not _is_outdated(receipt):
        return bytes(receipt.pdf)
    return _document(content_of(receipt.payment), receipt.language, itemised=True)


def _is_outdated(receipt: Receipt) -> bool:
    """Whether the stored document of a payment that stands is none any more.

    A bill was canceled; or a bank decided for us after it was rendered, which may have been when the
    amount was disputed.
    """
    return (
        Payment.objects.filter(pk=receipt.payment_id)
        .filter(
            Q(allocations__invoice__voided_at__isnull=False)
            | Q(disputes__state=DisputeState.WON, disputes__decided_at__gte=receipt.rendered_at)
        )
        .exists()
    )


def mail_again(*, receipt: Receipt, to: str, at: dt.datetime | None = None) -> None:
    """Mail the receipt once more because a person asked for it.

    Raises NotMailedYet or ResentTooOften, and then nothing was sent.
    """
    at = at or now()
    receipt = _with_payment(Receipt.objects.filter(pk=receipt.pk)).get()
    _check_may_resend(receipt, at)
    document = _document(content_of(receipt.payment), receipt.language, itemised=False)
    with transaction.atomic():
        locked = lock_one(_with_payment(Receipt.objects.filter(pk=receipt.pk)))
        _check_may_resend(locked, at)
        emails.receipt(receipt=locked, pdf=document, to=to)
        locked.resent_at, locked.resends = at, locked.resends + 1
        locked.save(update_fields=["resent_at", "resends"])


def mail_to_guest(*, payment: Payment, to: str, language: str, at: dt.datetime | None = None) -> bool:
    """Note where a guest wants the receipt, and mail it. Raises ResentTooOften or PdfUnavailable.

    False where the payment has not settled: the receipt goes there once it has. Links that went to
    another address before open nothing any more.
    """
    at = at or now()
    with transaction.atomic():
        locked = lock_payment(payment.pk)
        before = locked.guest_email
        locked.guest_email, locked.guest_language = to, language
        # Whoever renders it holds this lock when it mails: to the old address before, or not at all.
        found = lock(_with_payment(Receipt.objects.filter(payment=locked)))
        receipt = found[0] if found else None
        if receipt is not None:
            if receipt.resends >= MAX_MAILS_TO_GUEST:
                raise ResentTooOften(receipt.pk)
            receipt.payment = locked
            receipt.email, receipt.language = to, language
            receipt.save(update_fields=["email", "language"])
        if before not in ("", to):
            receipt_links.expire(payment=locked, at=at)
        locked.save(update_fields=["guest_email", "guest_language"])
    if receipt is None:
        return False
    first = receipt.mailed_at is None
    document = _document(content_of(receipt.payment), language, itemised=False)
    with transaction.atomic():
        receipt = lock_one(_with_payment(Receipt.objects.filter(pk=receipt.pk)))
        if first and receipt.mailed_at is not None:  # by whoever rendered it meanwhile, to this address
            return True
        if receipt.resends >= MAX_MAILS_TO_GUEST:
            raise ResentTooOften(receipt.pk)
        receipt.email, receipt.language, receipt.resends = to, language, receipt.resends + 1
        mail = emails.receipt(receipt=receipt, pdf=document, to=to)
        receipt.mailed_at, receipt.mail_id = receipt.mailed_at or at, receipt.mail_id or mail.pk
        receipt.save(update_fields=["email", "language", "resends", "mailed_at", "mail_id"])
    return True


def _with_payment(receipts: "QuerySet[Receipt]") -> "QuerySet[Receipt]":
    return receipts.select_related("payment__region", "payment__account__guarantor").defer("pdf")


def _due(at: dt.datetime) -> "QuerySet[Receipt]":
    return Receipt.objects.filter(
        Q(claimed_until__isnull=True) | Q(claimed_until__lte=at), rendered_at__isnull=True
    )


def _claim(receipt_id: int, at: dt.datetime) -> bool:
    """Take the receipt for a while, unless somebody else has it or it is done."""
    due = _due(at).filter(pk=receipt_id)
    attempts = due.values_list("attempts", flat=True).first()
    if attempts is None:
        return False
    claim = min(FIRST_CLAIM * 2 ** min(attempts, 12), LONGEST_CLAIM)
    taken = due.filter(attempts=attempts).update(attempts=attempts + 1, claimed_until=at + claim)
    return bool(taken)


def _document(content: ReceiptContent, language: str, *, itemised: bool) -> bytes:
    with translation.override(language):
        title = _("Payment receipt %(reference)s") % {"reference": content.reference}
    return pdf.render(
        "pdf/receipt.html",
        {"content": content, "itemised": itemised},
        title=title,
        language=language,
    )


@transaction.atomic
def _store(receipt: Receipt, *, itemised: bytes, mailed: bytes | None, at: dt.datetime) -> bool:
    """Keep the document and fill the outbox, unless another renderer was faster."""
    locked = lock_one(_with_payment(Receipt.objects.filter(pk=receipt.pk)))
    if locked.rendered_at is not None:
        return False
    locked.pdf, locked.rendered_at = itemised, at
    if locked.mailed_at is not None:
        mailed = None  # a guest asked for it while it was rendered
    if mailed is not None:
        mail = emails.receipt(receipt=locked, pdf=mailed, to=locked.email)
        locked.mailed_at, locked.mail_id = at, mail.pk
    locked.save(update_fields=["pdf", "rendered_at", "mailed_at", "mail_id"])
    failpoint("payments.receipt_before_commit")
    log.info("receipt.rendered", payment=locked.payment.reference, mailed=mailed is not None)
    return True


def _check_may_resend(receipt: Receipt, at: dt.datetime) -> None:
    if receipt.rendered_at is None:
        raise NotMailedYet(receipt.pk)
    last = receipt.resent_at or receipt.mailed_at  # of a guest's payment nobody may have had a mail
    if (last and at - last < RESEND_PAUSE) or receipt.resends >= MAX_RESENDS:
        raise ResentTooOften(receipt.pk)
