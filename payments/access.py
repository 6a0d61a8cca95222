"""Whose payments a signed-in person sees: those of the account that the person is the guarantor of."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from billing.access import not_theirs
from payments.models import Payment

PaymentView = Callable[Concatenate[HttpRequest, Payment, ...], HttpResponseBase]


def payment_required(view: PaymentView) -> Callable[..., HttpResponseBase]:
    """Hand one of the person's own payments to the view, with its account, in one question.

    Somebody else's payment is not found.
    """

    @wraps(view)
    @login_required
    def with_payment(request: HttpRequest, reference: str) -> HttpResponseBase:
        related = ("region", "account__guarantor", "saved_method")
        own = Payment.objects.filter(account__guarantor__user=request.user.pk)
        payment = own.select_related(*related).filter(reference=reference).first()
        return view(request, payment) if payment is not None else not_theirs(request, reference)

    return with_payment
