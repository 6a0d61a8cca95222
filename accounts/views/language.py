"""The language switch in the header, for guests and members."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views import i18n
from django.views.decorators.http import require_POST

from accounts import languages


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Django's own view sets the cookie and finds the way back; we keep the choice with the log-in."""
    language = request.POST.get(i18n.LANGUAGE_QUERY_PARAMETER, "")
    if language in dict(settings.LANGUAGES):
        languages.choose(request, language)
    response: HttpResponse = i18n.set_language(request)
    return response
