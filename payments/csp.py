"""Pages that ask for a payment method admit Stripe's script and frames; no other page does."""

from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings


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


allow_stripe = csp_update(_stripe_origins())
