"""Whose bills a signed-in person sees: those of the account that the person is the guarantor of.

Every page finds its objects through that account, never by key alone (ASVS 8.2.2).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts.models import Member, User
from billing.models import BillingAccount

AccountView = Callable[Concatenate[HttpRequest, BillingAccount, ...], HttpResponseBase]


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
            is_member = Member.objects.filter(user=request.user.pk).exists()
            return render(request, "billing/no_account.html", {"is_member": is_member})
        return view(request, account, *args, **kwargs)

    return with_account
