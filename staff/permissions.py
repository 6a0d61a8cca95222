"""Giving the desk's permissions to roles, from within a migration."""

from collections.abc import Iterable
from typing import Any

from accounts.roles import Role
from staff.models.desk import May


def let_act(apps: Any, *, acts: Iterable[May], role: Role) -> None:
    """Let a role do acts (`apps` is the migration's historical registry).

    Django makes permissions only after all migrations have run, so those that are missing are made
    here under the names that Django would give them; it then finds and keeps them.
    """
    group = apps.get_model("auth", "Group").objects.get_or_create(name=role.value)[0]
    content_type = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="staff", model="desk"
    )[0]
    for act in acts:
        permission = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type, codename=act.value, defaults={"name": act.label}
        )[0]
        group.permissions.add(permission)
