"""What happens to a bill: it is issued, set aside for payments on their way, paid, canceled.

Every function that changes what is owed posts to the ledger in the same transaction, and moves the
amount on the bill with an UPDATE under a CHECK, so that two at once cannot take the same cent.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from accounts.models import Member
from billing import emails
from billing.models import (
    BillingAccount,
    Correction,
    EntryKind,
    Invoice,
    InvoiceLine,
    JournalLine,
    LedgerCode,
)
from billing.services import balance
from billing.services.ledger import Posting, post
from common import references
from common.clock import business_date, now
from common.locks import lock_one

PAY_CODE_LENGTH = 12  # of 4.8 bits each: 57 bits (design: at least 50)


# Which account bears what is not asked for any more.
BORNE_BY = {
    Correction.Kind.ADJUSTMENT: LedgerCode.BILLED_REVENUE,
    Correction.Kind.WRITE_OFF: LedgerCode.WRITE_OFFS,
}


class InvoiceExists(RuntimeError):
    """A bill with this key was issued before, with other content."""


class NotOwed(RuntimeError):
    """The bill does not owe that much, or the amount is already on its way."""


class CannotVoid(RuntimeError):
    """A payment of the bill is on its way."""


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One line of a bill to be issued; amounts in cents."""

    service_on: dt.date
    description: str
    charge_cents: int
    patient_cents: int
    plan_paid_cents: int = 0
    adjustment_cents: int = 0
    code: str = ""
    code_system: str = ""


def issue(
    *,
    account: BillingAccount,
    patient: Member,
    kind: Invoice.Kind,
    number: str,
    issued_on: dt.date,
    due_on: dt.date,
    service_from: dt.date,
    service_to: dt.date,
    lines: Sequence[LineDraft],
    source: str,
    source_id: str,
    provider: str = "",
    facility: str = "",
    unexplained_cents: int = 0,
    credit: LedgerCode = LedgerCode.BILLED_REVENUE,
) -> Invoice:
    """Issue a bill whose total is the sum of its lines' patient parts, and post it.

    `credit` is the account that the receivable is posted against: revenue, unless the bill asks for
    money that came back unpaid.

    The same (source, source_id) with the same content returns the bill that exists; with other
    content raises InvoiceExists, and nothing changes. A bill of 0 cents is issued as paid.
    """
    total_cents = sum(line.patient_cents for line in lines)
    content = {
        "account": account,
        "patient": patient,
        "kind": kind,
        "number": number,
        "issued_on": issued_on,
        "due_on": due_on,
        "service_from": service_from,
        "service_to": service_to,
        "provider": provider,
        "facility": facility,
        "total_cents": total_cents,
        "unexplained_cents": unexplained_cents,
    }
    try:
        with transaction.atomic():
            invoice = Invoice.objects.create(
                **content,
                source=source,
                source_id=source_id,
                open_cents=total_cents,
                pay_code=references.generate("", PAY_CODE_LENGTH) if total_cents else None,
            )
            InvoiceLine.objects.bulk_create(
                InvoiceLine(
                    invoice=invoice,
                    position=position,
                    **{field.name: getattr(line, field.name) for field in fields(line)},
                )
                for position, line in enumerate(lines, start=1)
            )
            if total_cents:
                _post_billed(invoice, credit)
    except IntegrityError:
        existing = (
            Invoice.objects.filter(source=source, source_id=source_id).prefetch_related("lines").first()
        )
        if existing is None or not _same_content(existing, content, lines):
            raise InvoiceExists(f"{source} {source_id}: bill {number}") from None
        return existing
    return invoice


def _same_content(invoice: Invoice, content: dict[str, object], lines: Sequence[LineDraft]) -> bool:
    stored = [
        astuple(LineDraft(**{f.name: getattr(line, f.name) for f in fields(LineDraft)}))
        for line in invoice.lines.all()
    ]
    return stored == [astuple(line) for line in lines] and all(
        getattr(invoice, name) == value for name, value in content.items()
    )


def _post_billed(invoice: Invoice, credit: LedgerCode) -> None:
    """Debit receivable, credit revenue, or what the bill asks for instead."""
    post(
        kind=EntryKind.INVOICE_ISSUED,
        source="invoice",
        source_id=str(invoice.pk),
        region=invoice.account.region,
        effective_on=invoice.issued_on,
        lines=[
            Posting(LedgerCode.RECEIVABLE, invoice.total_cents, invoice.account, invoice),
            Posting(credit, -invoice.total_cents, invoice.account, invoice),
        ],
    )


@transaction.atomic
def void(*, invoice: Invoice) -> Invoice:
    """Cancel a bill; what was paid on it becomes account balance, visibly. Its member gets a mail.

    Raises CannotVoid while a payment of it is on its way. Canceling twice is canceling once.
    """
    account = lock_one(BillingAccount.objects.filter(pk=invoice.account_id))
    locked = lock_one(Invoice.objects.filter(pk=invoice.pk))
    if locked.voided_at is not None:
        return locked
    if locked.reserved_cents:
        raise CannotVoid(locked.number)
    owed_cents, paid_cents, corrected = locked.open_cents, paid_on(locked), taken_off(locked)
    locked.open_cents, locked.voided_at, locked.pay_code = 0, now(), None
    locked.save(update_fields=["open_cents", "voided_at", "pay_code"])
    if paid_cents:
        balance.credit(account=account, amount_cents=paid_cents)
    sides = [
        Posting(LedgerCode.RECEIVABLE, -owed_cents, account, locked),
        Posting(LedgerCode.ACCOUNT_BALANCE, -paid_cents, account, locked),
        *(Posting(code, -cents, account, locked) for code, cents in corrected.items()),
    ]
    if locked.total_cents:
        sides.append(Posting(_billed_against(locked), locked.total_cents, account, locked))
        post(
            kind=EntryKind.INVOICE_VOIDED,
            source="invoice",
            source_id=str(locked.pk),
            region=account.region,
            effective_on=business_date(account.region.time_zone),
            lines=[side for side in sides if side.amount_cents],
        )
    emails.canceled(invoice=locked, paid_cents=paid_cents)
    return locked


def _billed_against(invoice: Invoice) -> LedgerCode:
    """What the bill was posted against: revenue, or what took the money that came back unpaid."""
    issued = JournalLine.objects.filter(invoice=invoice, entry__kind=EntryKind.INVOICE_ISSUED)
    return LedgerCode(issued.values_list("ledger_account", flat=True).get(amount_cents__lt=0))


def paid_on(invoice: Invoice) -> int:
    """What was paid on a bill and did not go back, in cents; the bill is not canceled."""
    return invoice.total_cents - invoice.open_cents - sum(taken_off(invoice).values())


def taken_off(invoice: Invoice) -> dict[LedgerCode, int]:
    """How much corrections took off a bill so far, in cents, by the account that bears it."""
    sums = invoice.corrections.values_list("kind").annotate(cents=Sum("amount_cents"))
    return {BORNE_BY[Correction.Kind(kind)]: int(cents) for kind, cents in sums}


def reserve(*, invoice: Invoice, amount_cents: int) -> None:
    """Set an amount aside for a payment that has started. Raises NotOwed, and nothing changes."""
    reserve_all({invoice: amount_cents})


def reserve_all(amounts: Mapping[Invoice, int]) -> None:
    """Set aside cents of many bills, or of none: raises NotOwed, and then nothing has changed."""
    _move(amounts, "reserved_cents = bill.reserved_cents + moved.cents")


def release_all(amounts: Mapping[Invoice, int]) -> None:
    """Give back what a payment that came to nothing had set aside."""
    _move(amounts, "reserved_cents = bill.reserved_cents - moved.cents")


def pay_reserved(*, invoice: Invoice, amount_cents: int) -> None:
    """Turn an amount set aside into an amount paid; the caller posts the entry."""
    pay_all_reserved({invoice: amount_cents})


def pay_all_reserved(amounts: Mapping[Invoice, int]) -> None:
    """Turn amounts set aside into amounts paid; the caller posts the entry."""
    _move(
        amounts,
        "reserved_cents = bill.reserved_cents - moved.cents,"
        " open_cents = bill.open_cents - moved.cents",
    )


def give_up(*, invoice: Invoice, amount_cents: int) -> None:
    """Ask for less of the bill (billing.services.corrections). Raises NotOwed."""
    _move({invoice: amount_cents}, "open_cents = bill.open_cents - moved.cents")


def reopen(*, invoice: Invoice, amount_cents: int) -> None:
    """A payment of the bill was taken back: it is owed again. The caller posts the entry."""
    _move({invoice: amount_cents}, "open_cents = bill.open_cents + moved.cents")


def _move(amounts: Mapping[Invoice, int], change: str) -> None:
    """One UPDATE under the bills' CHECKs: PostgreSQL decides whether the amounts are there.

    However many bills, it is one statement. Several are locked by their keys before. Where it is
    refused, the caller's whole transaction is: no savepoint is kept for going on without.
    """
    if any(amount_cents <= 0 for amount_cents in amounts.values()):
        raise ValueError("an amount to move is positive")
    if not amounts:
        return
    bills = {invoice.pk: invoice for invoice in amounts}
    try:
        with transaction.atomic(savepoint=False), connection.cursor() as cursor:
            cursor.execute(
                f"""
                UPDATE billing_invoice bill SET {change}
                FROM unnest(%s::bigint[], %s::bigint[]) AS moved (id, cents)
                WHERE bill.id = moved.id AND bill.voided_at IS NULL
                RETURNING bill.id, bill.open_cents, bill.reserved_cents
                """,  # noqa: S608  # nosec B608  the change is one of those above
                [list(bills), list(amounts.values())],
            )
            moved = cursor.fetchall()
            if len(moved) != len(bills):
                raise NotOwed(", ".join(invoice.number for invoice in amounts)[:200])
    except IntegrityError as error:
        raise NotOwed(", ".join(invoice.number for invoice in amounts)[:200]) from error
    for key, open_cents, reserved_cents in moved:
        bills[key].open_cents, bills[key].reserved_cents = open_cents, reserved_cents
