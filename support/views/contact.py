"""How to reach us, and putting a banner away."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.queries import regions
from support import banners


@require_safe
def contact(request: HttpRequest) -> HttpResponse:
    """For everybody: by telephone, by region, in the chat, by letter, on social networks."""
    return render(request, "support/contact.html", {"regions": regions()})


@require_POST
def put_banner_away(request: HttpRequest, key: int) -> HttpResponse:
    """Not in this session again; back to the page."""
    banners.put_away(request.session, key)
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = reverse("home")
    return HttpResponseRedirect(target)
