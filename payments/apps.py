from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        from accounts import sessions
        from billing import hooks
        from payments import checks, queries, tasks  # noqa: F401  registers them
        from payments.guest import visit

        hooks.register_held(queries.held_by_banks)
        sessions.end_at_log_in(*visit.KEYS)
