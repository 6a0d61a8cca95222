"""Pages that ask for a payment method admit Stripe's script and frames; no other page does."""

from collections.abc import Callable
from urllib.parse import urlsplit

from csp.decorators import csp_replace, csp_update
from django.conf import settings
from django.http import HttpResponse

View = Callable[..., HttpResponse]


def _stripe_origins() -> dict[str, list[str]]:
    # https://docs.stripe.com/security/guide#content-security-policy
    if settings.STRIPE_API_BASE or not settings.STRIPE_JS_URL.startswith("https://js.stripe.com/"):
        parts = urlsplit(settings.STRIPE_JS_URL)
        origin = f"{parts.scheme}://{parts.netloc}"
        return {"script-src": [origin], "frame-src": [origin], "connect-src": [origin]}
    scripts = ["https://js.stripe.com", "https://*.js.stripe.com"]
    return {
        "script-src": scripts,
        "frame-src": [*scripts, "https://hooks.stripe.com"],
        "connect-src": ["https://api.stripe.com"],
    }


def allow_stripe(view: View) -> View:
    """A decorator. frame-src is replaced, since 'none' beside an origin is an error."""
    origins = _stripe_origins()
    frames = origins.pop("frame-src")
    return csp_replace({"frame-src": frames})(csp_update(origins)(view))


def let_ask_for_stripe(view: View) -> View:
    """A decorator: the page may find out whether Stripe's script can be reached, and run none of it."""
    parts = urlsplit(settings.STRIPE_JS_URL)
    return csp_update({"connect-src": [f"{parts.scheme}://{parts.netloc}"]})(view)
