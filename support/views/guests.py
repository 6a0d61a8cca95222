"""How a guest comes back to a conversation: by a mailed link, which works once."""

from allauth.core.internal import ratelimit
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from common.clock import now
from support import access, emails
from support.forms import AgainForm
from support.models import Conversation
from support.services import links


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
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


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def again(request: HttpRequest) -> HttpResponse:
    """Mail a new link. The answer is the same whether the address has a conversation or not."""
    form = AgainForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.errors else 200
        return render(request, "support/chat_again.html", {"form": form}, status=status)
    if ratelimit.consume(request, app="allauth.account", action="chat_again") is None:
        return ratelimit.respond_429(request)
    _mail_link(form.cleaned_data["email"])
    return render(request, "support/chat_again.html", {"sent": True})


@transaction.atomic
def _mail_link(email: str) -> None:
    newest = (
        Conversation.objects.filter(user=None, guest_email__iexact=email)
        .order_by("-last_message_id")
        .first()
    )
    if newest is not None:
        emails.conversation_opened(conversation=newest, at=now())
