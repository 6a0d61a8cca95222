"""What people read and whom a banner reaches, for supervisors to change; who changed it, for auditors.

Everything is saved by support.services.records, which writes down what was before. Conversations are
not here: they are looked at and answered at the chat desk (support.desk).
"""

from typing import Any, cast

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from common.admin import ReadOnlyAdmin
from support.models import Banner, Change, DeskHours, Organisation, SocialProfile
from support.services import records


class RecordAdmin(admin.ModelAdmin):
    """A form of Django's in front of the service that leaves a trail."""

    actions = None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        records.save(record=obj, by=cast(User, request.user))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        records.delete(record=obj, by=cast(User, request.user))

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        for record in queryset:
            self.delete_model(request, record)


@admin.register(Organisation)
class OrganisationAdmin(RecordAdmin):
    list_display = ("public_line", "employee_line", "tty")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        return False


@admin.register(SocialProfile)
class SocialProfileAdmin(RecordAdmin):
    list_display = ("network", "name", "url", "position")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}


@admin.register(DeskHours)
class DeskHoursAdmin(RecordAdmin):
    list_display = ("region", "weekday", "opens", "closes")
    list_filter = ("region",)
    list_select_related = ("region",)


@admin.register(Banner)
class BannerAdmin(RecordAdmin):
    list_display = ("text", "kind", "audience", "region", "starts_at", "ends_at")
    list_filter = ("audience", "kind")
    list_select_related = ("region",)


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    fields = ("at", "by", "record", "field", "before", "after")
    list_display = ("at", "by", "record", "field")
    list_select_related = ("by",)
    search_fields = ("record", "field", "by__email")
