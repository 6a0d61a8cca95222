"""What a receipt says, read from the books: never from what a bill says by now.

Two editions come from the same content (docs/decisions/0005-receipt-editions.md): the mailed one
leaves out who was treated, by whom and when.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Self

from accounts.models import Region
from billing.models import EntryKind, Invoice
from billing.positions import owed_after
from common.clock import business_date
from payments import methods
from payments.aftermath import Later, aftermath, not_taken_cents
from payments.models import Allocation, Payment


class NotSettled(RuntimeError):
    """Only a payment whose money has moved has a receipt."""


@dataclass(frozen=True, slots=True)
class BillPaid:
    """One bill on a receipt; amounts in cents, as they were right after the payment."""

    number: str
    kind: str
    patient: str
    provider: str
    facility: str
    service_from: dt.date
    service_to: dt.date
    total_cents: int
    paid_cents: int
    owed_cents: int

    @classmethod
    def of(cls, allocation: Allocation, *, owed_cents: int) -> Self:
        invoice: Invoice = allocation.invoice
        return cls(
            number=invoice.number,
            kind=invoice.kind,
            patient=invoice.patient.full_name,
            provider=invoice.provider,
            facility=invoice.facility,
            service_from=invoice.service_from,
            service_to=invoice.service_to,
            total_cents=invoice.total_cents,
            paid_cents=allocation.amount_cents,
            owed_cents=owed_cents,
        )

    @property
    def is_premium(self) -> bool:
        return self.kind == Invoice.Kind.PREMIUM


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """Everything a receipt says; `paid_on` is the day on the region's calendar."""

    reference: str
    paid_on: dt.date
    amount_cents: int
    from_balance_cents: int
    to_balance_cents: int
    method_kind: str
    method_brand: str
    method_last4: str
    account_number: str
    guarantor: str
    region: Region
    bills: tuple[BillPaid, ...]
    later: tuple[Later, ...]
    left_cents: int  # after what went back, what banks took, and what canceled bills had become of it

    @property
    def method(self) -> str:
        """In the language that is active when it is asked for."""
        return methods.describe_with_balance(
            kind=self.method_kind,
            brand=self.method_brand,
            last4=self.method_last4,
            from_balance_cents=self.from_balance_cents,
            amount_cents=self.amount_cents,
        )

    @property
    def has_sums(self) -> bool:
        """Whether more than one thing was paid."""
        return len(self.bills) + bool(self.to_balance_cents) > 1

    @property
    def mailing_address(self) -> str:
        """On one line."""
        return ", ".join(self.region.mailing_address.split("\n"))

    @property
    def owed_cents(self) -> int:
        """Still owed on all bills of this payment together."""
        return sum(bill.owed_cents for bill in self.bills)

    @property
    def total_cents(self) -> int:
        return sum(bill.total_cents for bill in self.bills)


def content_of(payment: Payment) -> ReceiptContent:
    """The content of the receipt of a settled payment. Raises NotSettled."""
    if payment.settled_at is None:
        raise NotSettled(payment.reference)
    account = payment.account
    owed_cents = owed_after(kind=EntryKind.PAYMENT_SETTLED, source="payment", source_id=str(payment.pk))
    allocations = list(
        payment.allocations.select_related("invoice__patient").order_by(
            "invoice__service_from", "invoice__number"
        )
    )
    later = aftermath(payment, allocations=allocations)
    on_bills = sum(each.kept_cents - each.reversed_cents - each.canceled_cents for each in allocations)
    return ReceiptContent(
        reference=payment.reference,
        paid_on=business_date(payment.region.time_zone, payment.settled_at),
        amount_cents=payment.amount_cents,
        from_balance_cents=payment.from_balance_cents,
        to_balance_cents=payment.to_balance_cents,
        method_kind=payment.method_kind,
        method_brand=payment.method_brand,
        method_last4=payment.method_last4,
        account_number=account.account_number,
        guarantor=account.guarantor.full_name,
        region=payment.region,
        bills=tuple(
            BillPaid.of(allocation, owed_cents=owed_cents[allocation.invoice_id])
            for allocation in allocations
            # As it was paid; a bill that staff moved it to later has a line in its own history.
            if allocation.moved_from_id is None
        ),
        later=later,
        # Of a canceled bill what became balance and what went back is one amount; of what was added and
        # spent since, a bank takes at the source alone: so the lower of the two is left.
        left_cents=min(
            on_bills + payment.to_balance_cents - payment.balance_reversed_cents,
            not_taken_cents(payment, later),
        ),
    )
