"""How a payment stands, for the member who made it."""

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from payments import declines, gateway, methods
from payments.access import payment_required
from payments.aftermath import twice_back_cents
from payments.csp import allow_stripe
from payments.models import Payment, PaymentEvent, State
from payments.services import submission
from payments.story import story_of
from payments.timeline import timeline
from payments.views.steps import pay_again

# One page each: "paid" is only for money that has really moved.
TEMPLATES = {
    State.CREATED: "payments/checking.html",
    State.SUBMITTED: "payments/checking.html",
    State.UNKNOWN: "payments/checking.html",
    State.REQUIRES_ACTION: "payments/bank_step.html",
    State.PROCESSING: "payments/processing.html",
    State.SUCCEEDED: "payments/paid.html",
    State.FAILED: "payments/declined.html",
    State.CANCELED: "payments/not_charged.html",
    State.PARTLY_REFUNDED: "payments/refunded.html",
    State.REFUNDED: "payments/refunded.html",
    State.DISPUTED: "payments/disputed.html",
    State.RETURNED: "payments/returned.html",
}


@require_safe
@payment_required
@allow_stripe
def show(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The page of a payment; the address stays the same from the click to the receipt."""
    kept = payment.allocations.filter(amount_cents__gt=F("moved_cents"))
    allocations = list(kept.select_related("invoice__patient").order_by("invoice_id"))
    story = story_of(payment)
    context = {
        "payment": payment,
        "allocations": allocations,
        "timeline": timeline(
            payment, events=story.events, refunds=story.refunds, disputes=story.disputes
        ),
        # What was refunded to the balance before is in what was recorded in error.
        "back_cents": story.error_cents or story.refunded_cents + story.taken_cents,
        "error_cents": story.error_cents,
        "taken_cents": story.taken_cents,
        # A bill that was canceled since is owed by nobody.
        "owed_again": any(part.reversed_cents and not part.invoice.voided_at for part in allocations),
        "held_cents": story.held_cents,
        "excess_cents": twice_back_cents(payment, story.taken),
        "again_url": pay_again(payment, [allocation.invoice for allocation in allocations]),
        "method": methods.describe(
            kind=payment.method_kind, brand=payment.method_brand, last4=payment.method_last4
        ),
        "explanation": declines.explain(payment.decline_code, kind=payment.method_kind),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "seen": payment.state,
        "kept_already": _kept_already(payment),
    }
    template = TEMPLATES[State(payment.state)]
    if payment.state == State.REQUIRES_ACTION:
        try:
            context["client_secret"] = submission.client_secret(payment=payment)
            context["publishable_key"] = gateway.publishable_key(payment.region)
        except gateway.Refused:  # the step was taken; the webhook or the reconciler settles it
            template = TEMPLATES[State.UNKNOWN]
        except gateway.GatewayError:  # no answer: the page asks again
            template, context["seen"] = TEMPLATES[State.UNKNOWN], State.UNKNOWN
    with timezone.override(payment.region.time_zone):
        return render(request, template, context)


@require_safe
@payment_required
def state(request: HttpRequest, payment: Payment) -> HttpResponse:
    """For a waiting page: 204 while nothing has changed, else a request to load the page again."""
    if payment.state == request.GET.get("seen"):
        return HttpResponse(status=204)
    return HttpResponse(status=200, headers={"HX-Refresh": "true"})


@require_POST
@payment_required
def refresh(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The payer comes back from the bank's step: ask Stripe what became of it."""
    submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    return redirect("payments:show", payment.reference)


@require_POST
@payment_required
def abandon(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The payer does not want to take the bank's step."""
    submission.abandon(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    return redirect("payments:show", payment.reference)


def _kept_already(payment: Payment) -> str:
    """Said where the payer asked to keep a method that they had saved before."""
    saved = payment.saved_method
    if not payment.save_method or saved is None or saved.created_at > payment.created_at:
        return ""
    return methods.kept_already(saved.kind)
