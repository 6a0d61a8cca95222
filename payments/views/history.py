"""Everything that happened to an account's money: a list, its sums, a chart, a download."""

import datetime as dt
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing.access import account_required
from billing.models import BillingAccount
from common import period
from common.clock import business_date
from common.csv_export import csv_response, dollars
from payments import charts
from payments import history as events
from payments.history_filter import KINDS, NAMES, SIDES, STAGES, HistoryFilter, read_filter


@require_safe
@account_required
def history(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """What the address asks for. What it asks in vain is named, never an error."""
    asked, ignored = read_filter(request.GET)
    today = business_date(account.region.time_zone)
    months = _months(asked, today)
    around = events.around(account, asked, chart_from=months[0], chart_to=charts.last_day(months[-1]))
    last_page = max(1, -(-around.count // events.PAGE_SIZE))
    asked = replace(asked, page=min(asked.page, last_page))
    context = {
        "asked": asked,
        "ignored": ignored,
        "around": around,
        "rows": events.page(account, asked),
        "chart": charts.spending_by_month(months, around.months),
        "selects": _selects(asked, around),
        "period": period.boxes(request.GET, since=NAMES["since"], until=NAMES["until"]),
        "history_url": reverse("payments:history"),
        "export_url": reverse("payments:history_export") + asked.query(),
        "previous_query": asked.query(page=asked.page - 1) if asked.page > 1 else None,
        "next_query": asked.query(page=asked.page + 1) if asked.page < last_page else None,
        "last_page": last_page,
    }
    return render(request, "payments/history.html", context)


@require_safe
@account_required
def export(request: HttpRequest, account: BillingAccount) -> StreamingHttpResponse:
    """The same events as CSV, all of them: a line for each bill that an event concerns.

    What a bank holds of several bills has no amount until it has decided: then it is divided.
    """
    asked, _ignored = read_filter(request.GET)
    today = business_date(account.region.time_zone)
    header = [
        _("Date"),
        _("What"),
        _("State"),
        _("Reference"),
        _("Payment"),
        _("Payment method"),
        _("Paid by a guest"),
        _("Bill"),
        _("Kind"),
        _("Provider"),
        _("Patient"),
        _("Amount (USD)"),
        _("Of that, paid"),
        _("Of that, come back"),
    ]
    yes = _("Yes")
    rows = (
        (
            row.on.isoformat(),
            row.kind,
            row.status,
            row.reference,
            row.payment,
            row.method,
            yes if row.by_guest else "",
            row.bill,
            row.bill_kind,
            row.provider,
            row.patient,
            "" if row.amount_cents is None else dollars(row.amount_cents),
            dollars(row.paid_cents),
            dollars(row.back_cents),
        )
        for row in events.export(account, asked)
    )
    return csv_response(name=f"kppay-history-{today}.csv", header=header, rows=rows)


def _months(asked: HistoryFilter, today: dt.date) -> list[dt.date]:
    """The first days of the chart's months: the last twelve of the period, as far as it has begun."""
    last = min(asked.last_day or today, max(today, asked.first_day or today))
    if asked.year and not asked.until:
        last = dt.date(asked.year, 12, 1)
    months = charts.months_until(last)
    first = asked.first_day
    return [month for month in months if first is None or charts.last_day(month) >= first] or [
        months[-1]
    ]


def _selects(asked: HistoryFilter, around: events.Around) -> list[dict[str, Any]]:
    """The drop-down boxes above the list: name, label, options as (value, text), the chosen value."""
    patients = [(str(key), name) for key, name in around.patients]
    asked_year = {asked.year} if asked.year else set()
    years = [(str(year), str(year)) for year in sorted({*around.years} | asked_year, reverse=True)]
    return [
        {
            "name": "kind",
            "label": _("What"),
            "options": [("", _("All kinds")), *KINDS.items()],
            "chosen": asked.kind,
        },
        {
            "name": "side",
            "label": _("Medical or premium"),
            "options": list(SIDES.items()),
            "chosen": asked.side,
        },
        {
            "name": "patient",
            "label": _("Patient"),
            "options": [("", _("Everyone")), *patients],
            "chosen": str(asked.patient or ""),
        },
        {
            "name": "state",
            "label": _("State"),
            "options": list(STAGES.items()),
            "chosen": asked.state,
        },
        {
            "name": "year",
            "label": _("Year"),
            "options": [("", _("Any year")), *years],
            "chosen": str(asked.year or ""),
        },
    ]
