"""How a payment stands, for the member who made it."""

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.access import account_required
from billing.models import BillingAccount
from payments import declines, gateway, methods
from payments.aftermath import twice_back_cents
from payments.csp import allow_stripe
from payments.models import DisputeState, Payment, PaymentEvent, State
from payments.services import submission
from payments.services.recorded_balance import in_error_cents
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
@account_required
@allow_stripe
def show(request: HttpRequest, account: BillingAccount, reference: str) -> HttpResponse:
    """The page of a payment; the address stays the same from the click to the receipt."""
    payment = _find(account, reference)
    kept = payment.allocations.filter(amount_cents__gt=F("moved_cents"))
    allocations = list(kept.select_related("invoice__patient").order_by("invoice_id"))
    refunds = list(payment.refunds.order_by("pk"))
    disputes = list(payment.disputes.order_by("pk"))
    taken = [each for each in disputes if each.state == DisputeState.LOST]
    taken_cents = sum(each.amount_cents for each in taken)
    error_cents = in_error_cents(payment) if methods.is_recorded(payment.method_kind) else 0
    context = {
        "payment": payment,
        "allocations": allocations,
        "timeline": timeline(
            payment,
            events=payment.events.all(),
            refunds=refunds,
            disputes=disputes,
        ),
        # What was refunded to the balance before is in what was recorded in error.
        "back_cents": error_cents or sum(refund.amount_cents for refund in refunds) + taken_cents,
        "error_cents": error_cents,
        "taken_cents": taken_cents,
        # A bill that was canceled since is owed by nobody.
        "owed_again": any(part.reversed_cents and not part.invoice.voided_at for part in allocations),
        "held_cents": sum(each.amount_cents for each in disputes if each.state == DisputeState.OPEN),
        "excess_cents": twice_back_cents(payment, taken),
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
@account_required
def state(request: HttpRequest, account: BillingAccount, reference: str) -> HttpResponse:
    """For a waiting page: 204 while nothing has changed, else a request to load the page again."""
    payment = _find(account, reference)
    if payment.state == request.GET.get("seen"):
        return HttpResponse(status=204)
    return HttpResponse(status=200, headers={"HX-Refresh": "true"})


@require_POST
@account_required
def refresh(request: HttpRequest, account: BillingAccount, reference: str) -> HttpResponse:
    """The payer comes back from the bank's step: ask Stripe what became of it."""
    payment = _find(account, reference)
    submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    return redirect("payments:show", payment.reference)


@require_POST
@account_required
def abandon(request: HttpRequest, account: BillingAccount, reference: str) -> HttpResponse:
    """The payer does not want to take the bank's step."""
    payment = _find(account, reference)
    submission.abandon(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    return redirect("payments:show", payment.reference)


def _kept_already(payment: Payment) -> str:
    """Said where the payer asked to keep a method that they had saved before."""
    saved = payment.saved_method
    if not payment.save_method or saved is None or saved.created_at > payment.created_at:
        return ""
    return methods.kept_already(saved.kind)


def _find(account: BillingAccount, reference: str) -> Payment:
    found = Payment.objects.select_related("region", "account", "saved_method")
    return get_object_or_404(found, account=account, reference=reference)
