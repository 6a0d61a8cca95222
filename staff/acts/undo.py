"""A check or cash that was recorded in error is taken out of the books: a reversing entry, once."""

from dataclasses import replace
from typing import Any

from django import forms

from common.money import format_cents
from payments import methods
from payments.models import Payment, Refund
from payments.services.recorded_balance import missing_cents
from staff.acts.base import Plan, Refused, Subject
from staff.acts.refunds import RefundPayment, left_of
from staff.forms import reason_field
from staff.models import Action, May
from staff.services.audit import Actor

NOT_RECORDED = "Only a check or cash that staff recorded, and of which something is left."
SPENT = (
    "Its money became account balance and was spent. Refund to the account balance what it paid since,"
    " then take this back."
)


class ReasonForm(forms.Form):
    reason = reason_field("What was wrong")


class UndoRecorded(RefundPayment):
    """All that is there of it: what it had paid is owed again, and the money goes nowhere.

    Above the limits it waits for a second person, as a refund does; and so does cash of which nobody
    would hear.
    """

    may, title, button = May.RECORD, "Take back a recorded payment", "Take back"
    action, cannot = Action.PAYMENT_UNDONE, SPENT

    def form(self, subject: Subject, data: Any = None) -> forms.Form:
        return ReasonForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        payment: Payment = subject.thing
        plan = super().plan(subject, self._whole(payment, data), by)
        spent_cents = missing_cents(payment) - plan.detail["amount_cents"]
        if spent_cents:
            spent = (
                f"{format_cents(spent_cents)} of it was spent from the account balance and cannot be"
                " taken back: refund to the account balance what it paid since, and do this once more."
            )
            return replace(plan, effects=[*plan.effects, spent])
        return plan

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        return super().perform(subject, self._whole(subject.thing, data), by)

    def told(self, refund: Refund) -> str:
        return f"Taken back, under {refund.reference}. What it had paid is owed again."

    @staticmethod
    def _whole(payment: Payment, data: dict[str, Any]) -> dict[str, Any]:
        destination = Refund.Destination.NOWHERE.value
        left_cents = left_of(payment, destination)
        if not left_cents:
            recorded = methods.is_recorded(payment.method_kind)
            raise Refused(SPENT if recorded and missing_cents(payment) else NOT_RECORDED)
        return data | {"amount": left_cents, "destination": destination}
