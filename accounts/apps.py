import django.contrib.admin.apps as django_admin
from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")


class PortalAdminConfig(django_admin.AdminConfig):
    """Django's admin with our site, which every app's `admin.site.register` then means."""

    default = False  # of this module; the settings name it
    default_site = "accounts.sites.StaffSite"
