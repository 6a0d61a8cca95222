"""Bills in the states that pages show, arranged through the services, and pages read as text."""

import datetime as dt
import html
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpResponse

from accounts.models import Member
from billing.models import (
    BillingAccount,
    EntryKind,
    Invoice,
    InvoiceLine,
    JournalEntry,
    JournalLine,
    LedgerCode,
)
from billing.services import invoices
from billing.services.ledger import Posting, post

_payment = itertools.count(1)


def set_aside(invoice: Invoice, amount_cents: int) -> None:
    """A payment of this amount is on its way."""
    invoices.reserve(invoice=invoice, amount_cents=amount_cents)


@transaction.atomic
def settle(invoice: Invoice, amount_cents: int, *, on: dt.date) -> None:
    """A payment of this amount has settled on a day."""
    invoices.reserve(invoice=invoice, amount_cents=amount_cents)
    invoices.pay_reserved(invoice=invoice, amount_cents=amount_cents)
    account = invoice.account
    post(
        kind=EntryKind.PAYMENT_SETTLED,
        source="test-payment",
        source_id=str(next(_payment)),
        region=account.region,
        effective_on=on,
        lines=[
            Posting(LedgerCode.PROCESSOR_CLEARING, amount_cents, account),
            Posting(LedgerCode.RECEIVABLE, -amount_cents, account, invoice),
        ],
    )


def words(response: HttpResponse) -> str:
    """What a person reads in the main part of a page, in one line."""
    content = response.content.decode()
    match = re.search(r"<main.*?</main>", content, re.DOTALL)
    assert match is not None, content[:500]
    within_words = re.sub(r"</?(?:strong|em)>", "", match.group(0))
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", within_words)).split())


@dataclass(frozen=True)
class Entry:
    """A journal entry to be. A line is a code, cents (a debit where positive) and perhaps a bill."""

    kind: EntryKind
    source: str
    source_id: int
    on: dt.date
    lines: Sequence[tuple[LedgerCode, int, Invoice | None]]


def post_many(account: BillingAccount, entries: Sequence[Entry]) -> None:
    """Put many entries of one account into the books at once."""
    made = JournalEntry.objects.bulk_create(
        JournalEntry(
            region=account.region,
            kind=entry.kind,
            source=entry.source,
            source_id=str(entry.source_id),
            effective_on=entry.on,
        )
        for entry in entries
    )
    JournalLine.objects.bulk_create(
        JournalLine(
            entry=row, ledger_account_id=code, amount_cents=cents, account=account, invoice=bill
        )
        for row, entry in zip(made, entries, strict=True)
        for code, cents, bill in entry.lines
    )


@transaction.atomic
def make_many_invoices(account: BillingAccount, count: int, *, patients: Sequence[Member] = ()) -> None:
    """Many small bills at once, posted in the books; every tenth is a premium.

    They go around the patients; the guarantor is the only one unless told otherwise.
    """
    first_day = dt.date(2020, 1, 1)
    people = patients or [account.guarantor]
    bills = Invoice.objects.bulk_create(
        Invoice(
            account=account,
            patient=people[index % len(people)],
            kind=Invoice.Kind.MEDICAL if index % 10 else Invoice.Kind.PREMIUM,
            number=f"MANY-{index:05d}",
            issued_on=first_day + dt.timedelta(days=index),
            due_on=first_day + dt.timedelta(days=index + 30),
            service_from=first_day + dt.timedelta(days=index - 20),
            service_to=first_day + dt.timedelta(days=index - 20),
            provider=f"Clinic {index % 7}",
            total_cents=10_00 + index,
            open_cents=10_00 + index,
            source="many",
            source_id=f"{account.pk}/{index}",
        )
        for index in range(count)
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=bill,
            position=1,
            service_on=bill.service_from,
            description="Office visit",
            charge_cents=bill.total_cents,
            patient_cents=bill.total_cents,
        )
        for bill in bills
    )
    post_many(
        account,
        [
            Entry(
                EntryKind.INVOICE_ISSUED,
                "invoice",
                bill.pk,
                bill.issued_on,
                [
                    (LedgerCode.RECEIVABLE, bill.total_cents, bill),
                    (LedgerCode.BILLED_REVENUE, -bill.total_cents, bill),
                ],
            )
            for bill in bills
        ],
    )
