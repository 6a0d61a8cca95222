"""Every address of the portal. tests/meta/ holds each against the access matrix."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from common import views as common_views
from kppay import views
from payments.views.webhook import stripe_webhook

urlpatterns = [
    path("", views.home, name="home"),
    path("", include("support.urls")),
    path("health/live/", common_views.live, name="live"),
    path("health/ready/", common_views.ready, name="ready"),
    path("csp-report/", common_views.csp_report, name="csp_report"),
    path("admin/chat/", include("support.desk_urls")),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("billing/", include("billing.urls")),
    path("autopay/", include("autopay.urls")),
    path("", include("payments.urls")),
    path("guest/", include("payments.guest.urls")),
    path("webhooks/stripe/<slug:account>/", stripe_webhook, name="stripe_webhook"),
]

if settings.DEMO:
    from django.utils.module_loading import import_string

    urlpatterns += import_string("demo.urls.urlpatterns")
