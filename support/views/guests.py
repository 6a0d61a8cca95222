"""How a guest comes back to a conversation: by a mailed link, which works once; and leaves a device."""

from allauth.core.internal import ratelimit
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from common.clock import now
from support import access, emails
from support.forms import AgainForm
from support.models import ChatState, Conversation
from support.services import links
from support.services.chat import OPEN_AT_ONCE
from support.views.pages import chat_page


@chat_page
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """A page with a button; only the button uses the link up."""
    if request.method != "POST":
        return render(request, "support/chat_link.html")
    try:
        conversation = links.use(token=token, at=now())
    except links.LinkDead:
        return render(request, "support/chat_link.html", {"dead": True}, status=410)
    access.let_in(request.session, conversation, at=now())
    return redirect("chat:show", conversation.pk)


@chat_page
@require_POST
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """For a device that others use too."""
    access.forget(request.session, pk, at=now())
    messages.success(request, _("This device has forgotten the conversation."))
    return redirect("chat:again")


@chat_page
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """Mail new links. The answer is the same whether the address has a conversation or not, and whether
    it has been written to often enough."""
    form = AgainForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.errors else 200
        return render(request, "support/chat_again.html", {"form": form}, status=status)
    if ratelimit.consume(request, app="allauth.account", action="chat_again") is None:
        return ratelimit.respond_429(request)
    email = form.cleaned_data["email"].lower()
    if ratelimit.consume(request, app="allauth.account", action="chat_again_address", key=email):
        _mail_links(email)
    return render(request, "support/chat_again.html", {"sent": True})


@transaction.atomic
def _mail_links(email: str) -> None:
    """To each conversation that is open, or else to the last one: writing opens it again."""
    theirs = Conversation.objects.filter(user=None, guest_email__iexact=email)
    newest = theirs.order_by("-last_message_id")
    found = newest.exclude(state=ChatState.CLOSED)[:OPEN_AT_ONCE] or newest[:1]
    for conversation in found:
        emails.conversation_opened(conversation=conversation, at=now())
