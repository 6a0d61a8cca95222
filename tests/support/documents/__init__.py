"""Every document that the portal makes, ordered as people order it, and what each has to say.

What it says is told in both languages word for word and computed from rows of the database, never
with the code that made the document. The short ones fit on a page, the long ones do not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from autopay.models import Scope
from tests.support import methods
from tests.support.documents.autopay import authorization, proof
from tests.support.documents.bills import bill, statement
from tests.support.documents.desk import Desk, Sample
from tests.support.documents.payments import (
    claim,
    confirmation,
    receipt,
    receipt_afterwards,
    receipt_of_a_guest,
)

__all__ = ["DOCUMENTS", "Desk", "Document", "Sample"]


@dataclass(frozen=True)
class Document:
    """A kind of document, long or short: its template, and how one is ordered."""

    template: str
    order: Callable[[Desk], Sample]


DOCUMENTS = {
    "bill": Document("pdf/bill.html", bill),
    "bill-of-90-lines": Document("pdf/bill.html", partial(bill, lines=90)),
    "receipt": Document("pdf/receipt.html", receipt),
    "receipt-of-40-bills": Document("pdf/receipt.html", partial(receipt, bills=40)),
    "receipt-mailed": Document("pdf/receipt.html", partial(receipt, itemized=False)),
    "receipt-of-a-guest": Document("pdf/receipt.html", receipt_of_a_guest),
    "receipt-afterwards": Document("pdf/receipt.html", receipt_afterwards),
    "claim": Document("pdf/claim.html", claim),
    "claim-of-90-lines": Document("pdf/claim.html", partial(claim, lines=90)),
    "claim-afterwards": Document("pdf/claim.html", partial(claim, back_cents=12_01)),
    "statement": Document("pdf/statement.html", statement),
    "statement-of-30-patients": Document("pdf/statement.html", partial(statement, patients=30)),
    "confirmation": Document("pdf/confirmation.html", confirmation),
    "confirmation-of-40-bills": Document("pdf/confirmation.html", partial(confirmation, bills=40)),
    "authorization": Document("pdf/autopay_authorization.html", authorization),
    "authorization-of-a-bank": Document(
        "pdf/autopay_authorization.html",
        partial(
            authorization,
            card=methods.BANK,
            scope=Scope.PREMIUMS,
            day_of_month=31,
            limit_cents=1_234_56,
            use_balance=True,
        ),
    ),
    "proof": Document("pdf/autopay_canceled.html", proof),
    "proof-of-30-draws": Document("pdf/autopay_canceled.html", partial(proof, draws=30)),
}
