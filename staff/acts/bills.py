"""Adjusting a bill, or writing off what will not be paid."""

from typing import Any

from django import forms
from django.http import Http404

from billing.models import Correction, Invoice
from billing.services import corrections
from billing.services.invoices import NotOwed
from common.money import format_cents
from staff.acts.base import Act, Plan, Refused, Subject
from staff.forms import amount_field, reason_field
from staff.models import Action, May
from staff.services.audit import Actor

ACTIONS = {
    Correction.Kind.ADJUSTMENT: Action.BILL_ADJUSTED,
    Correction.Kind.WRITE_OFF: Action.BILL_WRITTEN_OFF,
}


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
        bill = (
            Invoice.objects.select_related("account__guarantor", "account__region", "patient")
            .filter(pk=keys["key"])
            .first()
        )
        if bill is None:
            raise Http404
        return Subject(bill.account, bill, bill.number)

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
