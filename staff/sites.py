"""The staff pages: Django's admin, and the desk's own pages in it (staff.urls)."""

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse

from accounts.sites import StaffSite


class Desk(StaffSite):
    """The records of every app, and above them what staff work with all day."""

    index_template = "admin/desk/index.html"

    def get_urls(self) -> list[Any]:
        from staff.urls import desk_urls  # its views need the app registry; this module is earlier

        return [*desk_urls(self.admin_view), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        from staff.dashboard import dashboard_for

        return super().index(request, {"desk": dashboard_for(request), **(extra_context or {})})
