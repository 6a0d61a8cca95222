"""What the staff pages share."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.http import HttpRequest


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


class ReadOnlyInline(ReadOnlyMixin, admin.TabularInline):
    """Rows that belong to what is being looked at."""

    extra = 0
    can_delete = False
