"""Refunding a payment: at once up to the limit, above it only with a second person."""

from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404

from billing.services.balance import NotEnough
from common.money import format_cents
from payments import methods
from payments.models import Payment, Refund
from payments.services import refunds
from payments.services.moves import lock_payment
from payments.services.refunds import REFUNDABLE, CannotRefund
from payments.services.reversal import remaining
from staff.acts.base import Act, Plan, Refused, Subject
from staff.forms import amount_field, reason_field
from staff.models import Action, May, RefundRequest, RequestState
from staff.services import refund_requests
from staff.services.audit import Actor

CANNOT = "This payment cannot give back that much: look at what happened to it, and try again."


class RefundForm(forms.Form):
    def __init__(self, *args: Any, left_cents: int, to_source: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = amount_field(max_cents=left_cents, initial=left_cents)
        self.fields["destination"] = forms.ChoiceField(
            label="To",
            choices=Refund.Destination.choices if to_source else Refund.Destination.choices[1:],
            widget=forms.RadioSelect,
            initial=Refund.Destination.SOURCE if to_source else Refund.Destination.BALANCE,
        )
        self.fields["reason"] = reason_field()


def payment_subject(reference: str) -> Subject:
    payment = (
        Payment.objects.select_related("account__guarantor", "account__region", "region")
        .filter(reference=reference)
        .first()
    )
    if payment is None:
        raise Http404
    return Subject(payment.account, payment, payment.reference)


def left_of(payment: Payment) -> int:
    """What may still go back of a payment, in cents."""
    return sum(remaining(payment).values()) if payment.state in REFUNDABLE else 0


def source_of(payment: Payment) -> str:
    return methods.describe(
        kind=payment.method_kind, brand=payment.method_brand, last4=payment.method_last4
    )


def why_another(payment: Payment) -> str:
    """Why one person may not refund that much of a payment."""
    limit, alone = settings.STAFF_REFUND_LIMIT_CENTS, refund_requests.alone_cents(payment)
    if RefundRequest.objects.filter(payment=payment, state=RequestState.DECLINED).exists():
        return "A refund of this payment was declined before"
    if alone:
        return f"With the {format_cents(alone)} refunded before this is above {format_cents(limit)}"
    return f"This is above {format_cents(limit)}"


class RefundPayment(Act):
    may, title, button = May.REFUND, "Refund a payment", "Refund"

    def subject(self, **keys: Any) -> Subject:
        return payment_subject(keys["reference"])

    def form(self, subject: Subject, data: Any = None) -> RefundForm:
        payment: Payment = subject.thing
        left_cents = left_of(payment)
        return RefundForm(
            data, left_cents=left_cents, to_source=bool(payment.charge_cents and payment.intent_id)
        )

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        payment: Payment = subject.thing
        cents = data["amount"]
        if cents > left_of(payment):
            raise Refused(CANNOT)
        to_source = data["destination"] == Refund.Destination.SOURCE
        if to_source and cents > payment.charge_cents - payment.refunded_cents - payment.disputed_cents:
            raise Refused("More than the card or bank account paid cannot go back there.")
        where = source_of(payment) if to_source else "the account balance"
        effects = [
            f"{format_cents(cents)} of payment {payment.reference} goes back to {where}.",
            # A second tab's confirmation says another sum, and so is not the one that was given.
            f"After that, {format_cents(left_of(payment) - cents)} of it can still go back.",
            f"Its bills are owed again by {format_cents(cents)} in all."
            if not payment.to_balance_cents
            else f"What the payment paid or added is taken back by {format_cents(cents)}.",
            "The member sees it in the payment's timeline and gets a mail.",
        ]
        detail = {
            "amount_cents": cents,
            "destination": data["destination"],
            "reason": data["reason"],
        }
        if not refund_requests.needs_another(payment=payment, amount_cents=cents):
            return Plan(Action.REFUNDED, effects, detail)
        if RefundRequest.objects.filter(payment=payment, state=RequestState.WAITING).exists():
            raise Refused("A refund of this payment waits for approval already.")
        effects.insert(0, f"{why_another(payment)}: nothing moves until another person approves it.")
        return Plan(Action.REFUND_REQUESTED, effects, detail)

    def locked(self, subject: Subject) -> Subject:
        return replace(subject, thing=lock_payment(subject.thing.pk))

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        payment, cents = subject.thing, data["amount"]
        wanted = {
            "payment": payment,
            "amount_cents": cents,
            "destination": Refund.Destination(data["destination"]),
            "reason": data["reason"],
            "requested_by": by.user,
        }
        if refund_requests.needs_another(payment=payment, amount_cents=cents):
            refund_requests.ask(**wanted)
            return f"The refund of {format_cents(cents)} waits for another person's approval."
        try:
            refund = refunds.request(**wanted)
        except (CannotRefund, NotEnough) as error:
            raise Refused(CANNOT) from error
        return f"Refund {refund.reference} of {format_cents(cents)} is on its way."
