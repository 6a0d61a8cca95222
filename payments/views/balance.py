"""The account balance: what is in it, adding to it, getting the rest back, letting it pay by itself."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from billing.access import account_required
from billing.models import BillingAccount
from common.money import BadAmount, format_cents, parse_cents
from payments import balance_history, methods
from payments.balance_forms import AddMoneyForm
from payments.exceptions import CannotPay
from payments.forms import sentence
from payments.services import auto_apply, balance
from payments.services import checkout as checkouts
from payments.services.balance import PlanChanged
from payments.services.refunds import CannotRefund
from payments.views.steps import ADDING_MONEY


@require_safe
@account_required
def show(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """The balance, what waits, what can be done with it, and its history."""
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1
    page = balance_history.page(account, max(1, number))
    waiting = balance_history.waiting(account)
    context = {
        "account": account,
        "page": page,
        "newer": page.number - 1,
        "older": page.number + 1 if page.has_older else 0,
        "uses": [payment for payment in waiting if payment.from_balance_cents],
        "fills": [payment for payment in waiting if payment.to_balance_cents],
    }
    return render(request, "payments/balance.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def add(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """Step 1 of adding money: the amount."""
    initial = {"amount": _cents(request.GET.get("amount", ""))}
    form = AddMoneyForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            checkout = checkouts.start(
                account=account,
                started_by=cast(User, request.user),
                amounts={},
                to_balance_cents=form.cleaned_data["amount"],
            )
        except CannotPay as error:
            form.add_error(None, sentence(error))
        else:
            return redirect("payments:method", checkout.pk)
    context = {"form": form, "account": account, "steps": ADDING_MONEY}
    return render(request, "payments/add_money.html", context, status=422 if form.errors else 200)


def _cents(typed: str) -> int | None:
    try:
        return parse_cents(typed)
    except BadAmount:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def withdraw(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """What would go back to where; confirmed, it goes."""
    plan = balance.withdrawal_plan(account)
    total_cents = sum(cents for _payment, cents in plan)
    if request.method == "POST" and plan:
        if _sent(request, account):
            return redirect("payments:balance")
        messages.warning(
            request, _("Your account balance changed meanwhile. Check what goes back once more.")
        )
        return redirect("payments:withdraw")
    context = {
        "account": account,
        "parts": [
            (
                payment,
                methods.describe(
                    kind=payment.method_kind, brand=payment.method_brand, last4=payment.method_last4
                ),
                cents,
            )
            for payment, cents in plan
        ],
        "total_cents": total_cents,
        "stays_cents": account.spendable_cents - total_cents,
    }
    return render(request, "payments/withdraw.html", context)


def _shown(total: str) -> int:
    """The sum that the page showed, in cents; one that nothing equals where there is none."""
    return int(total) if total.isascii() and total.isdecimal() and len(total) < 16 else -1


def _sent(request: HttpRequest, account: BillingAccount) -> bool:
    try:
        refunds = balance.withdraw(
            account=account,
            requested_by=cast(User, request.user),
            expected_cents=_shown(request.POST.get("total", "")),
        )
    except (CannotRefund, PlanChanged):
        return False
    amount = format_cents(sum(refund.amount_cents for refund in refunds))
    messages.success(
        request, _("%(amount)s is on its way back. We mail you when it was sent.") % {"amount": amount}
    )
    return True


@require_POST
@account_required
def switch_auto_apply(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """Let the balance pay bills by itself, or no longer."""
    on = request.POST.get("on") == "1"
    if auto_apply.switch(account=account, on=on, by=cast(User, request.user)):
        told = (
            _("From now on your account balance pays your bills. We mailed you a confirmation.")
            if on
            else _("Your account balance no longer pays by itself. We mailed you a confirmation.")
        )
        messages.success(request, told)
    return redirect("payments:balance")
