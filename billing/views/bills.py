"""Billing home, the list of bills, and one bill. Nothing here changes anything."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing import hooks, queries
from billing.access import account_required, bill_required
from billing.filters import KINDS, NAMES, SORTS, STATES, BillFilter, read_filter
from billing.models import BillingAccount, Invoice
from billing.postings import postings
from common import period
from common.clock import business_date


@require_safe
@account_required
def home(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """What is owed in all, by when, and on which side; the account balance; the last payment."""
    owed = queries.owed(account, on=business_date(account.region.time_zone))
    sides = [
        {
            "kind": "medical",
            "owed": owed.medical,
            "title": _("Medical bills"),
            "none": _("No medical bills to pay."),
            "pay": _("Pay medical bills"),
            "button": "primary" if owed.first is owed.medical else "secondary",
        },
        {
            "kind": "premium",
            "owed": owed.premiums,
            "title": _("Premiums"),
            "none": _("No premiums to pay."),
            "pay": _("Pay premiums"),
            "button": "primary" if owed.first is owed.premiums else "secondary",
        },
    ]
    context = {
        "account": account,
        "owed": owed,
        "sides": sides,
        "last_payment": queries.last_payment(account),
        "next_draw": hooks.next_draw(account.pk),
        "bills_url": reverse("billing:list"),
    }
    return render(request, "billing/home.html", context)


@require_safe
@account_required
def bill_list(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """The bills that the address asks for. What it asks in vain is named, never an error."""
    asked, ignored = read_filter(request.GET)
    choices = queries.choices(account, asked)
    matching = choices.counts[asked.state]
    last_page = max(1, -(-matching // queries.PAGE_SIZE))
    asked = replace(asked, page=min(asked.page, last_page))
    context = {
        "asked": asked,
        "ignored": ignored,
        "matching": matching,
        "has_bills": bool(choices.patients),
        "rows": queries.bills(account, asked, on=business_date(account.region.time_zone)),
        "bills_url": reverse("billing:list"),
        "tabs": [
            (asked.query(state=state), label, choices.counts[state], state == asked.state)
            for state, (label, _condition) in STATES.items()
        ],
        "selects": _selects(asked, choices),
        "period": period.boxes(request.GET, since=NAMES["since"], until=NAMES["until"]),
        "clear_query": BillFilter(state=asked.state, sort=asked.sort).query(),
        "previous_query": asked.query(page=asked.page - 1) if asked.page > 1 else None,
        "next_query": asked.query(page=asked.page + 1) if asked.page < last_page else None,
        "last_page": last_page,
    }
    return render(request, "billing/list.html", context)


def _selects(asked: BillFilter, choices: queries.Choices) -> list[dict[str, Any]]:
    """The drop-down boxes above the list: name, label, options as (value, text), the chosen value."""
    patients = [(str(key), name) for key, name in choices.patients]
    years = [(str(year), str(year)) for year in choices.years]
    kinds = [(value, label) for value, (label, _condition) in KINDS.items()]
    sorts = [(value, label) for value, (label, _order) in SORTS.items()]
    return [
        {
            "name": "patient",
            "label": _("Patient"),
            "options": [("", _("Everyone")), *patients],
            "chosen": str(asked.patient or ""),
        },
        {"name": "kind", "label": _("Kind"), "options": kinds, "chosen": asked.kind},
        {
            "name": "year",
            "label": _("Year of service"),
            "options": [("", _("Any year")), *years],
            "chosen": str(asked.year or ""),
        },
        {"name": "sort", "label": _("Sort by"), "options": sorts, "chosen": asked.sort},
    ]


@require_safe
@bill_required
def bill_detail(request: HttpRequest, bill: Invoice) -> HttpResponse:
    """One bill: the visit, its lines, what was paid."""
    time_zone = bill.account.region.time_zone
    context = {
        "bill": bill,
        "bill_key": str(bill.pk),
        "account": bill.account,
        "status": queries.status_of(bill, on=business_date(time_zone)),
        "voided_on": bill.voided_at and business_date(time_zone, bill.voided_at),
        "breakdown": queries.breakdown(bill),
        "postings": postings(bill),
        "draw": hooks.draws_of([bill.pk]).get(bill.pk),
        "bills_url": reverse("billing:list"),
    }
    return render(request, "billing/detail.html", context)
