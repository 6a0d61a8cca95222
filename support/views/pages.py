"""What every page under /chat/ has in common: nobody keeps it, and some ask for the link."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from support import access

View = Callable[..., HttpResponse]


def chat_page(view: View) -> View:
    """Outermost: no cache and no back button keeps the answer, a guest's neither."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except access.LinkNeeded:
            response = render(request, "support/chat_link_needed.html", status=403)
            if "X-Poll" in request.headers:
                response.headers["HX-Refresh"] = "true"
        response.headers["Cache-Control"] = "no-store, private"
        return response

    return page
