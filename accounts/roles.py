"""What staff may look at, by role. A role is a group; migrations give it permissions.

In this version the admin only shows records: no role may add, change or delete any. Each app says in
a migration of its own which of its models a role sees.
"""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """The name of the group, and what people call it."""

    BILLING_AGENT = "Billing agent", _("Billing agent")  # answers members, finds their bills
    SUPERVISOR = "Supervisor", _("Supervisor")  # approves what an agent may not do alone
    AUDITOR = "Auditor", _("Auditor")  # sees everything, the books too; touches nothing


EVERY_ROLE = tuple(Role)


def let_view(apps: Any, *, app_label: str, model_names: Iterable[str], roles: Iterable[Role]) -> None:
    """Let roles view models, from within a migration (`apps` is its historical registry).

    Django makes permissions only after all migrations have run, so those that are missing are made
    here under the names that Django would give them; it then finds and keeps them.
    """
    groups = [
        apps.get_model("auth", "Group").objects.get_or_create(name=role.value)[0] for role in roles
    ]
    for model_name in model_names:
        content_type, _created = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
            app_label=app_label, model=model_name
        )
        verbose_name = apps.get_model(app_label, model_name)._meta.verbose_name
        permission, _created = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type,
            codename=f"view_{model_name}",
            defaults={"name": f"Can view {verbose_name}"},
        )
        for group in groups:
            group.permissions.add(permission)
