import django.contrib.admin.apps as django_admin
from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "staff"
    verbose_name = "Staff"

    def ready(self) -> None:
        from common.admin import register_look
        from staff.watching import watch_admin, watch_chat
        from support.hooks import register_watch

        register_watch(watch_chat)
        register_look(watch_admin)


class DeskAdminConfig(django_admin.AdminConfig):
    """Django's admin with our site, which every app's `admin.site.register` then means."""

    default = False  # of this module; the settings name it
    default_site = "staff.sites.Desk"
