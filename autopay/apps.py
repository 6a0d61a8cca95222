from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AutopayConfig(AppConfig):
    name = "autopay"
    verbose_name = _("Autopay")

    def ready(self) -> None:
        from autopay import checks, queries, tasks  # noqa: F401  registers them
        from billing import hooks as bills
        from payments import hooks

        bills.register_draws(draws=queries.draws_of, next_of=queries.next_of)
        hooks.register_uses(queries.uses_of)
        hooks.register_draws(draws=queries.drawn_by_themselves, enrolled=queries.is_enrolled)
