"""Requests larger than any form of ours: refused with the text in them kept as far as the limit.

Django refuses such a body before a view sees it, with a page that has lost everything. Here it is read
as far as a message can reach, the rest is thrown away, and the view shows its form again. Nothing is
done with the request, so nothing asks for its CSRF token; every other request is checked as always.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qs

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from support.models import MAX_ATTACHMENT_BYTES, MAX_TEXT

# A message of four bytes a character, each as "%F0", and the other fields.
MAX_FORM_BYTES = 64 * 1024
# A file, with what a browser puts around it.
MAX_UPLOAD_BYTES = MAX_ATTACHMENT_BYTES + 64 * 1024
_CHUNK = 64 * 1024
# Who sends more than this is no browser: the connection may break.
_DRAINED_BYTES = 32 * 1024 * 1024

View = Callable[..., HttpResponse]


class Oversized(str):
    """What was kept of the text of a request that is too large."""

    length = 0  # bytes of the whole request


def refuse_oversized(most: int = MAX_FORM_BYTES) -> Callable[[View], View]:
    """A decorator: the view gets `oversized`, an Oversized or None."""

    def decorate(view: View) -> View:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
            if request.method != "POST" or length <= most:
                return protected(request, *args, oversized=None, **kwargs)
            kept = Oversized(_text_of(request.read(MAX_FORM_BYTES)))
            kept.length = length
            _throw_away(request)
            return view(request, *args, oversized=kept, **kwargs)

        return inner

    return decorate


def _text_of(head: bytes) -> str:
    fields = parse_qs(head.decode("ascii", "ignore"))
    return fields.get("text", [""])[0][:MAX_TEXT]


def _throw_away(request: HttpRequest) -> None:
    """Read on, so that the browser gets to the answer."""
    left = _DRAINED_BYTES
    while left > 0 and (chunk := request.read(_CHUNK)):
        left -= len(chunk)
