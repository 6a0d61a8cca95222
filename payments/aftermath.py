"""What became of a settled payment: what went back, what a bank took, which bills were canceled.

Every document that is made afterwards says so. Words are in the language that is active when they are
asked for.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from common.clock import business_date
from common.money import format_cents
from payments import methods
from payments.models import Allocation, Dispute, DisputeState, Payment, Refund, RefundState
from payments.story import story_of


@dataclass(frozen=True, slots=True)
class GoneBack:
    """A refund of a part of a payment; its amount in cents, its day on the region's calendar."""

    on: dt.date
    reference: str
    amount_cents: int
    to_balance: bool
    in_error: bool
    has_arrived: bool
    method_kind: str
    method_brand: str
    method_last4: str

    @property
    def back_cents(self) -> int:
        return self.amount_cents

    @property
    def words(self) -> str:
        facts = {
            "amount": format_cents(self.amount_cents),
            "reference": self.reference,
            "method": methods.describe(
                kind=self.method_kind, brand=self.method_brand, last4=self.method_last4
            ),
        }
        if self.in_error:
            return _("%(amount)s taken back, because it was recorded in error") % facts
        if self.to_balance:
            return _("%(amount)s refunded to the account balance, reference %(reference)s") % facts
        if self.has_arrived:
            return _("%(amount)s refunded to %(method)s, reference %(reference)s") % facts
        return _("%(amount)s being refunded to %(method)s, reference %(reference)s") % facts


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a bank took, for now or for good; its amount in cents."""

    on: dt.date
    amount_cents: int
    is_return: bool
    is_decided: bool

    @property
    def back_cents(self) -> int:
        """Nothing while the bank has not decided."""
        return self.amount_cents if self.is_decided else 0

    @property
    def words(self) -> str:
        amount = {"amount": format_cents(self.amount_cents)}
        if self.is_return:
            return _("%(amount)s returned: the bank took it back") % amount
        if self.is_decided:
            return _("%(amount)s taken back by the bank after a dispute") % amount
        return _("%(amount)s disputed: the bank holds it until it decides") % amount


@dataclass(frozen=True, slots=True)
class BillCanceled:
    """A bill that it had paid was canceled: what was left of that, in cents, became account balance."""

    on: dt.date
    number: str
    amount_cents: int

    @property
    def back_cents(self) -> int:
        return self.amount_cents

    @property
    def words(self) -> str:
        return _("Bill %(number)s canceled, %(amount)s to the account balance") % {
            "number": self.number,
            "amount": format_cents(self.amount_cents),
        }


Later = GoneBack | TakenBack | BillCanceled


def not_taken_cents(payment: Payment, later: Iterable[Later]) -> int:
    """What neither refunds nor banks took of what was paid, in cents.

    Never below nothing: what was refunded to the balance, a bank may still take at the source. A
    canceled bill takes nothing: its money is still with the payee.
    """
    went = sum(each.back_cents for each in later if not isinstance(each, BillCanceled))
    return max(0, payment.amount_cents - went)


def aftermath(payment: Payment, *, allocations: Iterable[Allocation]) -> tuple[Later, ...]:
    """What came after the payment had settled, earliest first; disputes decided for us left out.

    `allocations` are all that it has now, with their bills. One query.
    """
    zone, story = payment.region.time_zone, story_of(payment)
    later: list[tuple[dt.datetime, Later]] = [
        (refund.created_at, _gone_back(payment, refund)) for refund in story.refunds
    ]
    for dispute in story.disputes:
        if dispute.state == DisputeState.WON:
            continue
        at = dispute.decided_at or dispute.opened_at
        taken = TakenBack(
            on=business_date(zone, at),
            amount_cents=dispute.amount_cents,
            is_return=dispute.is_return,
            is_decided=dispute.state == DisputeState.LOST,
        )
        later.append((at, taken))
    for allocation in allocations:
        canceled_at = allocation.invoice.voided_at
        if canceled_at is not None and allocation.canceled_cents:
            number, cents = allocation.invoice.number, allocation.canceled_cents
            canceled = BillCanceled(business_date(zone, canceled_at), number, cents)
            later.append((canceled_at, canceled))
    return tuple(each for _at, each in sorted(later, key=lambda pair: pair[0]))


def twice_back_cents(payment: Payment, taken: Iterable[Dispute]) -> int:
    """What the payer had back by a refund and then once more from the bank, by these; in cents."""
    return min(payment.refunded_cents, sum(dispute.excess_cents for dispute in taken))


def _gone_back(payment: Payment, refund: Refund) -> GoneBack:
    """One that could not be delivered became account balance."""
    return GoneBack(
        on=business_date(payment.region.time_zone, refund.created_at),
        reference=refund.reference,
        amount_cents=refund.amount_cents,
        to_balance=refund.destination == Refund.Destination.BALANCE
        or refund.state == RefundState.FAILED,
        in_error=refund.destination == Refund.Destination.NOWHERE,
        has_arrived=refund.state == RefundState.SUCCEEDED,
        method_kind=payment.method_kind,
        method_brand=payment.method_brand,
        method_last4=payment.method_last4,
    )
