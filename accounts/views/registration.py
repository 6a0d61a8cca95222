"""Registration: choose the area, say who you are, confirm the address that we wrote to."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.email_verification import send_verification_email_at_login
from allauth.account.internal.flows.login import perform_login
from allauth.account.internal.stagekit import unstash_login
from allauth.account.models import Login
from allauth.core.internal import ratelimit
from allauth.decorators import rate_limit
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import languages, queries
from accounts.forms import AnotherAddressForm, RegistrationForm
from accounts.matching import comparable_member_number
from accounts.models import Member, Region, User
from accounts.services import registration

STEPS = [gettext_lazy("Area"), gettext_lazy("Your details"), gettext_lazy("Confirm by mail")]

# Whose record the browser's session is about to register; its key alone, and only until confirmed.
MEMBER_KEY = "registration_member"


def for_newcomers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Pages for those who have no log-in; whoever is logged in goes home."""

    @never_cache
    @wraps(view)
    def newcomer_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return redirect(settings.LOGIN_REDIRECT_URL)
        return view(request, *args, **kwargs)

    return newcomer_view


@require_safe
@for_newcomers
def choose_area(request: HttpRequest) -> HttpResponse:
    """Step 1: which of the plan's areas."""
    return _areas(request)


def _areas(request: HttpRequest, *, unknown: bool = False) -> HttpResponse:
    context = {"regions": queries.regions(), "unknown": unknown, "steps": STEPS}
    return render(request, "account/areas.html", context, status=404 if unknown else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@for_newcomers
@rate_limit(action="signup")
def details(request: HttpRequest, code: str) -> HttpResponse:
    """Step 2: who you are. What matches no free record gets one answer, whatever the reason."""
    try:
        region = queries.region_by_code(code)
    except Region.DoesNotExist:
        return _areas(request, unknown=True)
    form = RegistrationForm(request.POST or None)
    refused = False
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        tries = _note_try(request, region, data["member_number"])
        if tries is None:
            return ratelimit.respond_429(request)
        try:
            member = registration.find_member(
                region=region, **{name: data[name] for name in form.identifying}
            )
        except registration.NoSuchMember:
            refused = True
            form.add_error(None, _("We could not find you with these details."))
        else:
            tries.rollback()
            return _claim(request, member=member, email=data["email"], password=data["password"])
    context = {"form": form, "region": region, "refused": refused, "steps": STEPS}
    return render(request, "account/register.html", context, status=422 if form.errors else 200)


def _note_try(
    request: HttpRequest, region: Region, member_number: str
) -> "ratelimit.RateLimitUsage | None":
    """Count a try at a member number, whether the number exists or not; None where it is too many."""
    key = f"{region.code}/{comparable_member_number(member_number)}"
    return ratelimit.consume(request, app="allauth.account", action="register_details", key=key)


def _claim(
    request: HttpRequest,
    *,
    member: Member,
    email: str,
    password: str,
    instead_of: User | None = None,
) -> HttpResponse:
    """Register, send the mail, and show the same page whether the address was free or not.

    One transaction: nobody else's claim of this address replaces ours before its mail is written.
    """
    with transaction.atomic():
        user = registration.register(
            member=member,
            email=email,
            password=password,
            language=languages.current(),
            instead_of=instead_of,
        )
        request.session[MEMBER_KEY] = member.pk
        return perform_login(request, Login(user=user, email=email.lower(), signup=True))


@require_safe
@for_newcomers
def check_your_mail(request: HttpRequest) -> HttpResponse:
    """Step 3 is in the mail. Also where a log-in ends while the address is not confirmed."""
    login = unstash_login(request, peek=True)
    context = {
        "email": login.email if login else "",
        "days": settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS,
        "can_change": MEMBER_KEY in request.session,
        "steps": STEPS,
    }
    return render(request, "account/check_your_mail.html", context)


@require_POST
@for_newcomers
@rate_limit(action="signup")
def send_again(request: HttpRequest) -> HttpResponse:
    """Another mail with a link. The same answer whether there is a claim or not."""
    login = unstash_login(request, peek=True)
    if login is None:
        messages.info(request, _("Log in, and we will send you a new link."))
        return redirect("account_login")
    if send_verification_email_at_login(request, login):
        messages.success(request, _("We have sent you another mail."))
    else:
        messages.warning(
            request,
            _("We have sent you several mails already. Wait a few minutes before you ask again."),
        )
    return redirect("account_email_verification_sent")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@for_newcomers
@rate_limit(action="signup")
def another_address(request: HttpRequest) -> HttpResponse:
    """The address was mistyped: claim the same record again with another one."""
    member = Member.objects.filter(pk=request.session.get(MEMBER_KEY, 0)).first()
    if member is None:
        return redirect("register")
    form = AnotherAddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login = unstash_login(request, peek=True)
        return _claim(
            request,
            member=member,
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password"],
            instead_of=login.user if login else None,
        )
    return render(
        request,
        "account/another_address.html",
        {"form": form, "steps": STEPS},
        status=422 if form.errors else 200,
    )
