"""Log lines about requests name the kind of address: paths hold keys that open somebody's page."""

import logging
import re

from django.http import HttpRequest
from django.urls import Resolver404, resolve

# Of an address somewhere else, or of the page before, the host tells enough.
_ADDRESS = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^/\s?#]*)[^\s]*", re.IGNORECASE)


def route_of(request: HttpRequest) -> str:
    """The pattern that the path matches."""
    try:
        return "/" + resolve(request.path_info).route
    except Resolver404:
        return "an unknown address"


class HidePaths(logging.Filter):
    """For Django's loggers of requests, whose lines say "Not Found: <path>" (ASVS 16.2.5)."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            record.args = tuple(_hidden(argument, request) for argument in record.args)
        return True


def _hidden(argument: object, request: HttpRequest) -> object:
    if not isinstance(argument, str):
        return argument
    # Django escapes what it logs.
    if argument in (request.path, request.path.encode("unicode_escape").decode("ascii")):
        return route_of(request)
    return _ADDRESS.sub(r"\1", argument)
