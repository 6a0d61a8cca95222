"""What guests' pages have in common: no cache keeps them; without a visit they lead to the start."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from billing.models import BillingAccount
from common.clock import now
from payments.exceptions import AmountOutOfRange, BillBusy, CannotPay, NotReviewed
from payments.forms import sentence
from payments.guest import limits, paying, visit
from payments.guest.finding import Found
from payments.guest.paying import Due
from payments.guest.visit import Visit

View = Callable[..., HttpResponse]
STEPS = [gettext_lazy("Find the bill"), gettext_lazy("Amount and method"), gettext_lazy("Review")]


@dataclass(frozen=True, slots=True)
class Bill:
    """What this guest has found, as it stands now."""

    visit: Visit
    account: BillingAccount
    due: list[Due]

    @property
    def found(self) -> Found:
        return self.visit.found

    @property
    def payee(self) -> str:
        return self.account.region.legal_entity

    @property
    def masked_name(self) -> str:
        return paying.masked_name(self.account)


def guest_page(view: View) -> View:
    """Kept by no cache; what was typed is in no error report. Kind words when the doors are shut."""

    @sensitive_post_parameters()
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except limits.TooManyTries as error:
            response = _shut(request, status=429, wait=error.seconds)
        except limits.LimitsAway:
            response = _shut(request, status=503, wait=60)
        response.headers["Cache-Control"] = "no-store, private"
        return response

    return page


def with_bill(view: Callable[Concatenate[HttpRequest, Bill, ...], HttpResponse]) -> View:
    """Hand over the bill that was found; without one, or with nothing to pay, back to the start."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = visit.current(request.session, at=now())
        if found is None:
            return _without_bill(request)
        paid = paying.payment_of(found.checkout)
        if paid is not None:  # a second click, the back button, another tab
            visit.show_payment(request.session, paid, at=now())
            return redirect("guest:payment")
        account = paying.account_of(found.found)
        due = paying.due(account, found.found)
        if not due:
            return gone(request)
        return view(request, Bill(found, account, due), *args, **kwargs)

    return page


def _without_bill(request: HttpRequest) -> HttpResponse:
    """No bill was found, or it was left too long. Whoever presses a button then learns what became of
    the money: nothing was charged, unless an earlier press paid.
    """
    words = _("To protect privacy, a bill is shown for 15 minutes only. Please find it again.")
    if request.method == "POST":
        paid = paying.payment_of(visit.left(request.session))
        if paid is not None:
            visit.end(request.session)
            visit.show_payment(request.session, paid, at=paid.created_at)
        if visit.has_shown(request.session):
            return redirect("guest:payment")
        words = _("Nothing was charged just now. %(why)s") % {"why": words}
    messages.info(request, words)
    return redirect("guest:start")


def gone(request: HttpRequest) -> HttpResponse:
    """The bill was paid meanwhile, or somebody is paying it at this moment."""
    messages.warning(
        request,
        _(
            "Nothing can be paid on this bill right now: it was paid meanwhile, or another payment of "
            "it has not ended yet."
        ),
    )
    return redirect("guest:start")


def why_not(error: CannotPay) -> str:
    """Why a guest's payment did not start. Says nothing about other payments of the account."""
    if isinstance(error, paying.Paused):
        return _(
            "Payments without an account are paused for a few minutes. Nothing was charged. Log in to "
            "pay now, or call us."
        )
    if isinstance(error, paying.TooManyAttempts):
        return _(
            "Too many cards were tried for this bill today. Nothing was charged. Log in to pay, call "
            "us, or come back tomorrow."
        )
    if isinstance(error, BillBusy):
        return _("Another payment of this bill has not ended yet. You can pay when it has.")
    if isinstance(error, AmountOutOfRange | NotReviewed):
        return sentence(error)
    return _("The bill was paid or changed meanwhile. Check what is due and choose again.")


def address_of(request: HttpRequest) -> str:
    """Who asks, behind as many proxies as we trust (TRUSTED_PROXY_COUNT)."""
    return str(get_adapter(request).get_client_ip(request))


def _shut(request: HttpRequest, *, status: int, wait: int) -> HttpResponse:
    minutes = max(1, wait // 60)
    context = {"too_many": status == 429, "minutes": minutes, "hours": minutes // 60}
    response = render(request, "guest/shut.html", context, status=status)
    response.headers["Retry-After"] = str(wait)
    return response
