"""Help with paying: what a refusal means, what may be wrong with the browser, and whom to ask."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.access import account_of
from payments import declines
from payments.csp import let_ask_for_stripe
from payments.models import Payment
from support import access, queries

# Says whether cookies come back; holds nothing and ends soon.
COOKIE = "kppay_check"
COOKIE_SECONDS = 600


@require_safe
@let_ask_for_stripe
def show(request: HttpRequest) -> HttpResponse:
    """For everybody. With `?payment=` of one's own, what happened to it stands first."""
    payment = _payment(request)
    context = {
        "payment": payment,
        "explanation": _explanation(payment),
        "cards": declines.every_explanation(bank=False),
        "banks": declines.every_explanation(bank=True),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "cookies_checked": "again" in request.GET,
        "cookies_work": COOKIE in request.COOKIES,
        "conversations": _conversations(request),
        "guest_conversations": [] if request.user.is_authenticated else _guests(request),
    }
    response = render(request, "support/help.html", context)
    response.set_cookie(
        COOKIE,
        "1",
        max_age=COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _payment(request: HttpRequest) -> Payment | None:
    reference = request.GET.get("payment", "")
    account = account_of(request.user) if reference else None
    if account is None:
        return None
    return Payment.objects.filter(account=account, reference=reference).first()


def _explanation(payment: Payment | None) -> declines.Explanation | None:
    """Why it was refused, or taken back by the bank; None where neither happened."""
    if payment is None:
        return None
    code = payment.decline_code
    if payment.state == "returned":
        code = payment.disputes.order_by("-pk").values_list("reason", flat=True).first() or ""
    elif payment.state != "failed":
        return None
    return declines.explain(code, kind=payment.method_kind)


def _conversations(request: HttpRequest) -> list[object]:
    if not request.user.is_authenticated:
        return []
    return list(queries.conversations_of(request.user)[:3])


def _guests(request: HttpRequest) -> list[int]:
    return access.guest_conversations(request)
