from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SupportConfig(AppConfig):
    """Help for people: how to reach us, the chat, reminders, and what everybody should know now."""

    name = "support"
    verbose_name = _("Support")
