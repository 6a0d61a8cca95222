from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = "Common"

    def ready(self) -> None:
        from common.db import grant_runtime_role
        from common.logging import configure_structlog

        configure_structlog()
        # Infrastructure, not business logic: no migration can forget the runtime role's rights.
        # Django signals once per app that has models, after all migrations; one of them is enough.
        post_migrate.connect(
            grant_runtime_role,
            sender=apps.get_app_config("accounts"),
            dispatch_uid="grant_runtime_role",
        )
