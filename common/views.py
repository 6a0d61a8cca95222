"""Endpoints for machines: health, readiness, reports of a blocked script."""

import json

import structlog
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)
MAX_REPORT_BYTES = 8_192


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """503 while PostgreSQL is away; Redis away is reported but does not stop a member who pays."""
    state = {"database": True, "redis": True}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        state["database"] = False
    try:
        cache.get("ready")
    except RedisError:
        state["redis"] = False
    return JsonResponse(state, status=200 if state["database"] else 503)


@csrf_exempt
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Browsers tell which script or style the policy stopped; we log the rule and the host only."""
    try:
        report = json.loads(request.body[:MAX_REPORT_BYTES]).get("csp-report", {})
    except (ValueError, AttributeError):
        return HttpResponse(status=400)
    if isinstance(report, dict):
        log.warning(
            "csp.blocked",
            directive=str(report.get("effective-directive", ""))[:60],
            blocked=str(report.get("blocked-uri", "")).split("?")[0][:120],
        )
    return HttpResponse(status=204)
