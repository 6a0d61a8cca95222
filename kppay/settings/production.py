"""Production: everything comes from the environment; a missing secret stops the start."""

# ruff: noqa: F403, F405
from kppay.settings.base import *

DEMO = False
DEBUG = False
SECRET_KEY = env("SECRET_KEY")
SITE_URL = env("SITE_URL")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")

_role = "DATABASE_OWNER_URL" if env("KPPAY_DB_ROLE", default="") == "owner" else "DATABASE_URL"
DATABASES = {
    "default": database(env(_role), pool=_role == "DATABASE_URL"),
}
REDIS_URL = env("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": CACHE_OPTIONS,
    }
}
CELERY_BROKER_URL = broker_url(REDIS_URL)

STRIPE_LIVE_MODE = env.bool("STRIPE_LIVE_MODE", default=True)

# smtp+tls://user:password@host:587
_delivery = env.email_url("EMAIL_URL")
POST_OFFICE["BACKENDS"]["default"] = _delivery.pop("EMAIL_BACKEND")  # delivers what the outbox holds
vars().update(_delivery)

SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 2 * 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_NAME = "__Host-csrf"
LANGUAGE_COOKIE_NAME = "__Host-language"
LANGUAGE_COOKIE_SECURE = True
