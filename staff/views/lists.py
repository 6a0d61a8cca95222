"""The desk's lists, to look at and as CSV."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from common.clock import now
from common.csv_export import csv_response, signed_dollars
from staff import desk
from staff.actor import actor_of
from staff.listing import PAGE, Column, StaffList
from staff.lists import LISTS
from staff.models import Action, May
from staff.services import audit


def _find(name: str) -> StaffList:
    if name not in LISTS:
        raise Http404
    return LISTS[name]


@never_cache
@require_safe
@desk.may(May.LOOK)
def show(request: HttpRequest, name: str) -> HttpResponse:
    asked = _find(name)
    audit.record(by=actor_of(request), action=Action.LISTED, reference=f"list {name}")
    return desk.show(
        request,
        "list.html",
        title=asked.title,
        list=asked,
        rows=list(asked.page()),
        most=PAGE,
        lists=[each for each in LISTS.values() if each.in_menu or each is asked],
    )


@never_cache
@require_safe
@desk.may(May.LOOK)
def export(request: HttpRequest, name: str) -> StreamingHttpResponse:
    asked = _find(name)
    audit.record(by=actor_of(request), action=Action.LISTED, reference=f"list {name} as CSV")
    return csv_response(
        name=f"kppay-{name}-{now().date()}.csv",
        header=[column.label for column in asked.columns],
        rows=(
            [_cell(column, value) for column, value in asked.cells(row)]
            for row in asked.rows().iterator(chunk_size=500)
        ),
    )


def _cell(column: Column, value: Any) -> Any:
    return signed_dollars(value) if column.is_money and value != "" else value
