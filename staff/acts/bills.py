"""Adjusting a bill, writing off what will not be paid, canceling one that should not be."""

from dataclasses import replace
from typing import Any

from django import forms
from django.http import Http404

from billing import hooks
from billing.models import BillingAccount, Correction, Invoice
from billing.services import corrections, invoices
from billing.services.invoices import CannotVoid, NotOwed
from common.locks import lock_one
from common.money import format_cents
from common.templatetags.kppay import day
from staff.acts.base import Act, Plan, Refused, Subject
from staff.forms import amount_field, reason_field
from staff.models import Action, May
from staff.services.audit import Actor

ACTIONS = {
    Correction.Kind.ADJUSTMENT: Action.BILL_ADJUSTED,
    Correction.Kind.WRITE_OFF: Action.BILL_WRITTEN_OFF,
}


CANCELED = "This bill is canceled already."
ON_ITS_WAY = "A payment of it is on its way. Cancel the bill when that has arrived, or has ended."


def bill_subject(key: int) -> Subject:
    """Raises Http404."""
    bill = (
        Invoice.objects.select_related("account__guarantor__user", "account__region", "patient")
        .filter(pk=key)
        .first()
    )
    if bill is None:
        raise Http404
    return Subject(bill.account, bill, bill.number)


class CorrectForm(forms.Form):
    def __init__(self, *args: Any, payable_cents: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"] = forms.ChoiceField(
            label="What",
            choices=[
                (Correction.Kind.ADJUSTMENT.value, "Adjust: too much was billed"),
                (Correction.Kind.WRITE_OFF.value, "Write off: owed, and given up"),
            ],
            widget=forms.RadioSelect,
        )
        self.fields["amount"] = amount_field(max_cents=payable_cents)
        self.fields["reason"] = reason_field()


class CorrectBill(Act):
    may, title, button = May.CORRECT, "Adjust or write off a bill", "Go on"

    def subject(self, **keys: Any) -> Subject:
        return bill_subject(keys["key"])

    def form(self, subject: Subject, data: Any = None) -> CorrectForm:
        return CorrectForm(data, payable_cents=subject.thing.payable_cents)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        bill: Invoice = subject.thing
        kind, cents = Correction.Kind(data["kind"]), data["amount"]
        verb = "adjusted by" if kind == Correction.Kind.ADJUSTMENT else "written off by"
        return Plan(
            ACTIONS[kind],
            [
                f"Bill {bill.number} is {verb} {format_cents(cents)}.",
                f"Then {format_cents(bill.open_cents - cents)} of it is owed instead of"
                f" {format_cents(bill.open_cents)}.",
            ],
            {"amount_cents": cents, "reason": data["reason"]},
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        try:
            corrections.correct(
                invoice=subject.thing,
                kind=Correction.Kind(data["kind"]),
                amount_cents=data["amount"],
                reason=data["reason"],
                made_by=by.user,
            )
        except NotOwed as error:
            raise Refused("That much is not owed, or a payment of it is on its way.") from error
        return f"Bill {subject.reference} asks for {format_cents(data['amount'])} less."


class CancelForm(forms.Form):
    reason = reason_field()


class CancelBill(Act):
    may, title, button = May.CORRECT, "Cancel a bill", "Cancel this bill"

    def subject(self, **keys: Any) -> Subject:
        return bill_subject(keys["key"])

    def form(self, subject: Subject, data: Any = None) -> CancelForm:
        return CancelForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        bill: Invoice = subject.thing
        if bill.voided_at is not None:
            raise Refused(CANCELED)
        if bill.reserved_cents:
            raise Refused(ON_ITS_WAY)
        paid_cents = invoices.paid_on(bill)
        return Plan(
            Action.BILL_CANCELED,
            [
                f"Bill {bill.number} of {format_cents(bill.total_cents)} for {bill.patient.full_name}"
                f" is canceled. {self._owed(bill)}",
                f"{format_cents(paid_cents)} that was paid on it becomes account balance."
                if paid_cents
                else "Nothing was paid on it.",
                *self._draw(bill),
                "The member gets a mail about it."
                if subject.household.guarantor.user
                else "No mail tells of it: the member has no log-in.",
                "This cannot be undone. What is owed after all needs a new bill, with another number.",
            ],
            {
                "total_cents": bill.total_cents,
                "owed_cents": bill.open_cents,
                "to_balance_cents": paid_cents,
                "reason": data["reason"],
            },
        )

    def locked(self, subject: Subject, by: Actor) -> Subject:
        """The account's lock decides, as everywhere: a payment that starts meanwhile waits for it."""
        lock_one(BillingAccount.objects.filter(pk=subject.household.pk))
        bill = lock_one(Invoice.objects.select_related("patient").filter(pk=subject.thing.pk))
        return replace(subject, thing=bill)

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        try:
            invoices.void(invoice=subject.thing)
        except CannotVoid as error:
            raise Refused(ON_ITS_WAY) from error
        return f"Bill {subject.reference} is canceled."

    @staticmethod
    def _owed(bill: Invoice) -> str:
        if not bill.open_cents:
            return "Nothing was owed on it any more."
        return f"{format_cents(bill.open_cents)} is no longer owed."

    @staticmethod
    def _draw(bill: Invoice) -> list[str]:
        """What autopay would have drawn."""
        draw = hooks.draws_of([bill.pk]).get(bill.pk)
        if draw is None:
            return []
        amount = format_cents(draw.amount_cents)
        return [f"Autopay's draw of {amount} on {day(draw.on)} from {draw.method} is skipped."]
