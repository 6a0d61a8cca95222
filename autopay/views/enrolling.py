"""Enrolling in three steps: the method, when and how much, and the text to agree to.

What was chosen so far is kept in the session, by scope; every step reads bills, methods and days anew,
and what is agreed to counts only if it is the text that was on the page.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.models import User
from autopay import presenting
from autopay.exceptions import AlreadyEnrolled, BadChoice, NoAddress, NotAgreed
from autopay.forms import MethodForm, PlanForm, day_initial
from autopay.letters import chosen_in, scope_words
from autopay.models import Enrollment, EnrollmentState, Scope
from autopay.services import enrollment as services
from autopay.terms import Choice, for_autopay
from autopay.views.finding import is_gone, must_be_theirs
from billing.access import account_required
from billing.models import BillingAccount
from common.clock import business_date
from payments import authorizations
from payments.exceptions import MethodNotUsable
from payments.forms import sentence
from payments.method_forms import AgreeForm
from payments.models import PaymentMethod
from payments.services import methods as saved

SESSION = "autopay"
STEPS: Sequence[Promise] = (
    gettext_lazy("Payment method"),
    gettext_lazy("When and how much"),
    gettext_lazy("Read and agree"),
)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
def method(request: HttpRequest, account: BillingAccount, scope: Scope) -> HttpResponse:
    """Step 1: one of the saved methods; without any, the way to add one that leads back here."""
    if (standing := _standing(account, scope)) is not None:
        return _is_on_already(request, standing)
    today = business_date(account.region.time_zone)
    usable = saved.usable(account, on=today)
    posted = request.POST if request.method == "POST" else None
    must_be_theirs(account, posted)
    chosen = _kept(request, scope).get("method")
    form = MethodForm(posted, usable=usable, on=today, chosen=chosen)
    if form.is_valid():
        _keep(request, scope, method=form.cleaned_data["method"])
        return redirect("autopay:plan", scope)
    context = {
        "form": form,
        "title": presenting.title_of(scope),
        "usable": usable,
        "add_url": reverse("payments:method_add", query={"next": request.path}),
        "steps": STEPS,
    }
    return render(request, "autopay/method.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
def plan(request: HttpRequest, account: BillingAccount, scope: Scope) -> HttpResponse:
    """Step 2: on which day, how much at most, from when on, and whether the balance goes first."""
    kept = _kept(request, scope)
    if "method" not in kept:
        return redirect("autopay:method", scope)
    today = business_date(account.region.time_zone)
    form = PlanForm(
        request.POST if request.method == "POST" else None, today=today, initial=_initial(kept, today)
    )
    if form.is_valid():
        _keep(
            request,
            scope,
            day=form.day_of_month,
            limit=form.limit_cents,
            starts_on=form.cleaned_data["starts_on"].isoformat(),
            use_balance=form.cleaned_data["use_balance"],
        )
        return redirect("autopay:agree", scope)
    context = {"form": form, "account": account, "scope": scope, "steps": STEPS}
    return render(request, "autopay/plan.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@reauthentication_required
def agree(request: HttpRequest, account: BillingAccount, scope: Scope) -> HttpResponse:
    """Step 3: everything once more, the text in full; agreeing starts autopay."""
    choice = _choice(request, account, scope)
    if choice is None:
        standing = _standing(account, scope)
        if standing is not None and request.POST.get("shown") == standing.authorization.sha256:
            return redirect("autopay:on", standing.reference)  # pressed twice
        return redirect("autopay:method", scope)
    if request.method != "POST" and is_gone(request, choice.method):
        return redirect("autopay:method", scope)
    terms = for_autopay(region=account.region, choice=choice)
    form = AgreeForm(request.POST if request.method == "POST" else None, terms=terms)
    if form.is_valid():
        agreement = authorizations.Agreement(terms, authorizations.consent_from(request))
        answer = _enroll(request, account, choice, agreement, form)
        if answer is not None:
            return answer
    context = {
        "form": form,
        "terms": terms,
        "name": scope_words(choice),
        "facts": _facts(choice),
        "steps": STEPS,
    }
    return render(request, "autopay/agree.html", context, status=422 if form.errors else 200)


def _enroll(
    request: HttpRequest,
    account: BillingAccount,
    choice: Choice,
    agreement: authorizations.Agreement,
    form: AgreeForm,
) -> HttpResponse | None:
    """Where it leads; None, with the reason in the form, where it cannot be."""
    try:
        made = services.enroll(
            account=account, choice=choice, agreement=agreement, by=cast(User, request.user)
        )
    except AlreadyEnrolled:
        standing = _standing(account, choice.scope)
        if standing is not None:
            return _is_on_already(request, standing, shown=agreement.terms.sha256)
        # It was canceled between the two questions.
        return _enroll(request, account, choice, agreement, form)
    except MethodNotUsable as error:
        messages.error(request, sentence(error))
        return redirect("autopay:method", choice.scope)
    except BadChoice:
        messages.error(request, _("The start has passed meanwhile. Choose it once more."))
        return redirect("autopay:plan", choice.scope)
    except NotAgreed:
        form.add_error(None, _("The text has changed meanwhile. Read it again before you agree."))
    except NoAddress:
        form.add_error(None, _("We have no e-mail address for your notices. Call us, please."))
    else:
        _forget(request, choice.scope)
        return redirect("autopay:on", made.reference)
    return None


def _standing(account: BillingAccount, scope: Scope) -> Enrollment | None:
    return (
        Enrollment.objects.filter(account=account, scope=scope)
        .exclude(state=EnrollmentState.CANCELED)
        .select_related("authorization")
        .first()
    )


def _is_on_already(request: HttpRequest, standing: Enrollment, *, shown: str = "") -> HttpResponse:
    """A second enrollment; or the button was pressed twice, and the first press did it."""
    if shown != standing.authorization.sha256:
        messages.error(
            request,
            format_html(
                _(
                    "You have this autopay already: {}. Change it below, or cancel it first and enroll "
                    "again after that."
                ),
                standing.reference,
            ),
        )
        return redirect("autopay:index")
    _forget(request, Scope(standing.scope))
    return redirect("autopay:on", standing.reference)


def _kept(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    return dict(request.session.get(SESSION, {}).get(scope.value, {}))


def _keep(request: HttpRequest, scope: Scope, **chosen: Any) -> None:
    whole = request.session.get(SESSION, {})
    request.session[SESSION] = {**whole, scope.value: {**_kept(request, scope), **chosen}}


def _forget(request: HttpRequest, scope: Scope) -> None:
    whole = request.session.get(SESSION, {})
    request.session[SESSION] = {key: kept for key, kept in whole.items() if key != scope.value}


def _initial(kept: dict[str, Any], today: dt.date) -> dict[str, Any]:
    """What step 2 begins with: what was chosen before, or nothing but today."""
    if "starts_on" not in kept:
        return {"starts_on": today}
    return {
        **day_initial(kept["day"]),
        "limit": kept["limit"],
        "starts_on": max(today, dt.date.fromisoformat(kept["starts_on"])),
        "use_balance": kept["use_balance"],
    }


def _choice(request: HttpRequest, account: BillingAccount, scope: Scope) -> Choice | None:
    """What the earlier steps chose; None where a step is missing, or the method is gone."""
    kept = _kept(request, scope)
    today = business_date(account.region.time_zone)
    if "method" not in kept or "starts_on" not in kept:
        return None
    methods = PaymentMethod.objects.select_related("account__region").filter(account=account)
    method = methods.filter(pk=kept["method"]).first()
    if method is None:
        return None
    return Choice(
        scope=scope,
        method=method,
        starts_on=max(today, dt.date.fromisoformat(kept["starts_on"])),
        day_of_month=kept["day"],
        limit_cents=kept["limit"],
        use_balance=kept["use_balance"],
    )


def _facts(choice: Choice) -> list[tuple[str, str, str]]:
    """What was chosen, each with the step that changes it."""
    first, *others = chosen_in(choice)
    plan_url = reverse("autopay:plan", args=[choice.scope])
    starts = (_("Start"), date_format(choice.starts_on, "DATE_FORMAT"))
    return [
        (*first, reverse("autopay:method", args=[choice.scope])),
        *((*fact, plan_url) for fact in (*others, starts)),
    ]
