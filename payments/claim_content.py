"""What a document for an insurance claim says: the fields that administrators of flexible spending and
health savings accounts ask for (IRS Publication 502 and 969; 26 CFR 1.125-6(b)(3): an independent third
party's description of the service, its date, and its amount).

Patient, provider, dates of service, each service with its code in words, what was charged, what the
plan paid, what the patient had to pay, what was paid with this payment and how, and who received it.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F

from accounts.models import Region
from billing.models import Invoice, InvoiceLine
from billing.queries import Breakdown, breakdown_of
from common.clock import business_date
from payments import methods
from payments.aftermath import Later, aftermath
from payments.models import Allocation, Payment
from payments.receipt_content import NotSettled


class NothingToClaim(LookupError):
    """The payment paid no bill: money that was added to the account balance is no expense."""


@dataclass(frozen=True, slots=True)
class ClaimBill:
    """One bill of the payment; amounts in cents."""

    bill: Invoice
    breakdown: Breakdown
    paid_cents: int  # with this payment
    back_cents: int  # of that, refunded or taken back since; of a canceled bill, account balance

    @property
    def left_cents(self) -> int:
        return self.paid_cents - self.back_cents


@dataclass(frozen=True, slots=True)
class ClaimContent:
    """Everything the document says; days are on the region's calendar."""

    reference: str
    paid_on: dt.date
    amount_cents: int
    method_kind: str
    method_brand: str
    method_last4: str
    from_balance_cents: int
    account_number: str
    guarantor: str
    region: Region
    tax_id: str
    bills: tuple[ClaimBill, ...]
    later: tuple[Later, ...]

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
    def paid_cents(self) -> int:
        """On bills; money added to the account balance along with them is no expense."""
        return sum(each.paid_cents for each in self.bills)

    @property
    def back_cents(self) -> int:
        return sum(each.back_cents for each in self.bills)

    @property
    def left_cents(self) -> int:
        return self.paid_cents - self.back_cents


def claim_of(payment: Payment) -> ClaimContent:
    """The content for a settled payment. Raises NotSettled or NothingToClaim."""
    if payment.settled_at is None:
        raise NotSettled(payment.reference)
    allocations = list(
        payment.allocations.filter(amount_cents__gt=F("moved_cents"))
        .select_related("invoice__patient")
        .order_by("invoice__service_from", "invoice__number")
    )
    if not allocations:
        raise NothingToClaim(payment.reference)
    region, tax_ids = payment.region, settings.PAYEE_TAX_IDS
    return ClaimContent(
        reference=payment.reference,
        paid_on=business_date(region.time_zone, payment.settled_at),
        amount_cents=payment.amount_cents,
        method_kind=payment.method_kind,
        method_brand=payment.method_brand,
        method_last4=payment.method_last4,
        from_balance_cents=payment.from_balance_cents,
        account_number=payment.account.account_number,
        guarantor=payment.account.guarantor.full_name,
        region=region,
        tax_id=tax_ids.get(region.code.lower()) or tax_ids.get("default", ""),
        bills=_bills(allocations),
        later=aftermath(payment, allocations=allocations),
    )


def _bills(allocations: list[Allocation]) -> tuple[ClaimBill, ...]:
    lines: dict[int, list[InvoiceLine]] = defaultdict(list)
    wanted = [allocation.invoice_id for allocation in allocations]
    for line in InvoiceLine.objects.filter(invoice__in=wanted).order_by("invoice", "position"):
        lines[line.invoice_id].append(line)
    return tuple(
        ClaimBill(
            bill=allocation.invoice,
            breakdown=breakdown_of(lines[allocation.invoice_id]),
            paid_cents=allocation.kept_cents,
            back_cents=allocation.reversed_cents + allocation.canceled_cents,
        )
        for allocation in allocations
    )
