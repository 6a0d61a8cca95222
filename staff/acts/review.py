"""Payments without an outcome: ask Stripe again, or end one that Stripe never charged."""

from typing import Any

from django import forms

from common.money import format_cents
from payments.models import Payment
from payments.services import review
from staff.acts.base import Act, Plan, Refused, Subject
from staff.acts.refunds import payment_subject
from staff.forms import SafeText, reason_field
from staff.models import Action, May
from staff.services.audit import Actor

NOT_IN_REVIEW = "This payment does not wait for anybody: it has an outcome, or is being asked about."


class _Review(Act):
    may = May.RESOLVE
    within_transaction = False

    def subject(self, **keys: Any) -> Subject:
        return payment_subject(keys["reference"])

    @staticmethod
    def check(payment: Payment) -> None:
        if not review.in_review(payment):
            raise Refused(NOT_IN_REVIEW)


class ReasonForm(forms.Form):
    reason = reason_field()


class AskAgain(_Review):
    title, button = "Ask Stripe again", "Ask Stripe"

    def form(self, subject: Subject, data: Any = None) -> ReasonForm:
        return ReasonForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        payment: Payment = subject.thing
        self.check(payment)
        return Plan(
            Action.PAYMENT_ASKED,
            [
                f"Stripe is asked about payment {payment.reference} of"
                f" {format_cents(payment.amount_cents)}, and what it says takes effect: paid, not"
                " charged, or still to be looked at.",
                "Nothing is sent or charged again.",
            ],
            {"reason": data["reason"], "review_reason": payment.review_reason},
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        try:
            payment = review.ask_again(payment=subject.thing)
        except review.NotInReview as error:
            raise Refused(NOT_IN_REVIEW) from error
        if payment.review_reason:
            return f"Stripe's answer does not fit: {payment.review_reason}."
        return f"Stripe was asked: {payment.get_state_display()}."


class EndForm(forms.Form):
    evidence = SafeText(
        label="What shows that nothing was charged",
        max_length=200,
        lines=2,
        help_text="Such as the number of Stripe's support case. Stripe is asked all the same.",
    )


class MarkNotCharged(_Review):
    title, button = "Mark as not charged", "Mark as not charged"

    def form(self, subject: Subject, data: Any = None) -> EndForm:
        return EndForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        payment: Payment = subject.thing
        self.check(payment)
        return Plan(
            Action.PAYMENT_ENDED,
            [
                f"Payment {payment.reference} of {format_cents(payment.amount_cents)} ends as not"
                " charged, if Stripe holds no charge of it, or refunded it in full; its intent is"
                " canceled there.",
                "Its bills can be paid again, and the payer is told by mail.",
            ],
            {"evidence": data["evidence"], "review_reason": payment.review_reason},
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        try:
            payment = review.mark_not_charged(payment=subject.thing)
        except review.NotInReview as error:
            raise Refused(NOT_IN_REVIEW) from error
        except review.MayHaveCharged as error:
            raise Refused("Stripe holds a charge of it, or did not answer. Nothing changed.") from error
        return f"Payment {payment.reference} is marked as not charged."
