"""Where Stripe tells us that something happened."""

import structlog
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from payments import gateway
from payments.services import webhooks
from payments.wake import wake

log = structlog.get_logger(__name__)
MAX_BYTES = 256 * 1024


@csrf_exempt  # signed by Stripe instead
@require_POST
def stripe_webhook(request: HttpRequest, account: str) -> HttpResponse:
    """Verify, keep, answer 200, process after. 404 where no secret is set: no endpoint."""
    length = request.headers.get("Content-Length") or "0"
    if not (length.isascii() and length.isdecimal()):
        return HttpResponse(status=400)
    if len(length) > 9 or int(length) > MAX_BYTES:
        return HttpResponse(status=413)
    try:
        event = gateway.read_event(
            account=account,
            body=request.body,
            signature=request.headers.get("Stripe-Signature", ""),
        )
    except gateway.NotConfigured:
        raise Http404 from None
    except gateway.BadSignature:
        log.error("webhook.bad_signature", account=account)
        return HttpResponse(status=400)
    kept = webhooks.receive(account=account, event=event)
    if kept is not None:
        wake("process_webhook", kept.pk)
    return HttpResponse(status=200)
