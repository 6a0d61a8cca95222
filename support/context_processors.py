from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from common.clock import now
from support import banners, organisation


def frame(request: HttpRequest) -> dict[str, Any]:
    """How we are reached and what is to be said now; read when a template asks for it."""

    def notices() -> list[organisation.Notice]:
        session = getattr(request, "session", None)
        return list(banners.shown(user=request.user, session=session, at=now()))

    return {
        "organisation": SimpleLazyObject(lambda: organisation.frame(at=now()).reached),
        "banners": SimpleLazyObject(notices),
    }
