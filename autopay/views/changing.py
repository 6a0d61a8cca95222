"""Another method, another day, another limit: each its own page, each confirmed by mail."""

from dataclasses import replace
from typing import cast

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from autopay import presenting
from autopay.exceptions import NotAgreed
from autopay.forms import DayForm, LimitForm, MethodForm, day_initial
from autopay.letters import scope_words
from autopay.models import Enrollment, EnrollmentState
from autopay.services import enrollment as services
from autopay.terms import choice_of, for_autopay
from autopay.views.finding import find_method, is_gone, must_be_theirs, open_enrollment
from billing.access import account_required
from common.clock import business_date
from payments import authorizations
from payments.exceptions import MethodNotUsable
from payments.forms import sentence
from payments.method_forms import AgreeForm
from payments.methods import name_of
from payments.models import PaymentMethod
from payments.services import methods as saved


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
@open_enrollment
def method(request: HttpRequest, enrollment: Enrollment) -> HttpResponse:
    """Which saved method from now on; leads to the text to agree to."""
    account = enrollment.account
    today = business_date(account.region.time_zone)
    usable = saved.usable(account, on=today)
    posted = request.POST if request.method == "POST" else None
    must_be_theirs(account, posted)
    form = MethodForm(posted, usable=usable, on=today, chosen=_offered_first(enrollment, usable))
    if form.is_valid():
        return redirect("autopay:agree_method", enrollment.reference, form.cleaned_data["method"])
    context = {
        "form": form,
        "name": scope_words(enrollment),
        "enrollment": enrollment,
        "usable": usable,
        "add_url": reverse("payments:method_add", query={"next": request.path}),
    }
    return render(request, "autopay/change_method.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
@open_enrollment
def agree(request: HttpRequest, enrollment: Enrollment, pk: int) -> HttpResponse:
    """The text for the other method, in full; agreeing draws from it from now on."""
    account = enrollment.account
    chosen = find_method(account, pk)
    if request.method != "POST" and is_gone(request, chosen):
        return redirect("autopay:change_method", enrollment.reference)
    choice = replace(choice_of(enrollment), method=chosen)
    terms = for_autopay(region=account.region, choice=choice)
    form = AgreeForm(request.POST if request.method == "POST" else None, terms=terms)
    if form.is_valid():
        agreement = authorizations.Agreement(terms, authorizations.consent_from(request))
        try:
            services.change_method(
                enrollment=enrollment, method=chosen, agreement=agreement, by=_user(request)
            )
        except MethodNotUsable as error:
            messages.error(request, sentence(error))
            return redirect("autopay:change_method", enrollment.reference)
        except NotAgreed:
            form.add_error(None, _("The text has changed meanwhile. Read it again before you agree."))
        else:
            messages.success(
                request,
                _("From now on autopay draws from %(method)s. We mailed you a confirmation.")
                % {"method": name_of(chosen)},
            )
            return redirect("autopay:index")
    context = {
        "form": form,
        "terms": terms,
        "name": scope_words(enrollment),
        "enrollment": enrollment,
        "before": name_of(enrollment.method),
        "after": name_of(chosen),
    }
    return render(request, "autopay/agree_method.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@open_enrollment
def day(request: HttpRequest, enrollment: Enrollment) -> HttpResponse:
    """On due dates, or on a day of the month."""
    form = DayForm(
        request.POST if request.method == "POST" else None,
        initial=day_initial(enrollment.day_of_month),
    )
    if form.is_valid():
        services.change_schedule(
            enrollment=enrollment,
            day_of_month=form.day_of_month,
            by=_user(request),
            consent=authorizations.consent_from(request),
        )
        messages.success(request, _("The day is changed. We mailed you a confirmation."))
        return redirect("autopay:index")
    context = _context(enrollment, form)
    return render(request, "autopay/change_day.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
@open_enrollment
def limit(request: HttpRequest, enrollment: Enrollment) -> HttpResponse:
    """The most that one draw may take."""
    form = LimitForm(
        request.POST if request.method == "POST" else None, initial={"limit": enrollment.limit_cents}
    )
    if form.is_valid():
        services.change_limit(
            enrollment=enrollment,
            limit_cents=form.limit_cents,
            by=_user(request),
            consent=authorizations.consent_from(request),
        )
        messages.success(request, _("The limit is changed. We mailed you a confirmation."))
        return redirect("autopay:index")
    context = _context(enrollment, form)
    return render(request, "autopay/change_limit.html", context, status=422 if form.errors else 200)


def _offered_first(enrollment: Enrollment, usable: list[PaymentMethod]) -> int:
    """The one that stands; where we had to stop with it, another one if there is any."""
    others = [method.pk for method in usable if method.pk != enrollment.method_id]
    is_stopped = enrollment.state == EnrollmentState.STOPPED
    return others[0] if is_stopped and others else enrollment.method_id


def _context(enrollment: Enrollment, form: DayForm | LimitForm) -> dict[str, object]:
    today = business_date(enrollment.account.region.time_zone)
    return {
        "form": form,
        "enrollment": enrollment,
        "name": scope_words(enrollment),
        "card": presenting.card_of(enrollment, on=today),
    }


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
