"""Refunds that wait for a second person."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.services.balance import NotEnough
from common.money import format_cents
from payments.services.refunds import CannotRefund
from staff import desk
from staff.actor import actor_of
from staff.acts.base import Act, Plan, Refused, Subject
from staff.acts.refunds import CANNOT, left_of, where_to
from staff.forms import reason_field
from staff.models import Action, May, RefundRequest, RequestState
from staff.services import audit, refund_requests
from staff.services.audit import Actor

APPROVE, DECLINE = "approve", "decline"
REQUESTS = RefundRequest.objects.select_related(
    "payment__account__guarantor", "payment__account__region", "payment__region", "requested_by"
)


@never_cache
@require_safe
@desk.may(May.LOOK)
def waiting(request: HttpRequest) -> HttpResponse:
    """Everybody sees what waits; deciding takes the permission."""
    audit.record(by=actor_of(request), action=Action.LISTED, reference="list refund-requests")
    rows = REQUESTS.filter(state=RequestState.WAITING).order_by("requested_at")[:200]
    return desk.show(request, "requests.html", title="Refunds that wait for approval", rows=rows)


class DecideForm(forms.Form):
    decision = forms.ChoiceField(
        label="Decision",
        choices=[(APPROVE, "Approve: the money goes back"), (DECLINE, "Decline: nothing moves")],
        widget=forms.RadioSelect,
    )
    reason = reason_field("Why")


class Decide(Act):
    may, title, button = May.APPROVE, "Approve or decline a refund", "Continue"

    def subject(self, **keys: Any) -> Subject:
        request = REQUESTS.filter(pk=keys["key"]).first()
        if request is None:
            raise Http404
        return Subject(request.payment.account, request, request.payment.reference)

    def form(self, subject: Subject, data: Any = None) -> DecideForm:
        return DecideForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        request: RefundRequest = subject.thing
        self._check(request, by)
        amount = format_cents(request.amount_cents)
        detail = {
            "amount_cents": request.amount_cents,
            "reason": data["reason"],
            "requested_by": request.requested_by.email,
        }
        if data["decision"] == DECLINE:
            return Plan(
                Action.REFUND_DECLINED, [f"The refund of {amount} is not made. Nothing moves."], detail
            )
        if request.amount_cents > left_of(request.payment, request.destination):
            raise Refused(CANNOT)
        return Plan(
            Action.REFUND_APPROVED,
            [
                f"{amount} of payment {request.payment.reference}"
                f" {where_to(request.payment, request.destination)}. {request.requested_by} asked"
                f" for it: {request.reason}",
                "The member sees it in the payment's timeline and gets a mail.",
            ],
            detail,
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        try:
            if data["decision"] == DECLINE:
                refund_requests.decline(request=subject.thing, by=by.user)
                return "Declined. Nothing moved."
            refund = refund_requests.approve(request=subject.thing, by=by.user)
        except (refund_requests.NotYours, refund_requests.DecidedAlready):
            self._check(RefundRequest.objects.get(pk=subject.thing.pk), by)
            raise
        except (CannotRefund, NotEnough) as error:
            raise Refused(CANNOT) from error
        return f"Approved: refund {refund.reference} is on its way."

    def after(self, subject: Subject) -> str:
        return reverse("admin:desk_payment", args=[subject.reference])

    @staticmethod
    def _check(request: RefundRequest, by: Actor) -> None:
        if request.state != RequestState.WAITING:
            raise Refused("Another person has decided this already.")
        if request.requested_by_id == by.user.pk:
            raise Refused("You asked for this refund. Another person has to decide.")
