"""Paying, after the bills are chosen (payments.views.choose): method, review and confirm.

Every step reads the checkout again from the database; nothing that matters travels in the form.
"""

import uuid
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from billing.access import account_required
from billing.models import BillingAccount
from common.clock import business_date
from payments import authorizations, forms, gateway, methods, queries
from payments.csp import allow_stripe
from payments.exceptions import CannotPay, MethodNotUsable, NotReviewed
from payments.method_forms import AgreeForm, PayWithForm, not_reached
from payments.models import Checkout, Payment, PaymentEvent
from payments.services import checkout as checkouts
from payments.services import methods as saved
from payments.services import submission
from payments.views.steps import first_step, steps_of


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@allow_stripe
def method(request: HttpRequest, account: BillingAccount, key: uuid.UUID) -> HttpResponse:
    """Step 2: a saved method, or a new one typed into Stripe's frame; we get a token for that."""
    checkout = get_object_or_404(Checkout, account=account, pk=key)
    payment = Payment.objects.filter(checkout=checkout).first()
    if payment is not None:
        return redirect("payments:show", payment.reference)
    if _no_longer_payable(request, checkout):
        return redirect(first_step(checkout))
    draft = queries.draft(checkout)
    if not draft.charge_cents:
        return redirect("payments:review", checkout.pk)
    today = business_date(account.region.time_zone)
    listed = saved.listed(account)
    usable = [method for method in listed if saved.can_pay(method, on=today)]
    form = PayWithForm(_posted(request), usable=usable, chosen=checkout.saved_method_id)
    if request.method == "POST" and form.is_valid() and _note_method(checkout, form):
        return redirect("payments:review", checkout.pk)
    context = {
        "form": form,
        "usable": [(row, methods.name_of(row), methods.standing(row, on=today)) for row in usable],
        "others": [
            (row, methods.name_of(row), methods.standing(row, on=today))
            for row in listed
            if row not in usable
        ],
        "checkout": checkout,
        "draft": draft,
        "publishable_key": gateway.publishable_key(account.region),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "first_step": first_step(checkout),
        "steps": steps_of(draft),
    }
    return render(request, "payments/method.html", context, status=422 if form.errors else 200)


def _note_method(checkout: Checkout, form: PayWithForm) -> bool:
    """Keep the choice in the checkout; where that fails, say why in the form."""
    data = form.cleaned_data
    try:
        if data["saved"] is not None:
            checkouts.choose_saved_method(checkout=checkout, method=data["saved"])
        else:
            checkouts.choose_method(
                checkout=checkout, token=data["confirmation_token"], keep=data["keep"]
            )
    except gateway.GatewayError as error:
        form.add_error(None, not_reached(error))
    except MethodNotUsable as error:
        form.add_error("method", forms.sentence(error))
    return form.is_valid()


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def review(request: HttpRequest, account: BillingAccount, key: uuid.UUID) -> HttpResponse:
    """Step 3: what will be charged to what; "Pay" commits the payment and asks for the money."""
    checkout = get_object_or_404(Checkout, account=account, pk=key)
    payment = Payment.objects.filter(checkout=checkout).first()
    draft = queries.draft(checkout)
    terms = _terms(account, draft)
    agree = AgreeForm(_posted(request), terms=terms) if terms else None
    refused = request.method == "POST" and agree is not None and not agree.is_valid()
    if payment is None and request.method == "POST" and not refused:
        consent = authorizations.consent_from(request)
        try:
            payment = checkouts.confirm(
                checkout=checkout,
                reviewed=request.POST.get("reviewed", ""),
                payer=Payment.Payer.MEMBER,
                paid_by=cast(User, request.user),
                agreement=authorizations.Agreement(terms, consent) if terms else None,
            )
        except NotReviewed:
            messages.warning(
                request, _("Nothing was charged. Check everything once more, then press the button.")
            )
            return redirect("payments:review", checkout.pk)
        except MethodNotUsable as error:
            messages.error(request, forms.sentence(error))
            return redirect("payments:method", checkout.pk)
        except CannotPay as error:
            messages.error(request, forms.sentence(error))
            return redirect(first_step(checkout))
        submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    if payment is not None:
        return redirect("payments:show", payment.reference)
    if _no_longer_payable(request, checkout):
        return redirect(first_step(checkout))
    if draft.needs_method:
        return redirect("payments:method", checkout.pk)
    context = {
        "checkout": checkout,
        "reviewed": checkout.method_key,
        "draft": draft,
        "method": _method_name(checkout),
        "is_bank": checkout.method_kind == methods.BANK_ACCOUNT,
        "terms": terms,
        "form": agree,
        "first_step": first_step(checkout),
        "steps": steps_of(draft),
    }
    return render(request, "payments/review.html", context, status=422 if refused else 200)


def _posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: nothing at all where nothing was sent, even an empty form."""
    return request.POST if request.method == "POST" else None


def _terms(account: BillingAccount, draft: queries.Draft) -> authorizations.Terms | None:
    """What the payer has to agree to on top of the amount; built anew from what will happen."""
    checkout = draft.checkout
    if not draft.charge_cents:
        return None
    return authorizations.for_payment(
        region=account.region,
        kind=checkout.method_kind,
        method=_method_name(checkout),
        charge_cents=draft.charge_cents,
        on=business_date(account.region.time_zone),
        keep=checkout.save_method,
    )


def _method_name(checkout: Checkout) -> str:
    return methods.describe(
        kind=checkout.method_kind, brand=checkout.method_brand, last4=checkout.method_last4
    )


def _no_longer_payable(request: HttpRequest, checkout: Checkout) -> bool:
    """Say why, where a bill was paid or changed since the first step."""
    try:
        checkouts.check(checkout=checkout)
    except CannotPay as error:
        messages.error(request, forms.sentence(error))
        return True
    return False
