"""One box that finds a household."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from staff import desk, find
from staff.actor import actor_of
from staff.forms import FindForm
from staff.models import Action, May
from staff.services import audit
from staff.services.audit import hide_numbers


@never_cache
@desk.may(May.LOOK)
def find_member(request: HttpRequest) -> HttpResponse:
    """Asked by POST: a name in an address would stay in logs and in the browser's history."""
    if request.method != "POST":
        return desk.show(request, "find.html", title="Find a member", form=FindForm())
    form = FindForm(request.POST)
    if not form.is_valid():
        return desk.show(request, "find.html", title="Find a member", form=form, status=422)
    found = find.find(form.cleaned_data["q"])
    audit.record(
        by=actor_of(request),
        action=Action.SEARCHED,
        detail={
            "asked": hide_numbers(form.cleaned_data["q"]),
            "found": [hit.account.pk for hit in found.hits],
        },
    )
    if len(found.hits) == 1:
        return redirect("admin:desk_account", found.hits[0].account.pk)
    return desk.show(request, "find.html", title="Find a member", form=form, found=found)
