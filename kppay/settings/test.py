"""Tests: real PostgreSQL and Redis, Stripe's SDK answered by the sandbox, mail kept in memory."""

# ruff: noqa: F403, F405
from demo.environment import load_test_environment

load_test_environment()

from kppay.settings.base import *  # noqa: E402

DEMO = True
DEBUG = False
SECRET_KEY = "tests-only"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
SITE_URL = "http://testserver"

INSTALLED_APPS += ["demo"]

# Tests migrate as the owner and then run as the role that owns nothing (tests/conftest.py).
DATABASES = {"default": database(env("DATABASE_OWNER_URL"), pool=False)}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env("REDIS_URL"),
        "OPTIONS": CACHE_OPTIONS,
        "KEY_PREFIX": env("PYTEST_XDIST_WORKER", default="main"),
    }
}
CELERY_BROKER_URL = broker_url(env("REDIS_URL"))
# A flow that wakes a worker finishes in the test; flows with a real worker run in tests/e2e.
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
AUTOPAY_THREADS = 1  # in the test's own transaction

# Argon2 at its real cost would be most of the suite's time; tests/accounts checks the real setting.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Files come from where they are written; nothing is collected first.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
POST_OFFICE["BACKENDS"]["default"] = "django.core.mail.backends.locmem.EmailBackend"
DEMO_MAILBOX = BASE_DIR / "var" / "test" / "mail"
MEDIA_ROOT = BASE_DIR / "var" / "test" / "media"

STRIPE_API_BASE = ""
STRIPE_NETWORK_RETRIES = 0  # a fault meets us once; tests/payments/test_gateway.py turns them on
STRIPE_RATES = {"default": 100_000.0}  # nothing waits; tests/payments/test_ratelimit.py lowers it
STRIPE_JS_URL = "http://127.0.0.1:1/endive/stripe.js"
STRIPE_ACCOUNTS = {
    name: {
        "secret_key": f"sk_test_demo_{name}",
        "publishable_key": f"pk_test_demo_{name}",
        "webhook_secret": f"whsec_demo_{name}",
    }
    for name in ("ncal", "scal", "co", "ga", "hi", "mas", "nw", "wa")
}
