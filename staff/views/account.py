"""A household's page, and a payment's. Looking is recorded before anything is shown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from payments.models import Payment
from staff import desk
from staff.actor import actor_of
from staff.household import accounts, household, payment_page
from staff.models import Action, May
from staff.services import audit

PAYMENTS = Payment.objects.select_related("account__guarantor__user", "region", "paid_by")


@never_cache
@require_safe
@desk.may(May.LOOK)
def show(request: HttpRequest, key: int) -> HttpResponse:
    account = get_object_or_404(accounts(), pk=key)
    audit.record(
        by=actor_of(request),
        action=Action.LOOKED,
        account=account,
        reference=account.account_number,
    )
    with timezone.override(account.region.time_zone):
        return desk.show(
            request, "account.html", title=account.guarantor.full_name, home=household(account)
        )


@never_cache
@require_safe
@desk.may(May.LOOK)
def show_payment(request: HttpRequest, reference: str) -> HttpResponse:
    payment = get_object_or_404(PAYMENTS, reference=reference)
    audit.record(
        by=actor_of(request),
        action=Action.LOOKED,
        account=payment.account,
        reference=payment.reference,
    )
    with timezone.override(payment.region.time_zone):
        return desk.show(
            request, "payment.html", title=f"Payment {reference}", page=payment_page(payment)
        )
