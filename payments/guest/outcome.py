"""How a guest's payment stands, its receipt by mail, and the mail's one-time link back to it."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import sessions
from billing.pdf import PdfUnavailable
from common.clock import business_date, now
from payments import declines, gateway, methods
from payments.aftermath import TakenBack, aftermath, not_taken_cents
from payments.csp import allow_stripe
from payments.guest import limits, paying, visit
from payments.guest.forms import MailForm
from payments.guest.pages import View, guest_page
from payments.models import CAME_TO_NOTHING, SETTLED, Payment, PaymentEvent, State
from payments.services import receipt_links, receipts, submission

# One page each: "paid" is only for money that has really moved, and has not gone back since.
TEMPLATES = {
    State.CREATED: "guest/checking.html",
    State.SUBMITTED: "guest/checking.html",
    State.UNKNOWN: "guest/checking.html",
    State.REQUIRES_ACTION: "guest/bank_step.html",
    State.PROCESSING: "guest/processing.html",
    State.FAILED: "guest/declined.html",
    State.CANCELED: "guest/not_charged.html",
    State.SUCCEEDED: "guest/paid.html",
    State.PARTLY_REFUNDED: "guest/refunded.html",
    State.REFUNDED: "guest/refunded.html",
    State.DISPUTED: "guest/disputed.html",
    State.RETURNED: "guest/returned.html",
}


def with_payment(view: Callable[Concatenate[HttpRequest, Payment, ...], HttpResponse]) -> View:
    """Hand over the payment that this browser has just made, or has opened by its link."""

    @wraps(view)
    def page(request: HttpRequest) -> HttpResponse:
        payment = _payment(visit.shown_payment(request.session, at=now()))
        if payment is None and request.headers.get("HX-Request") == "true":
            return _load_again()  # a waiting page: the person, not its script, is told
        if payment is None:
            closed = _payment(visit.close_payment(request.session))
            messages.info(request, _why_closed(closed))
            return redirect("guest:start")
        return view(request, payment)

    return page


def _load_again() -> HttpResponse:
    """For the script of a waiting page."""
    return HttpResponse(headers={"HX-Refresh": "true"})


def _payment(key: int | None) -> Payment | None:
    guests = Payment.objects.filter(payer=Payment.Payer.GUEST)
    return guests.select_related("region", "account__guarantor").filter(pk=key or 0).first()


def _why_closed(payment: Payment | None) -> str:
    """Where to get what the page would have said. Whoever reads it may be a stranger at this computer,
    who learns no address, no amount and no reference.
    """
    if payment is None:
        return _(
            "No payment is open in this browser. If you paid and have no receipt, call us with the "
            "reference of the payment."
        )
    if payment.state in CAME_TO_NOTHING:
        return _("This page is closed. Nothing was charged.")
    if payment.guest_email and payment.state in SETTLED:
        return _("This page is closed. The receipt is in your mail.")
    if payment.guest_email:
        return _("This page is closed. We will write to you when we know how the payment ended.")
    return _(
        "This page is closed, and nobody gave us an e-mail address for the receipt. To get it, call "
        "%(phone)s (TTY %(tty)s) with the reference of the payment."
    ) % {"phone": payment.region.phone, "tty": payment.region.tty}


@require_safe
@guest_page
@allow_stripe
@with_payment
def payment(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The page of the payment; the address stays the same from "Confirm" to the receipt."""
    return _page(request, payment, MailForm())


@require_safe
@guest_page
@with_payment
def state(request: HttpRequest, payment: Payment) -> HttpResponse:
    """For a waiting page: 204 while nothing has changed, else a request to load the page again."""
    if payment.state == request.GET.get("seen"):
        return HttpResponse(status=204)
    return _load_again()


@require_POST
@guest_page
@with_payment
def refresh(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The payer comes back from the bank's step: ask Stripe what became of it."""
    if limits.may_look(payment_id=payment.pk, at=now()):
        submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    return redirect("guest:payment")


@require_POST
@guest_page
@with_payment
def abandon(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The payer does not want to take the bank's step."""
    if limits.may_look(payment_id=payment.pk, at=now()):  # else the reconciler cancels it in a while
        submission.abandon(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)
    return redirect("guest:payment")


@require_POST
@guest_page
@allow_stripe
@with_payment
def mail(request: HttpRequest, payment: Payment) -> HttpResponse:
    """Send the receipt to an address; to be sent when it settles, where it has not yet."""
    form = MailForm(request.POST)
    if not form.is_valid():
        return _page(request, payment, form, status=422)
    email = form.cleaned_data["email"]
    language = (get_language() or settings.LANGUAGE_CODE)[:2]
    try:
        on_its_way = receipts.mail_to_guest(payment=payment, to=email, language=language)
    except receipts.ResentTooOften:
        messages.warning(
            request, _("This receipt was mailed several times already. Look into your spam folder.")
        )
    except PdfUnavailable:
        messages.warning(
            request, _("The receipt cannot be made right now. Print this page, or try again soon.")
        )
    else:
        words = (
            _("The receipt is on its way to %(email)s.")
            if on_its_way
            else _("We will write to %(email)s when we know how the payment ended.")
        )
        messages.success(request, words % {"email": email})
    return redirect("guest:payment")


@require_POST
@guest_page
def forget(request: HttpRequest) -> HttpResponse:
    """For a computer that others use too: this browser shows nothing of the payment any more."""
    visit.forget(request.session)
    return redirect("guest:forgotten")


@require_safe
@guest_page
def forgotten(request: HttpRequest) -> HttpResponse:
    """What was forgotten, and what still works."""
    return render(request, "guest/forgotten.html")


@require_http_methods(["GET", "HEAD", "POST"])
@guest_page
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Where the mail's link leads: a button, the same for live and dead links; it works once."""
    if request.method != "POST":
        return render(request, "guest/link.html")
    try:
        opened = receipt_links.use(token=token, at=now())
    except receipt_links.LinkDead:
        return render(request, "guest/link_dead.html", status=410)
    sessions.change_key(request.session)
    visit.show_payment(request.session, opened, at=now())
    return redirect("guest:payment")


def _page(request: HttpRequest, payment: Payment, form: MailForm, *, status: int = 200) -> HttpResponse:
    template = TEMPLATES[State(payment.state)]
    if payment.state in SETTLED:
        visit.end(request.session)
    context = {
        "payment": payment,
        "form": form,
        "masked_name": paying.masked_name(payment.account),
        "method": methods.describe(
            kind=payment.method_kind, brand=payment.method_brand, last4=payment.method_last4
        ),
        "paid_on": business_date(payment.region.time_zone, payment.settled_at or payment.created_at),
        "explanation": declines.explain(payment.decline_code, kind=payment.method_kind),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "seen": payment.state,
    }
    if payment.state in SETTLED and payment.state != State.SUCCEEDED:
        later = aftermath(payment, allocations=())  # nothing of the account
        context |= {
            "later": later,
            "left_cents": not_taken_cents(payment, later),
            # A bill that was canceled since is owed by nobody, and has no code any more.
            "owed_again": payment.allocations.filter(
                reversed_cents__gt=0, invoice__voided_at=None
            ).exists(),
            # Why is told for a bank debit; who disputed a card payment knows why.
            "is_returned_debit": any(isinstance(each, TakenBack) and each.is_return for each in later),
        }
    if payment.state == State.REQUIRES_ACTION and not limits.may_look(payment_id=payment.pk, at=now()):
        template = TEMPLATES[State.UNKNOWN]
    elif payment.state == State.REQUIRES_ACTION:
        try:
            context["client_secret"] = submission.client_secret(payment=payment)
            context["publishable_key"] = gateway.publishable_key(payment.region)
        except gateway.Refused:  # the step was taken; the webhook or the reconciler settles it
            template = TEMPLATES[State.UNKNOWN]
        except gateway.GatewayError:  # no answer: the page asks again
            template, context["seen"] = TEMPLATES[State.UNKNOWN], State.UNKNOWN
    with timezone.override(payment.region.time_zone):
        return render(request, template, context, status=status)
