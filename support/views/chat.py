"""The chat as a member or a guest sees it."""

from typing import Any, cast

from allauth.core.internal import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Member, Region, User
from billing.access import account_of
from billing.models import BillingAccount
from common.clock import now
from payments.models import Payment
from support import access, hours, queries
from support.forms import (
    AttachForm,
    GuestStartForm,
    MessageForm,
    StartForm,
    card_number,
    too_large,
    too_long,
)
from support.models import MAX_TEXT, ChatFile, ChatState, Conversation
from support.oversized import MAX_UPLOAD_BYTES, Oversized, refuse_oversized
from support.services import chat
from support.views.pages import chat_page

TOO_OFTEN = gettext_lazy("You wrote very often within a minute. Wait a moment and send it again.")
TOO_MANY_FILES = gettext_lazy(
    "We take no more files for now, and this one was not sent. Write to us what it shows, or send it "
    "tomorrow."
)


@chat_page
@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """A member's conversations."""
    found = queries.conversations_of(cast(User, request.user))
    return render(request, "support/chat_index.html", {"conversations": found})


# --- Starting -------------------------------------------------------------------------------------


@chat_page
@require_http_methods(["GET", "HEAD", "POST"])
@refuse_oversized()
def start(request: HttpRequest, *, oversized: Oversized | None) -> HttpResponse:
    """A new conversation; one about a payment names it, and goes on where it was opened before."""
    account = account_of(request.user)
    payment = _payment(account, request.POST.get("payment") or request.GET.get("payment", ""))
    if request.method != "POST" and payment and (open_one := _open_about(request, payment)):
        return redirect("chat:show", open_one.pk)
    form_class = StartForm if request.user.is_authenticated else GuestStartForm
    if oversized is not None:
        return _refuse(request, form_class(initial={"text": oversized}), payment, oversized)
    form = form_class(request.POST or None, initial=_initial(payment))
    region = _region(request, account)
    if request.user.is_authenticated and region is None:
        return render(request, "support/chat_no_area.html", status=200)
    if request.method == "POST" and form.is_valid():
        opened = _open(request, form, account=account, region=region, payment=payment)
        if opened is not None:
            return redirect("chat:show", opened.pk)
    return _start_page(request, form, payment, status=422 if form.errors else 200, region=region)


def _open(
    request: HttpRequest,
    form: StartForm,
    *,
    account: BillingAccount | None,
    region: Region | None,
    payment: Payment | None,
) -> Conversation | None:
    """The new conversation; None, with an error in the form, where it was refused."""
    at, data = now(), form.cleaned_data
    said = {"subject": data["subject"], "text": data["text"], "language": get_language() or "en"}
    try:
        if region is not None:
            return chat.open_by_user(
                user=cast(User, request.user),
                account=account,
                region=region,
                payment=payment,
                at=at,
                **said,
            )
        if ratelimit.consume(request, app="allauth.account", action="chat_start") is None:
            raise chat.TooManyMessages
        conversation = chat.open_by_guest(
            name=data["name"], email=data["email"], region=data["region"], at=at, **said
        )
    except chat.TooManyMessages:
        form.add_error(
            None, _("You have several conversations open. Go on in one of them, or call us.")
        )
        return None
    except chat.CardNumberWritten:  # divided between fields, of which each alone is harmless
        form.add_error(None, card_number())
        return None
    access.let_in(request.session, conversation, at=at)
    return conversation


def _start_page(
    request: HttpRequest,
    form: StartForm,
    payment: Payment | None,
    *,
    status: int,
    region: Region | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "payment": payment, "region": region}
    if region is not None:
        context |= _expectation(region)
        with timezone.override(region.time_zone):
            return render(request, "support/chat_start.html", context, status=status)
    return render(request, "support/chat_start.html", context, status=status)


def _refuse(
    request: HttpRequest, form: StartForm, payment: Payment | None, oversized: Oversized
) -> HttpResponse:
    """What was too large for any form of ours: the text stays as far as the limit."""
    context = {"form": form, "payment": payment, "too_long": _too_long_words(oversized)}
    return render(request, "support/chat_start.html", context, status=413)


def _too_long_words(oversized: Oversized) -> str:
    words = too_long(oversized.length).messages[0]
    kept = _("The first %(most)s characters are still in the box.") % {"most": f"{MAX_TEXT:,}"}
    return f"{words} {kept}"


def _initial(payment: Payment | None) -> dict[str, str]:
    if payment is None:
        return {}
    subject = _("Payment %(reference)s: %(state)s") % {
        "reference": payment.reference,
        "state": payment.get_state_display(),
    }
    return {"subject": subject, "payment": payment.reference}


def _payment(account: BillingAccount | None, reference: str) -> Payment | None:
    """A payment of this account; what is anybody else's is not named."""
    if account is None or not reference:
        return None
    return Payment.objects.filter(account=account, reference=reference).first()


def _open_about(request: HttpRequest, payment: Payment) -> Conversation | None:
    return (
        Conversation.objects.filter(user=cast(User, request.user), payment=payment)
        .exclude(state=ChatState.CLOSED)
        .first()
    )


def _region(request: HttpRequest, account: BillingAccount | None) -> Region | None:
    """Of somebody with a log-in; a guest says it in the form."""
    if account is not None:
        return account.region
    if not request.user.is_authenticated:
        return None
    member = Member.objects.select_related("region").filter(user=request.user.pk).first()
    return member.region if member else None


# --- Going on -------------------------------------------------------------------------------------


@chat_page
@require_http_methods(["GET", "HEAD", "POST"])
@refuse_oversized()
def show(request: HttpRequest, pk: int, *, oversized: Oversized | None) -> HttpResponse:
    """One conversation, and writing in it."""
    conversation = access.conversation_of(request, pk)
    if oversized is not None:
        form = MessageForm(initial={"text": oversized})
        return _page(request, conversation, form, status=413, too_long=_too_long_words(oversized))
    form = MessageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            chat.write_as_person(conversation=conversation, text=form.cleaned_data["text"], at=now())
        except chat.TooManyMessages:
            form.add_error("text", TOO_OFTEN)
        else:
            return redirect(reverse("chat:show", args=[pk]) + "#write")
    return _page(request, conversation, form, status=422 if form.errors else 200)


def _page(
    request: HttpRequest,
    conversation: Conversation,
    form: MessageForm,
    *,
    status: int,
    too_long: str = "",
) -> HttpResponse:
    context = {
        **_state(conversation),
        "said": queries.said(conversation),
        "form": form,
        "too_long": too_long,
    }
    chat.read_by_person(conversation=conversation)
    with timezone.override(conversation.region.time_zone):
        return render(request, "support/chat_show.html", context, status=status)


@chat_page
@require_safe
def new_messages(request: HttpRequest, pk: int) -> HttpResponse:
    """For an open page, every few seconds: 204 while nothing is new, else what came after `after`.

    The page's version travels in the address and not in an ETag, because nothing behind a log-in may
    be kept by a browser (docs/decisions/0021-chat-by-polling.md).
    """
    if access.version_of(request, pk) == request.GET.get("seen"):
        return HttpResponse(status=204)
    conversation = access.conversation_of(request, pk)
    after = request.GET.get("after", "")
    said = queries.said(conversation, after=int(after) if after.isdecimal() else 0)
    chat.read_by_person(conversation=conversation)
    context = {**_state(conversation), "said": said, "polled": True}
    with timezone.override(conversation.region.time_zone):
        return render(request, "support/chat_news.html", context)


def _state(conversation: Conversation) -> dict[str, Any]:
    """How it stands; while somebody waits, what to expect."""
    context: dict[str, Any] = {
        "conversation": conversation,
        "poll_url": reverse("chat:new_messages", args=[conversation.pk]),
    }
    if conversation.state == ChatState.WAITING:
        context |= _expectation(conversation.region, conversation)
    return context


def _expectation(region: Region, conversation: Conversation | None = None) -> dict[str, Any]:
    at = now()
    return {
        "desk": hours.desk_of(region, at=at),
        "wait": hours.expected_wait(
            region=region, before=conversation.waiting_since if conversation else None, at=at
        ),
    }


@chat_page
@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """The person needs nothing more; writing opens it again."""
    conversation = access.conversation_of(request, pk)
    chat.close_as_person(conversation=conversation, at=now())
    return redirect("chat:show", pk)


@chat_page
@require_http_methods(["GET", "HEAD", "POST"])
@refuse_oversized(MAX_UPLOAD_BYTES)
def attach(request: HttpRequest, pk: int, *, oversized: Oversized | None) -> HttpResponse:
    """Send a picture or a PDF."""
    conversation = access.conversation_of(request, pk)
    context: dict[str, Any] = {"conversation": conversation}
    if oversized is not None:
        context |= {"form": AttachForm(), "too_long": too_large().messages[0]}
        return render(request, "support/chat_attach.html", context, status=413)
    form = AttachForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            _count_upload(request)
            chat.write_as_person(
                conversation=conversation, text="", file=form.cleaned_data["file"], at=now()
            )
        except chat.TooManyMessages:
            form.add_error("file", TOO_OFTEN)
        except chat.TooManyFiles:
            form.add_error("file", TOO_MANY_FILES)
        else:
            messages.success(request, _("Your file was sent."))
            return redirect("chat:show", pk)
    status = 422 if form.errors else 200
    return render(request, "support/chat_attach.html", {**context, "form": form}, status=status)


def _count_upload(request: HttpRequest) -> None:
    """Whoever opens many conversations sends no more for it. Raises TooManyFiles."""
    action = "chat_file" if request.user.is_authenticated else "chat_file_guest"
    if ratelimit.consume(request, app="allauth.account", action=action) is None:
        raise chat.TooManyFiles


@chat_page
@require_safe
def file(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    """A file of this conversation, to be saved and not to be opened in the page."""
    return file_response(access.conversation_of(request, pk), key)


def file_response(conversation: Conversation, key: int) -> HttpResponse:
    try:
        found = queries.chat_file(conversation, key)
    except ChatFile.DoesNotExist as missing:
        raise Http404 from missing
    return HttpResponse(
        bytes(found.content),
        content_type=found.kind,
        headers={
            "Content-Disposition": str(content_disposition_header(True, found.name)),
            "Cache-Control": "no-store, private",
        },
    )


@chat_page
@require_safe
def transcript(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that was said, as a text to keep."""
    conversation = access.conversation_of(request, pk)
    with timezone.override(conversation.region.time_zone):
        response = render(
            request,
            "support/chat_transcript.txt",
            {"conversation": conversation, "said": queries.said(conversation, limit=None)},
            content_type="text/plain; charset=utf-8",
        )
    name = f"chat-{conversation.pk}.txt"
    response["Content-Disposition"] = str(content_disposition_header(True, name))
    return response
