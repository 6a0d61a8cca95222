"""`make run`: the whole product on one machine, with embedded services and a Stripe sandbox.

`python -m demo.up` starts the services and writes their addresses to var/demo/env; variables that
are already set (DATABASE_URL, REDIS_URL, STRIPE_*) win, so the same command runs against real ones.
"""

# ruff: noqa: F403, F405
from pathlib import Path

from demo.environment import demo_folder, load_demo_environment

load_demo_environment()

from kppay.settings.base import *  # noqa: E402

DEMO = True
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="demo-only-key-that-protects-nothing-real")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000")

INSTALLED_APPS += ["demo"]

_role = "DATABASE_OWNER_URL" if env("KPPAY_DB_ROLE", default="") == "owner" else "DATABASE_URL"
DATABASES = {"default": database(env(_role, default=env("DATABASE_URL")), pool=_role == "DATABASE_URL")}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env("REDIS_URL"),
        "OPTIONS": CACHE_OPTIONS,
    }
}
CELERY_BROKER_URL = broker_url(env("REDIS_URL"))

POST_OFFICE["BACKENDS"]["default"] = env(
    "EMAIL_DELIVERY_BACKEND", default="demo.mailbox.MailboxBackend"
)
DEMO_MAILBOX = Path(env("DEMO_MAILBOX", default=str(demo_folder() / "mail")))
MEDIA_ROOT = Path(env("MEDIA_ROOT", default=str(demo_folder() / "media")))
STATIC_ROOT = demo_folder() / "static"
