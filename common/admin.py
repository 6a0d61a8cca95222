"""What the staff pages share."""

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

from django.contrib import admin
from django.contrib.admin.utils import flatten, label_for_field
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from common.clock import now
from common.csv_export import csv_response, signed_dollars


class Look(Protocol):
    """Told of a page of `model` that is about to be shown: one row, or with None the list."""

    def __call__(
        self, *, request: HttpRequest, model: type[models.Model], row: models.Model | None
    ) -> None: ...


_looks: list[Look] = []


def register_look(look: Look) -> None:
    """Call this, from an AppConfig.ready, before staff see a record or a list of them."""
    if look not in _looks:
        _looks.append(look)


class ReadOnlyMixin:
    """Staff look, and change nothing here: records move through services alone.

    Subclasses name what is shown in `fields`.
    """

    fields: ClassVar[Any] = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return flatten(self.fields)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnlyMixin, admin.ModelAdmin):
    """A model that staff may list, search and open, by their view permission."""

    show_full_result_count = False  # counting a large table costs more than the page

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return self._told(request, super().changelist_view(request, extra_context))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._told(request, super().changeform_view(request, *args, **kwargs), "original")

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._told(request, super().history_view(request, *args, **kwargs), "object")

    def _told(self, request: HttpRequest, response: HttpResponse, row_is: str = "") -> HttpResponse:
        """Nothing was sent yet; a redirect or an error shows nobody's record."""
        if response.status_code == 200:
            row = response.context_data[row_is] if row_is else None  # type: ignore[attr-defined]
            for look in _looks:
                look(request=request, model=self.model, row=row)
        return response


class CsvExport(admin.ModelAdmin):
    """A list whose chosen rows can be downloaded; `csv_fields` become the columns."""

    csv_fields: ClassVar[list[str]] = []
    actions = ["export_csv"]

    @admin.action(description=_("Download the chosen rows as CSV"))
    def export_csv(self, request: HttpRequest, queryset: "QuerySet[Any]") -> StreamingHttpResponse:
        today = now().date()
        return csv_response(
            name=f"kppay-{self.opts.model_name}-{today}.csv",
            header=[label_for_field(name, self.model) for name in self.csv_fields],
            rows=self._rows(queryset),
        )

    def _rows(self, queryset: "QuerySet[Any]") -> Iterator[list[Any]]:
        for row in queryset.order_by("pk").iterator():
            yield [_cell(name, getattr(row, name)) for name in self.csv_fields]


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return ""
    return signed_dollars(value) if name.endswith("_cents") else value


class ReadOnlyInline(ReadOnlyMixin, admin.TabularInline):
    """Rows that belong to what is being looked at."""

    extra = 0
    can_delete = False
