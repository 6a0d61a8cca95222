"""The chat as staff see it, below the admin and guarded by it: the queue, and one conversation.

Every role may look; who has `support.answer_conversation` takes, answers and closes. What staff look
into or do is told to support.hooks.
"""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from common.clock import now
from support import hooks, queries
from support.forms import AttachForm, MessageForm
from support.models import Conversation
from support.services import chat
from support.views.chat import file_response

SEE, ANSWER = "support.view_conversation", "support.answer_conversation"

View = Callable[..., HttpResponse]


def desk_view(permission: str = SEE) -> Callable[[View], View]:
    """A decorator: the admin's own guard, then the permission."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not cast(User, request.user).has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            # Asked for at each request: the site may be another one after all apps are loaded.
            return admin.site.admin_view(guarded)(request, *args, **kwargs)

        return inner

    return decorate


def _conversation(pk: int) -> Conversation:
    found = Conversation.objects.select_related(
        "user", "region", "assigned_to", "payment", "account__guarantor"
    )
    try:
        return found.get(pk=pk)
    except Conversation.DoesNotExist as missing:
        raise Http404 from missing


@desk_view()
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The queue, and what was closed last; the queue refreshes itself."""
    hooks.tell(by=cast(User, request.user), act="listed", conversation=None)
    context = {**_site(request, _("Chat")), "closed": list(queries.closed(limit=20))}
    return render(request, "support/desk_index.html", {**context, **_queue(request)})


@desk_view()
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """For the open queue: 204 while it is what the page shows."""
    context = _queue(request)
    if context["version"] == request.GET.get("seen"):
        return HttpResponse(status=204)
    hooks.tell(by=cast(User, request.user), act="listed", conversation=None)
    return render(request, "support/desk_queue.html", context)


def _queue(request: HttpRequest) -> dict[str, Any]:
    """The first conversations of the queue, and how many there are."""
    rows = list(queries.queue(cast(User, request.user))[: queries.QUEUED])
    count = len(rows) if len(rows) < queries.QUEUED else queries.open_count()
    return {"queue": rows, "count": count, "version": _version(rows, count)}


def _version(rows: list[Conversation], count: int) -> str:
    parts = [f"{row.pk}:{row.version}:{row.staff_read_id}" for row in rows]
    return hashlib.sha256("|".join([str(count), *parts]).encode()).hexdigest()[:16]


@desk_view()
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One conversation; answering takes it."""
    conversation, by = _conversation(pk), cast(User, request.user)
    form = MessageForm(request.POST or None)
    if request.method == "POST":
        _insist_on(by)
        if form.is_valid():
            chat.write_as_staff(
                conversation=conversation, by=by, text=form.cleaned_data["text"], at=now()
            )
            return redirect(reverse("desk:show", args=[pk]) + "#write")
    # Whatever was asked for, or refused: what follows shows the conversation.
    hooks.tell(by=by, act="read", conversation=conversation)
    _mark_read(conversation, by)
    context = {
        **_site(request, conversation.subject),
        **_state(conversation, by),
        "said": queries.said(conversation, for_staff=True),
        "form": form,
        "attach_form": AttachForm(),
        "others": _others(conversation),
    }
    with timezone.override(conversation.region.time_zone):
        return render(request, "support/desk_show.html", context, status=422 if form.errors else 200)


def _others(conversation: Conversation) -> list[Conversation]:
    """The same person's other conversations."""
    if conversation.account is None:
        return []
    return list(queries.of_account(conversation.account).exclude(pk=conversation.pk)[:10])


@desk_view()
@require_safe
def new_messages(request: HttpRequest, pk: int) -> HttpResponse:
    """For an open page: 204 while nothing is new, else what came after `after`."""
    conversation, by = _conversation(pk), cast(User, request.user)
    if _seen(conversation) == request.GET.get("seen"):
        return HttpResponse(status=204)
    after = request.GET.get("after", "")
    said = queries.said(conversation, after=int(after) if after.isdecimal() else 0, for_staff=True)
    if said:
        hooks.tell(by=by, act="read", conversation=conversation)
    _mark_read(conversation, by)
    context = {**_state(conversation, by), "said": said, "polled": True}
    with timezone.override(conversation.region.time_zone):
        return render(request, "support/desk_news.html", context)


def _seen(conversation: Conversation) -> str:
    """As members' pages, and how far the person has read."""
    return f"{conversation.version}.{conversation.person_read_id}"


def _state(conversation: Conversation, by: User) -> dict[str, Any]:
    return {
        "conversation": conversation,
        "seen": _seen(conversation),
        "poll_url": reverse("desk:new_messages", args=[conversation.pk]),
        "may_answer": by.has_perm(ANSWER),
        "is_theirs": conversation.assigned_to_id == by.pk,
        "is_read": conversation.person_read_id >= conversation.last_message_id,
    }


def _mark_read(conversation: Conversation, by: User) -> None:
    """Only who could answer has read it for support; an auditor's look leaves no mark."""
    if by.has_perm(ANSWER):
        chat.read_by_staff(conversation=conversation)


@desk_view(ANSWER)
@require_POST
def take(request: HttpRequest, pk: int) -> HttpResponse:
    chat.take(conversation=_conversation(pk), by=cast(User, request.user), at=now())
    return redirect("desk:show", pk)


@desk_view(ANSWER)
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    chat.release(conversation=_conversation(pk), by=cast(User, request.user), at=now())
    return redirect("desk:index")


@desk_view(ANSWER)
@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    chat.close_as_staff(conversation=_conversation(pk), by=cast(User, request.user), at=now())
    return redirect("desk:index")


@desk_view(ANSWER)
@require_POST
def attach(request: HttpRequest, pk: int) -> HttpResponse:
    """A picture or a PDF from us."""
    form = AttachForm(request.POST, request.FILES)
    if form.is_valid():
        chat.write_as_staff(
            conversation=_conversation(pk),
            by=cast(User, request.user),
            text="",
            file=form.cleaned_data["file"],
            at=now(),
        )
    else:
        messages.error(request, str(form.errors["file"][0]))
    return redirect("desk:show", pk)


@desk_view()
@require_safe
def file(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    conversation = _conversation(pk)
    response = file_response(conversation, key)
    hooks.tell(by=cast(User, request.user), act="file", conversation=conversation)
    return response


def _insist_on(by: User) -> None:
    if not by.has_perm(ANSWER):
        raise PermissionDenied


def _site(request: HttpRequest, title: str) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": title}
