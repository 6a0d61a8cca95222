"""Refunding a payment: at once up to the limit, above it only with a second person."""

from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.http import Http404

from accounts.models import User
from billing.services.balance import NotEnough
from common.locks import lock_id
from common.money import format_cents
from payments import methods
from payments.models import Payment, Refund
from payments.services import refunds
from payments.services.moves import lock_payment
from payments.services.recorded_balance import takeable
from payments.services.refunds import REFUNDABLE, CannotRefund
from payments.services.reversal import remaining
from staff.acts.base import Act, Plan, Refused, Subject
from staff.forms import amount_field, reason_field
from staff.models import Action, May, RefundRequest, RequestState
from staff.services import refund_requests
from staff.services.audit import Actor
from staff.services.refund_requests import Why

WAITS = "A refund of this payment waits for approval already."
CANNOT = "This payment cannot give back that much: look at what happened to it, and try again."


class RefundForm(forms.Form):
    def __init__(self, *args: Any, left_cents: int, to_source: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = amount_field(max_cents=left_cents, initial=left_cents)
        self.fields["destination"] = forms.ChoiceField(
            label="To",
            choices=[
                (each.value, each.label)
                for each in (Refund.Destination.SOURCE, Refund.Destination.BALANCE)
                if to_source or each != Refund.Destination.SOURCE
            ],
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


def left_of(payment: Payment, destination: str = "") -> int:
    """What may still go back of a payment, in cents; or be taken back as recorded in error."""
    if destination == Refund.Destination.NOWHERE:
        return sum(takeable(payment).values())
    return sum(remaining(payment).values()) if payment.state in REFUNDABLE else 0


def source_of(payment: Payment) -> str:
    return methods.describe(
        kind=payment.method_kind, brand=payment.method_brand, last4=payment.method_last4
    )


def words_for(why: Why, payment: Payment, by: User) -> str:
    """Why one person may not refund that much of a payment."""
    limit = format_cents(settings.STAFF_REFUND_LIMIT_CENTS)
    match why:
        case Why.DECLINED:
            return "A refund of this payment was declined before"
        case Why.UNHEARD:
            return "This is cash, and nobody of this household gets our mail"
        case Why.PAYMENT:
            alone = refund_requests.alone_cents(payment)
            before = f"With the {format_cents(alone)} refunded before this" if alone else "This"
            return f"{before} is above {limit}"
        case Why.HOUSEHOLD:
            alone = refund_requests.household_cents(payment.account)
            return (
                f"With the {format_cents(alone)} refunded of this household's payments in 24 hours"
                f" this is above {limit}"
            )
        case Why.DAY:
            alone, limit = (
                refund_requests.day_cents(by),
                format_cents(settings.STAFF_REFUND_DAY_LIMIT_CENTS),
            )
            return f"With the {format_cents(alone)} that you refunded in 24 hours this is above {limit}"


def where_to(payment: Payment, destination: str) -> str:
    """What becomes of the money, after "$40.00 of payment KP-…"."""
    match destination:
        case Refund.Destination.SOURCE:
            return f"goes back to {source_of(payment)}"
        case Refund.Destination.BALANCE:
            return "goes back to the account balance"
    return f"by {source_of(payment)} is taken out of the books: it was recorded in error"


class RefundPayment(Act):
    may, title, button = May.REFUND, "Refund a payment", "Refund"
    action: ClassVar[Action] = Action.REFUNDED
    cannot: ClassVar[str] = CANNOT

    def subject(self, **keys: Any) -> Subject:
        return payment_subject(keys["reference"])

    def form(self, subject: Subject, data: Any = None) -> forms.Form:
        payment: Payment = subject.thing
        left_cents = left_of(payment)
        return RefundForm(
            data, left_cents=left_cents, to_source=bool(payment.charge_cents and payment.intent_id)
        )

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        payment: Payment = subject.thing
        cents, left_cents = data["amount"], left_of(payment, data["destination"])
        if cents > left_cents:
            raise Refused(self.cannot)
        to_source = data["destination"] == Refund.Destination.SOURCE
        if to_source and cents > payment.charge_cents - payment.refunded_cents - payment.disputed_cents:
            raise Refused("More than the card or bank account paid cannot go back there.")
        effects = [
            f"{format_cents(cents)} of payment {payment.reference}"
            f" {where_to(payment, data['destination'])}.",
            # A second tab's confirmation says another sum, and so is not the one that was given.
            f"After that, {format_cents(left_cents - cents)} of it can still go back.",
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
        why = self._why_another(payment, data, by)
        if why is None:
            return Plan(self.action, effects, detail)
        if RefundRequest.objects.filter(payment=payment, state=RequestState.WAITING).exists():
            raise Refused(WAITS)
        words = words_for(why, payment, by.user)
        effects.insert(0, f"{words}: nothing moves until another person approves it.")
        return Plan(Action.REFUND_REQUESTED, effects, detail)

    def locked(self, subject: Subject, by: Actor) -> Subject:
        """The payment, and who refunds: what one person may in a day is counted over all payments."""
        payment = lock_payment(subject.thing.pk)
        lock_id(User, by.user.pk)
        return replace(subject, thing=payment)

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        payment, cents = subject.thing, data["amount"]
        wanted = {
            "payment": payment,
            "amount_cents": cents,
            "destination": Refund.Destination(data["destination"]),
            "reason": data["reason"],
            "requested_by": by.user,
        }
        if self._why_another(payment, data, by):
            try:
                refund_requests.ask(**wanted)
            except refund_requests.AskedAlready as error:
                raise Refused(WAITS) from error
            return f"The refund of {format_cents(cents)} waits for another person's approval."
        try:
            refund = refunds.request(**wanted)
        except (CannotRefund, NotEnough) as error:
            raise Refused(self.cannot) from error
        return self.told(refund)

    @staticmethod
    def _why_another(payment: Payment, data: dict[str, Any], by: Actor) -> Why | None:
        return refund_requests.why_another(
            payment=payment, amount_cents=data["amount"], by=by.user, destination=data["destination"]
        )

    def told(self, refund: Refund) -> str:
        return f"Refund {refund.reference} of {format_cents(refund.amount_cents)} is on its way."
