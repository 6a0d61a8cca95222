"""Which language somebody reads, and is written to (docs/decisions/0019-spanish.md).

The cookie says what pages are shown in; the log-in's own language is what mails and documents are
written in. A choice in the header changes both. Whoever chooses before logging in has chosen for
the log-in too: the choice waits in the session, and only in that, so that an older cookie on a
shared computer changes nobody's mails.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language

from accounts.models import User
from accounts.services import users

CHOSEN_KEY = "language_chosen"


def current() -> str:
    """The language of the page that is being made, as User.language has it: two letters."""
    return (get_language() or settings.LANGUAGE_CODE)[:2]


def recipient(user: User | None) -> str:
    """The language of a mail to this user; that of the page where nobody is known."""
    return user.language if user is not None and user.language else current()


def choose(request: HttpRequest, language: str) -> None:
    """Keep a choice with who is logged in, or for whoever logs in next in this session."""
    if request.user.is_authenticated:
        users.set_language(user=request.user, language=language)
    else:
        request.session[CHOSEN_KEY] = language


def take_up(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """After log-in: what was just chosen becomes the user's; else pages follow the user's own."""
    chosen = request.session.pop(CHOSEN_KEY, None)
    if chosen:
        users.set_language(user=user, language=chosen)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        user.language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )
