from django.apps import AppConfig


class SupportConfig(AppConfig):
    """Help for people: how to reach us."""

    name = "support"
    verbose_name = "Support"
