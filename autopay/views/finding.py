"""Enrollments and draws are found through the account of who asks, never by key alone."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from autopay.exceptions import NotEnrolled
from autopay.models import Draft, Enrollment
from billing.models import BillingAccount
from common.clock import business_date
from payments.exceptions import MethodNotUsable
from payments.forms import sentence
from payments.models import PaymentMethod
from payments.services import methods as saved

EnrollmentView = Callable[Concatenate[HttpRequest, Enrollment, ...], HttpResponse]


def find(account: BillingAccount, reference: str) -> Enrollment:
    """One of the account's enrollments; 404 for anybody else's."""
    enrollment = get_object_or_404(
        Enrollment.objects.select_related("method", "authorization"),
        account=account,
        reference=reference,
    )
    enrollment.account = account
    return enrollment


def find_draft(account: BillingAccount, pk: int) -> Draft:
    """A draw of one of the account's enrollments; 404 for anybody else's."""
    return get_object_or_404(
        Draft.objects.select_related(
            "invoice__patient", "payment", "enrollment__method", "enrollment__account__region"
        ),
        enrollment__account=account,
        pk=pk,
    )


def find_method(account: BillingAccount, pk: int) -> PaymentMethod:
    """One of the account's methods, even one that is gone; 404 for anybody else's."""
    return get_object_or_404(
        PaymentMethod.objects.select_related("account__region"), account=account, pk=pk
    )


def must_be_theirs(account: BillingAccount, posted: QueryDict | None) -> None:
    """404 for a form that names another account's method, as everywhere."""
    key = str(posted.get("method", "")) if posted is not None else ""
    if key.isascii() and key.isdecimal() and len(key) < 18:
        find_method(account, int(key))


def is_gone(request: HttpRequest, method: PaymentMethod) -> bool:
    """Whether a method that was chosen can pay no more; says so."""
    today = business_date(method.account.region.time_zone)
    if saved.can_pay(method, on=today):
        return False
    messages.error(request, sentence(MethodNotUsable()))
    return True


def open_enrollment(view: EnrollmentView) -> Callable[..., HttpResponse]:
    """Hand the view one of the account's enrollments. One that was canceled shows its proof instead."""

    @wraps(view)
    def with_enrollment(
        request: HttpRequest, account: BillingAccount, reference: str, **kwargs: Any
    ) -> HttpResponse:
        enrollment = find(account, reference)
        if not enrollment.has_ended:
            try:
                return view(request, enrollment, **kwargs)
            except NotEnrolled:
                enrollment.refresh_from_db(fields=["state"])
        if enrollment.has_ended:
            return redirect("autopay:canceled", reference)
        messages.error(request, _("That is not possible as your autopay stands now. See below."))
        return redirect("autopay:index")

    return with_enrollment
