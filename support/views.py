from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.queries import regions
from support import organisation


@require_safe
def contact(request: HttpRequest) -> HttpResponse:
    """How to reach us, for everybody: by telephone, by region, by letter, on social networks."""
    return render(
        request,
        "support/contact.html",
        {
            "lines": organisation.LINES,
            "tty": organisation.TTY,
            "address": organisation.ADDRESS,
            "profiles": organisation.PROFILES,
            "regions": regions(),
        },
    )
