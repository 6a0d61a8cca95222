"""The page of autopay; what follows an enrollment; the proof of a cancellation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from autopay import presenting, queries
from autopay.exceptions import NotEnrolled
from autopay.letters import scope_words
from autopay.models import Enrollment
from autopay.views.finding import find, open_enrollment
from billing.access import account_required
from billing.models import BillingAccount
from common.clock import business_date
from payments.services import methods as saved


@require_safe
@account_required
def index(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """Premiums and medical bills: how each stands, what is drawn next, what was drawn."""
    today = business_date(account.region.time_zone)
    context = {
        "account": account,
        "cards": presenting.cards(account, on=today),
        "ended": [
            (enrollment, business_date(account.region.time_zone, enrollment.ended_at))
            for enrollment in queries.ended(account)
        ],
        "today": today,
        "has_methods": bool(saved.usable(account, on=today)),
    }
    return render(request, "autopay/index.html", context)


@require_safe
@account_required
@open_enrollment
def on(request: HttpRequest, enrollment: Enrollment) -> HttpResponse:
    """Autopay is on: the copy of what was agreed to, and what happens next."""
    today = business_date(enrollment.account.region.time_zone)
    context = {
        "name": scope_words(enrollment),
        "card": presenting.card_of(enrollment, on=today),
        "enrollment": enrollment,
    }
    return render(request, "autopay/on.html", context)


@require_safe
@account_required
def canceled(request: HttpRequest, account: BillingAccount, reference: str) -> HttpResponse:
    """The dated proof; what will not be drawn, and what had been sent before."""
    enrollment = find(account, reference)
    try:
        proof = queries.proof_of(enrollment)
    except NotEnrolled:
        return redirect("autopay:index")
    context = {
        "name": scope_words(enrollment),
        "enrollment": enrollment,
        "proof": proof,
        "canceled_at": presenting.moment_in(account.region, proof.canceled_at),
    }
    return render(request, "autopay/canceled.html", context)
