"""Headers on every response, whoever made it: a page, a PDF, a static file, a 404 or a 500."""

from collections.abc import Callable

import structlog
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.urls import reverse
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django_structlog.middlewares import RequestMiddleware

from common.request_log import route_of

GetResponse = Callable[[HttpRequest], HttpResponse]

# Only the payment itself may be asked for, and only by pages that frame Stripe's inputs.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "autoplay", "camera", "display-capture", "geolocation",
        "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb",
    )
)  # fmt: skip


class SecurityHeadersMiddleware:
    """The headers that Django and django-csp do not set."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class LanguageMiddleware(LocaleMiddleware):
    """The reader's language; staff's pages are English, whatever they chose for the portal."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if request.path_info.startswith(reverse("admin:index")):
            translation.activate("en")
            request.LANGUAGE_CODE = "en"


class NoStoreMiddleware:
    """What a signed-in person saw is not kept: no shared cache, no back button after log-out."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
            response.headers["Cache-Control"] = "no-store, private"
        return response


class RequestLogMiddleware(RequestMiddleware):
    """A line for each request that names the kind of address and not the address.

    Paths hold keys that open somebody's log-in, queries hold names that were searched for; neither
    belongs in a log (ASVS 16.2.5).
    """

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """By the proxies that we trust, as for the log-in's limits; whatever else a header claims."""
        try:
            ip = get_adapter(request).get_client_ip(request)
        except PermissionDenied:
            ip = None
        user_agent = request.headers.get("User-Agent", "")[:300]
        structlog.contextvars.bind_contextvars(ip=ip, user_agent=user_agent)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {route_of(request)}"
