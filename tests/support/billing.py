"""Bills in the states that pages show, arranged through the services, and pages read as text."""

import datetime as dt
import html
import itertools
import re

from django.http import HttpResponse

from billing.models import EntryKind, Invoice, LedgerCode
from billing.services import invoices
from billing.services.ledger import Posting, post

_payment = itertools.count(1)


def set_aside(invoice: Invoice, amount_cents: int) -> None:
    """A payment of this amount is on its way."""
    invoices.reserve(invoice=invoice, amount_cents=amount_cents)


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
