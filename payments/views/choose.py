"""Step 1 of paying: which bills of one side, how much of each, and of the account balance.

The address says what is filled in: `?bill=` (once or more) those bills alone, `?kind=` all of a side,
`?total=` an amount divided over it, `?tick=none` nothing, `?draft=` a checkout once more.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from billing.access import account_required
from billing.models import BillingAccount, Invoice
from common.clock import business_date
from payments import queries
from payments.choosing import REST, ChooseForm, Start, TotalForm, divided, everything
from payments.exceptions import BillNotPayable, CannotPay
from payments.forms import sentence
from payments.models import Checkout
from payments.queries import MEDICAL, PREMIUM, Payable, Side
from payments.services import checkout as checkouts
from payments.split import CannotAllocate, allocate
from payments.views.steps import PAYING_BILLS

KINDS = (MEDICAL, PREMIUM)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    kind: str  # a side, or empty
    bills: frozenset[int]
    draft: Mapping[int, int] = field(default_factory=dict)  # cents by bill
    from_balance_cents: int = 0

    @classmethod
    def read(cls, request: HttpRequest, account: BillingAccount) -> Self:
        named = request.POST.get("kind") or request.GET.get("kind")
        asked = cls(
            kind=named if named in KINDS else "",
            bills=frozenset(_keys(request.GET.getlist("bill"))),
        )
        checkout = _unconfirmed(account, request.GET.get("draft", ""))
        if checkout is None:
            return asked
        draft = dict(checkout.items.values_list("invoice_id", "amount_cents"))
        return replace(asked, draft=draft, from_balance_cents=checkout.from_balance_cents)

    @property
    def alone(self) -> bool:
        """Whether to show nothing but the bills that were asked for."""
        return bool(self.bills) and not self.kind and not self.draft

    @property
    def keys(self) -> list[int]:
        return [*self.bills, *list(self.draft)[: queries.SHOWN_BILLS]]


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def choose(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """Step 1; leads to the method, or to the review where the account balance pays all."""
    asked = Asked.read(request, account)
    payable = queries.payable(account, asked=[*asked.keys, *_keys(request.POST.getlist("pay"))])
    side = _side(payable, asked)
    whole = payable.side(side.kind)
    total_form = TotalForm(request.GET if "total" in request.GET else None, side=side)
    form = ChooseForm(
        request.POST if request.method == "POST" else None,
        side=side,
        other=payable.side(MEDICAL if side.kind == PREMIUM else PREMIUM),
        start=_start(request, side, asked, total_form),
        with_rest=not asked.alone,
        spendable_cents=account.spendable_cents,
        whole_cents=whole.payable_cents,
    )
    if form.is_valid() and request.POST.get("action") != "update":
        checkout = _checkout(request, account, form, side)
        if checkout is not None:
            return redirect("payments:method" if form.charge_cents else "payments:review", checkout.pk)
    context = {
        "form": form,
        "total_form": total_form,
        "rows": form.rows(),
        "side": side,
        "sides": [] if asked.alone else [s for s in (payable.medical, payable.premium) if s.count],
        "alone": asked.alone,
        "more_count": whole.count - side.count,
        "more_cents": whole.payable_cents - side.payable_cents,
        "more_url": f"?kind={side.kind}" + "".join(f"&bill={bill.pk}" for bill in side.shown),
        "left_out": side.rest_count if side.count > queries.MAX_BILLS else 0,
        "least_cents": checkouts.MIN_CENTS,
        "account": account,
        "today": business_date(account.region.time_zone),
        "steps": PAYING_BILLS,
    }
    wrong = form.errors or total_form.errors
    return render(request, "payments/choose.html", context, status=422 if wrong else 200)


def _keys(values: Iterable[str]) -> list[int]:
    """Keys of bills out of an address or a form; what cannot be one is left out."""
    numbers = (value for value in values if value.isascii() and value.isdecimal() and len(value) < 18)
    return [int(number) for number in numbers][: queries.SHOWN_BILLS + 1]


def _unconfirmed(account: BillingAccount, key: str) -> Checkout | None:
    try:
        found = uuid.UUID(key)
    except ValueError:
        return None
    return Checkout.objects.filter(account=account, pk=found, payment__isnull=True).first()


def _side(payable: Payable, asked: Asked) -> Side:
    """The side to show: the one that was named, that of a bill asked for, or the most pressing."""
    wanted = set(asked.keys)
    side = payable.pressing
    for each in (payable.premium, payable.medical):
        if wanted.intersection(bill.pk for bill in (*each.shown, *each.busy)):
            side = each
    if asked.kind:
        side = payable.side(asked.kind)
    if not asked.alone:
        return side
    shown = tuple(bill for bill in side.shown if bill.pk in wanted)
    return replace(
        side,
        shown=shown,
        busy=tuple(bill for bill in side.busy if bill.pk in wanted),
        count=len(shown),
        payable_cents=sum(bill.payable_cents for bill in shown),
    )


def _start(request: HttpRequest, side: Side, asked: Asked, total_form: TotalForm) -> Start:
    """What the address fills in."""
    if total_form.is_valid():
        return divided(total_form.cleaned_data["total"], side)
    if total_form.is_bound or request.GET.get("tick") == "none":
        return Start({})
    whole = everything(side)
    if asked.draft:
        return _once_more(whole, asked)
    if asked.bills:
        wanted = {str(key) for key in asked.bills}
        return Start({key: cents for key, cents in whole.parts.items() if key in wanted})
    return whole


def _once_more(whole: Start, asked: Asked) -> Start:
    """What a checkout held, as far as it can still be paid."""
    parts = {
        key: min(cents, asked.draft[int(key)])
        for key, cents in whole.parts.items()
        if key != REST and int(key) in asked.draft
    }
    shown = {int(key) for key in whole.parts if key != REST}
    rest_cents = sum(cents for bill, cents in asked.draft.items() if bill not in shown)
    if rest_cents and REST in whole.parts:
        parts[REST] = min(rest_cents, whole.parts[REST])
    return Start(parts, asked.from_balance_cents)


def _checkout(
    request: HttpRequest, account: BillingAccount, form: ChooseForm, side: Side
) -> Checkout | None:
    """The checkout that the form describes; None, and a sentence in the form, where it cannot be."""
    data = form.cleaned_data
    try:
        return checkouts.start(
            account=account,
            started_by=cast(User, request.user),
            amounts=_amounts(account, side, data["parts"], data["rest_cents"]),
            from_balance_cents=data["from_balance_cents"],
        )
    except CannotPay as error:
        form.add_error(None, sentence(error))
        return None


def _amounts(
    account: BillingAccount, side: Side, parts: Mapping[int, int], rest_cents: int
) -> dict[Invoice, int]:
    """Cents by bill; `rest_cents` goes over the bills that are not shown, oldest due first."""
    bills = queries.payable_bills(account)
    amounts = {bill: parts[bill.pk] for bill in bills.filter(pk__in=parts)}
    if len(amounts) != len(parts):
        raise BillNotPayable("a bill is gone")
    if rest_cents:
        of_side = bills.premiums() if side.kind == PREMIUM else bills.medical()
        rest = of_side.exclude(pk__in=[bill.pk for bill in side.shown])[: queries.MAX_BILLS]
        try:
            amounts |= dict(allocate(rest_cents, rest))
        except CannotAllocate as error:
            raise BillNotPayable("the bills that are not shown") from error
    return amounts
