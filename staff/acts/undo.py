"""A check or cash that was recorded in error is taken out of the books: a reversing entry, once."""

from typing import Any

from django import forms

from payments import methods
from payments.models import Payment, Refund
from staff.acts.base import Plan, Refused, Subject
from staff.acts.refunds import RefundPayment, left_of
from staff.forms import reason_field
from staff.models import Action, May
from staff.services.audit import Actor

NOT_RECORDED = "Only a check or cash that staff recorded, and of which something is left."


class ReasonForm(forms.Form):
    reason = reason_field("What was wrong")


class UndoRecorded(RefundPayment):
    """All that is left of it: what it had paid is owed again, and the money goes nowhere.

    Above the limits it waits for a second person, as a refund does.
    """

    may, title, button = May.RECORD, "Take back a recorded payment", "Take back"
    action = Action.PAYMENT_UNDONE

    def form(self, subject: Subject, data: Any = None) -> forms.Form:
        return ReasonForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        return super().plan(subject, self._whole(subject.thing, data), by)

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        return super().perform(subject, self._whole(subject.thing, data), by)

    def told(self, refund: Refund) -> str:
        return f"Taken back, under {refund.reference}. What it had paid is owed again."

    @staticmethod
    def _whole(payment: Payment, data: dict[str, Any]) -> dict[str, Any]:
        left_cents = left_of(payment)
        if not methods.is_recorded(payment.method_kind) or not left_cents:
            raise Refused(NOT_RECORDED)
        return data | {"amount": left_cents, "destination": Refund.Destination.NOWHERE.value}
