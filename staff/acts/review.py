"""Payments and refunds without an outcome: by Stripe's word they get one, never by ours alone."""

from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from common.clock import now
from common.money import format_cents
from payments.gateway import GatewayError
from payments.models import CAME_TO_NOTHING, Payment, Refund
from payments.services import refunds, review
from staff.acts.base import Act, Plan, Refused, Subject
from staff.acts.refunds import payment_subject
from staff.forms import SafeText, reason_field
from staff.models import Action, May
from staff.services.audit import Actor

ANSWERED = "Stripe has answered, or may still be sent this refund, or is being asked right now."
ENDS = "It ends as not charged: its bills can be paid again, and the payer is told by mail."
ENDED_BEFORE = (
    "It had ended before: its bills can be paid already, and no mail is sent. Call the payer: a card or"
    " bank may show the charge."
)
GONE_OTHERWISE = (
    "Stripe holds no such refund, but has not kept what our books say either: somebody may have"
    " refunded this payment there by hand. Nothing changed."
)
NOT_IN_REVIEW = "This payment does not wait for anybody: it has an outcome, or is being asked about."


def _ends(payment: Payment) -> str:
    return ENDED_BEFORE if payment.state in CAME_TO_NOTHING else ENDS


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
                _ends(payment),
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


class SendBack(_Review):
    title, button = "Send the charge back", "Send back"

    def form(self, subject: Subject, data: Any = None) -> ReasonForm:
        return ReasonForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        payment: Payment = subject.thing
        self.check(payment)
        return Plan(
            Action.CHARGE_SENT_BACK,
            [
                f"All that Stripe took for payment {payment.reference} goes back to where it came from,"
                " where it is not what we asked for.",
                _ends(payment),
            ],
            {"reason": data["reason"], "review_reason": payment.review_reason},
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        try:
            payment = review.send_back(payment=subject.thing)
        except review.NotInReview as error:
            raise Refused(NOT_IN_REVIEW) from error
        except review.NothingToSendBack as error:
            raise Refused(
                "Stripe took nothing for it, or just what we asked for. Ask Stripe again, or mark it as"
                " not charged."
            ) from error
        except review.MayHaveCharged as error:
            raise Refused("Stripe did not answer, or still keeps a part. Try again later.") from error
        return f"Sent back. Payment {payment.reference} is marked as not charged."


class AskAboutRefund(Act):
    """A refund that Stripe has not answered within the life of its key."""

    may, title, button = May.RESOLVE, "Ask Stripe about a refund", "Ask Stripe"
    within_transaction = False

    def subject(self, **keys: Any) -> Subject:
        found = Refund.objects.select_related("payment__account__guarantor", "payment__account__region")
        refund = found.filter(reference=keys["reference"]).first()
        if refund is None:
            raise Http404
        return Subject(refund.payment.account, refund, refund.reference)

    def form(self, subject: Subject, data: Any = None) -> ReasonForm:
        return ReasonForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        refund: Refund = subject.thing
        if not refunds.is_unanswered(refund, now()):
            raise Refused(ANSWERED)
        cents = format_cents(refund.amount_cents)
        return Plan(
            Action.REFUND_ASKED,
            [
                f"Stripe is asked about refund {refund.reference} of {cents}, and what it says takes"
                " effect.",
                f"If it holds no such refund, none was made: the {cents} become account balance, and"
                " the payer is told by mail.",
                "Nothing is sent again.",
            ],
            {"reason": data["reason"], "payment": refund.payment.reference},
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        try:
            refund = refunds.ask_about(refund_id=subject.thing.pk)
        except refunds.NotUnanswered as error:
            raise Refused(ANSWERED) from error
        except refunds.GoneOtherwise as error:
            raise Refused(GONE_OTHERWISE) from error
        except GatewayError as error:
            raise Refused("Stripe did not answer. Nothing changed.") from error
        return f"Stripe was asked: {refund.get_state_display()}."

    def after(self, subject: Subject) -> str:
        return reverse("admin:desk_payment", args=[subject.thing.payment.reference])
