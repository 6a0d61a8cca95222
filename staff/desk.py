"""What every page of the desk shares: who may see it, and the frame around it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from staff.models import May

View = Callable[..., HttpResponseBase]


def may(act: May) -> Callable[[View], View]:
    """Only for staff with this permission; 403 for others."""

    def decorate(view: View) -> View:
        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perm(act.permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return asked

    return decorate


def show(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    """A page in the admin's frame."""
    frame = admin.site.each_context(request) | {
        "title": title,
        # The list of every model stays on the first page; here it would cost a query for nothing.
        "is_nav_sidebar_enabled": False,
        "available_apps": [],
    }
    return render(request, f"admin/desk/{template}", frame | context, status=status)
