"""A guest's way to paying: find the bill, amount and card, review. What follows is in outcome.py."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from common.clock import business_date, now
from payments import authorizations, gateway, methods, queries
from payments.authorizations import Agreement, Terms
from payments.csp import allow_stripe
from payments.exceptions import CannotPay, NotReviewed
from payments.guest import finding, limits, paying, visit
from payments.guest.forms import AmountForm, CardForm, StartForm
from payments.guest.pages import STEPS, Bill, address_of, guest_page, why_not, with_bill
from payments.models import Checkout, PaymentEvent
from payments.services import checkout as checkouts
from payments.services import submission


@require_http_methods(["GET", "HEAD", "POST"])
@guest_page
def start(request: HttpRequest) -> HttpResponse:
    """Find the bill. Whatever was wrong, the answer is the same."""
    form = StartForm(request.POST if request.method == "POST" else None)
    refused = False
    if request.method == "POST" and form.is_valid():
        found = _find(request, form)
        if found is not None:
            visit.begin(request.session, found, at=now())
            return redirect("guest:bill")
        refused = True
        form.add_error(None, _("We could not find a bill to pay with what you entered."))
    context = {
        "form": form,
        "refused": refused,
        "region": form.cleaned_data["region"] if refused else None,
        "steps": STEPS,
        "code_length": finding.CODE_LENGTH,
    }
    return render(request, "guest/start.html", context, status=422 if form.errors else 200)


def _find(request: HttpRequest, form: StartForm) -> finding.Found | None:
    """Look it up, as often as the limits allow. Raises TooManyTries or LimitsAway."""
    data, at = form.cleaned_data, now()
    region = data["region"]
    this_try = limits.note_try(
        address=address_of(request),
        region=region.code,
        reference=form.reference,
        person=form.person,
        at=at,
    )
    if data["code"]:
        found = finding.by_code(
            region=region, code=data["code"], on=business_date(region.time_zone, at)
        )
    else:
        found = finding.by_account(
            region=region,
            account_number=data["account_number"],
            last_name=data["last_name"],
            date_of_birth=data["date_of_birth"],
        )
    if found is not None:
        this_try.take_back()
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@guest_page
@allow_stripe
@with_bill
def bill(request: HttpRequest, bill: Bill) -> HttpResponse:
    """What is due, how much of it, and with what card; which without JavaScript has its own page."""
    form = AmountForm(request.POST if request.method == "POST" else None, due=bill.due)
    if request.method == "POST" and form.is_valid():
        limits.note_step(address=address_of(request), at=now())
        data = form.cleaned_data
        try:
            checkout = paying.start(
                account=bill.account,
                found=bill.found,
                kind=data["kind"],
                amount_cents=data["amount_cents"],
            )
        except CannotPay as error:
            form.add_error(None, why_not(error))
        else:
            visit.draft(request.session, bill.visit, checkout, at=now())
            if not data["confirmation_token"]:
                return redirect("guest:card")
            if _take_card(form, checkout, data["confirmation_token"]):
                return redirect("guest:review")
    context = {"form": form, "bill": bill, "steps": STEPS, **_stripe(bill)}
    return render(request, "guest/bill.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@guest_page
@allow_stripe
@with_bill
def card(request: HttpRequest, bill: Bill) -> HttpResponse:
    """The card alone, for who came without JavaScript and turned it on, or wants another card."""
    checkout = _drafted(bill)
    if checkout is None:
        return redirect("guest:bill")
    form = CardForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        limits.note_step(address=address_of(request), at=now())
        if _take_card(form, checkout, form.cleaned_data["confirmation_token"]):
            return redirect("guest:review")
    draft = queries.draft(checkout)
    context = {"form": form, "bill": bill, "draft": draft, "steps": STEPS, **_stripe(bill)}
    return render(request, "guest/card.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@guest_page
@with_bill
def review(request: HttpRequest, bill: Bill) -> HttpResponse:
    """What will be charged to what; "Confirm" commits the payment and asks for the money."""
    checkout = _drafted(bill)
    if checkout is None:
        return redirect("guest:bill")
    draft = queries.draft(checkout)
    if draft.needs_method:
        return redirect("guest:card")
    method = methods.describe(
        kind=checkout.method_kind, brand=checkout.method_brand, last4=checkout.method_last4
    )
    terms = authorizations.for_payment(
        region=bill.account.region,
        kind=checkout.method_kind,
        method=method,
        charge_cents=draft.charge_cents,
        on=business_date(bill.account.region.time_zone),
        keep=False,
    )
    disagrees = False
    if request.method == "POST":
        disagrees = terms is not None and request.POST.get("agreed") != terms.sha256
        if not disagrees:
            return _confirm(request, bill, checkout, terms)
    context = {
        "bill": bill,
        "checkout": checkout,
        "draft": draft,
        "method": method,
        "terms": terms,
        "disagrees": disagrees,
        "side": paying.side_of(draft.items[0].invoice),
        "steps": STEPS,
    }
    return render(request, "guest/review.html", context, status=422 if disagrees else 200)


def _confirm(request: HttpRequest, bill: Bill, checkout: Checkout, terms: Terms | None) -> HttpResponse:
    agreement = Agreement(terms, authorizations.consent_from(request)) if terms else None
    try:
        payment = paying.confirm(
            checkout=checkout,
            reviewed=request.POST.get("reviewed", ""),
            agreement=agreement,
            at=now(),
        )
    except NotReviewed:
        messages.warning(request, _("Nothing was charged. Check everything once more, then confirm."))
        return redirect("guest:review")
    except CannotPay as error:
        messages.error(request, why_not(error))
        return redirect("guest:bill")
    visit.show_payment(request.session, payment, at=now())
    submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    return redirect("guest:payment")


def _drafted(bill: Bill) -> Checkout | None:
    """The checkout of this visit; None where there is none, or its payment came to nothing."""
    if not bill.visit.checkout:
        return None
    return (
        Checkout.objects.filter(
            pk=bill.visit.checkout,
            account=bill.account,
            started_by=None,
            payment__isnull=True,
        )
        .select_related("account__region")
        .first()
    )


def _take_card(form: AmountForm | CardForm, checkout: Checkout, token: str) -> bool:
    """Ask Stripe what the token stands for; say why not in the form."""
    try:
        checkouts.choose_method(checkout=checkout, token=token)
    except gateway.Refused:
        form.add_error(None, _("Your payment details did not reach us. Enter them again."))
    except gateway.GatewayError:
        form.add_error(
            None, _("We cannot reach our payment service right now. Nothing was charged. Try again.")
        )
    return not form.errors


def _stripe(bill: Bill) -> dict[str, Any]:
    return {
        "publishable_key": gateway.publishable_key(bill.account.region),
        "stripe_js_url": settings.STRIPE_JS_URL,
    }
