"""Whose bills a signed-in person sees: those of the account that the person is the guarantor of.

Every page finds its objects through that account, never by key alone (ASVS 8.2.2).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts.models import Member, User
from billing.models import BillingAccount, Invoice

AccountView = Callable[Concatenate[HttpRequest, BillingAccount, ...], HttpResponseBase]
BillView = Callable[[HttpRequest, Invoice], HttpResponseBase]


def account_of(user: User | AnonymousUser) -> BillingAccount | None:
    """The account whose guarantor this user is, with its region and guarantor; None without one.

    A user has a member record only once the e-mail address was confirmed
    (accounts.services.registration), so nobody sees a bill before that.
    """
    if not user.is_authenticated:
        return None
    return (
        BillingAccount.objects.select_related("region", "guarantor")
        .filter(guarantor__user=user)
        .first()
    )


def account_required(view: AccountView) -> Callable[..., HttpResponseBase]:
    """Hand the signed-in person's account to the view; explain kindly where there is none."""

    @wraps(view)
    @login_required
    def with_account(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        account = account_of(request.user)
        if account is None:
            return _no_account(request)
        return view(request, account, *args, **kwargs)

    return with_account


def bill_required(view: BillView) -> Callable[..., HttpResponseBase]:
    """Hand one of the person's own bills to the view, with its patient and account, in one question.

    Somebody else's bill is not found.
    """

    @wraps(view)
    @login_required
    def with_bill(request: HttpRequest, pk: int) -> HttpResponseBase:
        related = ("patient", "account__region", "account__guarantor")
        owned = Invoice.objects.filter(account__guarantor__user=request.user.pk)
        bill = owned.select_related(*related).filter(pk=pk).first()
        return view(request, bill) if bill is not None else not_theirs(request, pk)

    return with_bill


def not_theirs(request: HttpRequest, key: object) -> HttpResponseBase:
    """The answer to who asks for what no account of theirs has. Raises Http404 where they have one."""
    if account_of(request.user) is None:
        return _no_account(request)
    raise Http404(key)


def _no_account(request: HttpRequest) -> HttpResponseBase:
    is_member = Member.objects.filter(user=request.user.pk).exists()
    return render(request, "billing/no_account.html", {"is_member": is_member})
