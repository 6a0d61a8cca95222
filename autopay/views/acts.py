"""Pause, resume, cancel, and the use of the account balance: asked first with what follows, then done.

Stopping needs no password: it must be easy, and takes nothing from anybody.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from autopay import presenting
from autopay.letters import scope_words
from autopay.models import DraftState, Enrollment
from autopay.services import enrollment as services
from autopay.views.finding import open_enrollment
from billing.access import account_required
from common.clock import business_date
from payments.authorizations import consent_from


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that can be done, in the words of its page."""

    do: Callable[..., Any]
    title: Promise
    effects: Sequence[Promise]
    button: Promise
    done: Promise
    keep: Promise  # the way back
    affects: Promise | None = None  # heading of the draws that it concerns
    kind: str = "primary"
    more: Sequence[tuple[str, Any]] = ()  # for the service


ACTS = {
    "pause": Act(
        do=services.pause,
        title=_("Pause autopay?"),
        effects=(
            _("Nothing is drawn while it is paused, not even what was announced to you."),
            _("Your bills stay due. Please pay them yourself meanwhile."),
            _(
                "You can resume at any time. A draw whose day has passed by then is announced to you "
                "again, and made ten days after that or later."
            ),
        ),
        button=_("Pause autopay"),
        done=_("Autopay is paused: nothing is drawn. We mailed you a confirmation."),
        keep=_("Leave it on"),
        affects=_("These draws wait"),
    ),
    "resume": Act(
        do=services.resume,
        title=_("Resume autopay?"),
        effects=(
            _("Your bills are drawn again on their days."),
            _(
                "A draw whose day has passed is announced to you again by mail, and made ten days "
                "after that or later."
            ),
        ),
        button=_("Resume autopay"),
        done=_("Autopay is on again. We mailed you a confirmation."),
        keep=_("Leave it paused"),
    ),
    "cancel": Act(
        do=services.cancel,
        title=_("Cancel autopay?"),
        effects=(
            _("It ends at once and for good. Nothing that was not yet sent to your bank is drawn."),
            _("Your bills stay due. From then on you pay them yourself."),
            _("You get a dated confirmation to keep, here and by mail. You can enroll again later."),
        ),
        button=_("Cancel autopay"),
        done=_("Autopay is canceled. We mailed you this confirmation."),
        keep=_("Keep autopay"),
        affects=_("These draws will not be made"),
        kind="danger",
    ),
    "use-balance": Act(
        do=services.change_balance_use,
        title=_("Use your account balance first?"),
        effects=(
            _(
                "Each draw takes what is in your account balance first, and only the rest from your "
                "payment method."
            ),
        ),
        button=_("Use it first"),
        done=_("Your account balance is used first from now on. We mailed you a confirmation."),
        keep=_("Leave it as it is"),
        more=(("use_balance", True),),
    ),
    "keep-balance": Act(
        do=services.change_balance_use,
        title=_("Leave your account balance alone?"),
        effects=(
            _(
                "Autopay takes nothing from your account balance any more. Each draw comes from your "
                "payment method alone."
            ),
        ),
        button=_("Do not use it"),
        done=_("Autopay leaves your account balance alone from now on. We mailed you a confirmation."),
        keep=_("Leave it as it is"),
        more=(("use_balance", False),),
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
@open_enrollment
def act(request: HttpRequest, enrollment: Enrollment, act: str) -> HttpResponse:
    """Ask, with everything that follows from it; then do it."""
    chosen = ACTS.get(act)
    if chosen is None:
        raise Http404(act)
    if request.method == "POST":
        chosen.do(
            enrollment=enrollment,
            by=cast(User, request.user),
            consent=consent_from(request),
            **dict(chosen.more),
        )
        messages.success(request, str(chosen.done))
        if act == "cancel":
            return redirect("autopay:canceled", enrollment.reference)
        return redirect("autopay:index")
    today = business_date(enrollment.account.region.time_zone)
    context = {
        "act": chosen,
        "name": scope_words(enrollment),
        "card": presenting.card_of(enrollment, on=today),
        "on_their_way": enrollment.drafts.filter(state=DraftState.SUBMITTED).select_related("payment"),
    }
    return render(request, "autopay/act.html", context)
