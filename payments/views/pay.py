"""Paying, after the bills are chosen (payments.views.choose): method, review and confirm.

Every step reads the checkout again from the database; nothing that matters travels in the form.
"""

import uuid
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from billing.access import account_required
from billing.models import BillingAccount
from payments import forms, gateway, methods, queries
from payments.csp import allow_stripe
from payments.exceptions import CannotPay, NotReviewed
from payments.models import Checkout, Payment, PaymentEvent
from payments.services import checkout as checkouts
from payments.services import submission
from payments.views.steps import first_step, steps_of


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@allow_stripe
def method(request: HttpRequest, account: BillingAccount, key: uuid.UUID) -> HttpResponse:
    """Step 2: card details, typed into Stripe's frame; we get a token for them."""
    checkout = get_object_or_404(Checkout, account=account, pk=key)
    payment = Payment.objects.filter(checkout=checkout).first()
    if payment is not None:
        return redirect("payments:show", payment.reference)
    if _no_longer_payable(request, checkout):
        return redirect(first_step(checkout))
    draft = queries.draft(checkout)
    if not draft.charge_cents:
        return redirect("payments:review", checkout.pk)
    form = forms.MethodForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            checkouts.choose_method(checkout=checkout, token=form.cleaned_data["confirmation_token"])
        except gateway.Refused:
            form.add_error(None, _("Your payment details did not reach us. Enter them again."))
        except gateway.GatewayError:
            form.add_error(
                None,
                _("We cannot reach our payment service right now. Nothing was charged. Try again."),
            )
        else:
            return redirect("payments:review", checkout.pk)
    context = {
        "form": form,
        "checkout": checkout,
        "draft": draft,
        "publishable_key": gateway.publishable_key(account.region),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "first_step": first_step(checkout),
        "steps": steps_of(draft),
    }
    return render(request, "payments/method.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def review(request: HttpRequest, account: BillingAccount, key: uuid.UUID) -> HttpResponse:
    """Step 3: what will be charged to what; "Pay" commits the payment and asks for the money."""
    checkout = get_object_or_404(Checkout, account=account, pk=key)
    payment = Payment.objects.filter(checkout=checkout).first()
    if payment is None and request.method == "POST":
        try:
            payment = checkouts.confirm(
                checkout=checkout,
                reviewed=request.POST.get("reviewed", ""),
                payer=Payment.Payer.MEMBER,
                paid_by=cast(User, request.user),
            )
        except NotReviewed:
            messages.warning(
                request, _("Nothing was charged. Check everything once more, then press the button.")
            )
            return redirect("payments:review", checkout.pk)
        except CannotPay as error:
            messages.error(request, forms.sentence(error))
            return redirect(first_step(checkout))
        submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    if payment is not None:
        return redirect("payments:show", payment.reference)
    if _no_longer_payable(request, checkout):
        return redirect(first_step(checkout))
    draft = queries.draft(checkout)
    if draft.needs_method:
        return redirect("payments:method", checkout.pk)
    context = {
        "checkout": checkout,
        "reviewed": checkout.method_key,
        "draft": draft,
        "method": methods.describe(
            kind=checkout.method_kind, brand=checkout.method_brand, last4=checkout.method_last4
        ),
        "first_step": first_step(checkout),
        "steps": steps_of(draft),
    }
    return render(request, "payments/review.html", context)


def _no_longer_payable(request: HttpRequest, checkout: Checkout) -> bool:
    """Say why, where a bill was paid or changed since the first step."""
    try:
        checkouts.check(checkout=checkout)
    except CannotPay as error:
        messages.error(request, forms.sentence(error))
        return True
    return False
