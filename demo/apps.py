from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Sample people and bills, a mailbox page, a style guide. Production never installs it."""

    name = "demo"
