"""The page of saved payment methods: see, add, verify, choose the default, remove.

Whatever changes what can be charged asks for the password again (ASVS 7.5.1).
"""

from contextlib import suppress
from typing import cast

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from billing.access import account_required
from billing.models import BillingAccount
from common.clock import business_date
from payments import authorizations, declines, gateway, hooks, method_forms
from payments.csp import allow_stripe
from payments.exceptions import MethodInFlight, MethodNotUsable
from payments.methods import describe, kept_already, name_of, standing, tries_in_words
from payments.models import PaymentMethod
from payments.services import deposits, setups
from payments.services import methods as saved

Status = PaymentMethod.Status
CHOSEN = "new_method"  # in the session: what the payer typed into Stripe's frame, until it is saved
COME_BACK = "method_next"  # in the session: the page that a method was needed for
_METHODS = PaymentMethod.objects.select_related("account__region", "account__guarantor")


@require_safe
@account_required
def index(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """Every method of the account, how it stands, and what can be done with it."""
    request.session.pop(COME_BACK, None)
    today = business_date(account.region.time_zone)
    rows = [(method, name_of(method), standing(method, on=today)) for method in saved.listed(account)]
    return render(request, "payments/methods.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
@allow_stripe
def add(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """Type a card or a bank account into Stripe's frame; we get a token for it.

    `?next=` is the page of ours that needs it; saved, it leads back there.
    """
    asked_from = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(asked_from, allowed_hosts=None):
        request.session[COME_BACK] = asked_from
    form = method_forms.TokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        token = form.cleaned_data["confirmation_token"]
        try:
            gateway.confirmation_method(region=account.region, token=token)
        except gateway.GatewayError as error:
            form.add_error(None, method_forms.not_reached(error))
        else:
            request.session[CHOSEN] = token
            return redirect("payments:method_check")
    context = {
        "form": form,
        "publishable_key": gateway.publishable_key(account.region),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "back_url": request.session.get(COME_BACK) or reverse("payments:methods"),
    }
    return render(request, "payments/method_add.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
def check(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """What is about to be kept, and the text to agree to; agreeing saves it."""
    token = request.session.get(CHOSEN)
    if not token:
        return redirect("payments:methods")
    try:
        method = gateway.confirmation_method(region=account.region, token=token)
    except gateway.GatewayError as error:
        messages.error(request, method_forms.not_reached(error))
        return redirect("payments:method_add")
    name = describe(kind=method.kind, brand=method.brand, last4=method.last4)
    terms = authorizations.for_saving(region=account.region, kind=method.kind, method=name)
    form = method_forms.AgreeForm(request.POST if request.method == "POST" else None, terms=terms)
    if request.method == "POST" and form.is_valid():
        del request.session[CHOSEN]
        agreement = authorizations.Agreement(terms, authorizations.consent_from(request))
        return _save(request, account, token, method, agreement)
    context = {"form": form, "method": name, "terms": terms}
    return render(request, "payments/method_check.html", context, status=422 if form.errors else 200)


def _save(
    request: HttpRequest,
    account: BillingAccount,
    token: str,
    method: gateway.Method,
    agreement: authorizations.Agreement,
) -> HttpResponse:
    user = cast(User, request.user)
    try:
        row = setups.add(
            account=account, added_by=user, token=token, method=method, agreement=agreement
        )
    except setups.TooManyAdded:
        messages.error(request, _("Too many payment methods were tried today. Try again tomorrow."))
        return redirect("payments:methods")
    return _tell(request, row)


def _tell(request: HttpRequest, method: PaymentMethod) -> HttpResponse:
    """Say how adding a method went, or go on with it."""
    if method.same_as_id is not None:
        messages.success(request, kept_already(method.kind))
        return redirect(request.session.pop(COME_BACK, None) or "payments:methods")
    name = {"method": name_of(method)}
    match method.status:
        case Status.PENDING:
            return redirect("payments:method_step", method.pk)
        case Status.ACTIVE:
            messages.success(request, _("%(method)s is saved.") % name)
            return redirect(request.session.pop(COME_BACK, None) or "payments:methods")
        case Status.VERIFY:
            messages.info(
                request,
                _("A small deposit is on its way to %(method)s. We mail you what to do next.") % name,
            )
        case Status.FAILED:
            why = declines.explain(method.blocked_code, kind=method.kind)
            messages.error(request, _("%(method)s was not saved.") % name + f" {why.happened}")
    return redirect("payments:methods")


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@allow_stripe
def step(request: HttpRequest, account: BillingAccount, pk: int) -> HttpResponse:
    """The bank's extra step before a card is saved; or we are checking how it went."""
    method = _find_added(account, pk)
    if request.method == "POST":
        with suppress(gateway.GatewayError):  # the page then says that we are checking
            method = setups.ask(method_pk=method.pk)
    if method.status != Status.PENDING:
        return _tell(request, method)
    context = {"method": method, "name": name_of(method), "stripe_js_url": settings.STRIPE_JS_URL}
    with suppress(gateway.GatewayError):
        context["client_secret"] = setups.client_secret(method=method)
        context["publishable_key"] = gateway.publishable_key(account.region)
    return render(request, "payments/method_step.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
def verify(request: HttpRequest, account: BillingAccount, pk: int) -> HttpResponse:
    """Say what the micro-deposits were."""
    method = _find_added(account, pk)
    if method.same_as_id is not None:
        return _tell(request, method)
    if method.status != Status.VERIFY:
        return redirect("payments:methods")
    form = method_forms.deposits_form(method, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            deposits.verify(method=method, **form.answer())
        except deposits.WrongAnswer as wrong:
            tries = tries_in_words(wrong.tries_left)
            form.add_error(None, _("That is not what we sent.") + f" {tries}")
        except deposits.NotArrivedYet:
            form.add_error(None, _("The deposit has not arrived yet."))
        except gateway.GatewayError:
            form.add_error(None, _("We could not check your answer right now. Try again later."))
        except deposits.NothingToVerify:
            return _tell(request, _find_added(account, pk))
        else:
            return _tell(request, _find_added(account, pk))
        method.refresh_from_db()
    context = {
        "form": form,
        "method": method,
        "name": name_of(method),
        "tries": tries_in_words(setups.tries_left(method)),
        "standing": standing(method, on=business_date(account.region.time_zone)),
    }
    return render(request, "payments/method_verify.html", context, status=422 if form.errors else 200)


@require_POST
@account_required
def default(request: HttpRequest, account: BillingAccount, pk: int) -> HttpResponse:
    """Offer this method first from now on."""
    method = _find(account, pk)
    try:
        saved.set_default(method=method)
    except MethodNotUsable:
        messages.error(request, _("This payment method cannot be the default; it cannot be used."))
    else:
        messages.success(
            request, _("%(method)s is offered first from now on.") % {"method": name_of(method)}
        )
    return redirect("payments:methods")


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
def remove(request: HttpRequest, account: BillingAccount, pk: int) -> HttpResponse:
    """Ask first, and say what uses the method; then remove it."""
    method = _find(account, pk)
    if request.method == "POST":
        try:
            saved.remove(method=method)
        except MethodInFlight as busy:
            messages.error(request, _in_flight(busy.reference))
        else:
            messages.success(request, _("%(method)s was removed.") % {"method": name_of(method)})
        return redirect("payments:methods")
    context = {"method": method, "name": name_of(method), "uses": hooks.in_use_by(method)}
    return render(request, "payments/method_remove.html", context)


def _in_flight(reference: str) -> str:
    return format_html(
        _('<a href="{}">Payment {}</a> with this method has not ended yet. Remove it after that.'),
        reverse("payments:show", args=[reference]),
        reference,
    )


def _find(account: BillingAccount, pk: int) -> PaymentMethod:
    """One of the account's methods that are not gone."""
    return get_object_or_404(_METHODS.exclude(status=Status.REMOVED), account=account, pk=pk)


def _find_added(account: BillingAccount, pk: int) -> PaymentMethod:
    """One that is not gone, or that turned out to be saved before."""
    not_gone = ~Q(status=Status.REMOVED) | Q(same_as__isnull=False)
    return get_object_or_404(_METHODS.filter(not_gone), account=account, pk=pk)
