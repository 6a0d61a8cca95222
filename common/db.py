"""What we ask of PostgreSQL beyond Django: the runtime role's rights and append-only tables."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import pgtrigger
from django.apps import AppConfig, apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import Func

M = TypeVar("M", bound=models.Model)


class TransactionIdField(models.BigIntegerField):
    """PostgreSQL's xid8: a transaction id that never wraps around."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def rel_db_type(self, connection: Any) -> str:
        return "xid8"

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        # PostgreSQL has no cast from an integer to xid8.
        return "%s::text::xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)


class CurrentTransactionId(Func):
    """pg_current_xact_id(): which transaction wrote a row (see billing.services.sealing)."""

    function = "pg_current_xact_id"
    arity = 0
    output_field = TransactionIdField()


@cache
def columns(model: type[models.Model], alias: str = "") -> str:
    """The columns of a model as a statement of our own selects or returns them (see rows)."""
    names = (str(field.column) for field in model._meta.concrete_fields)
    return ", ".join(f"{alias}.{name}" if alias else name for name in names)


@cache
def insertion(model: type[models.Model]) -> str:
    """The INSERT of one row of a model, whose key PostgreSQL gives; goes with `values_of`."""
    names = [str(field.column) for field in _given(model)]
    places = ", ".join(["%s"] * len(names))
    return f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608  # nosec B608


def values_of(row: models.Model) -> list[Any]:
    """What `insertion` writes of a row that is not saved yet."""
    connection = connections[DEFAULT_DB_ALIAS]
    return [
        field.get_db_prep_save(getattr(row, field.attname), connection) for field in _given(type(row))
    ]


@cache
def _given(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not field.primary_key]


def rows(model: type[M], sql: str, params: Sequence[Any]) -> list[M]:
    """The rows of a model that one statement of our own locks or changes, as they are then.

    What it selects or returns is `columns(model)`. For the path of a charge alone: building the same
    statement anew costs more than PostgreSQL needs to run it (docs/performance.md).
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(sql, params)
        return [row_of(model, row) for row in cursor.fetchall()]


def row_of(model: type[M], row: Sequence[object]) -> M:
    """A model's row from the values of its `columns`."""
    return model.from_db(DEFAULT_DB_ALIAS, _names(model), row)


def rows_of(row: Sequence[object], *of: type[models.Model]) -> list[Any]:
    """One row of each model from a statement that selects their `columns`, one after the other."""
    found, start = [], 0
    for model in of:
        end = start + len(_names(model))
        found.append(row_of(model, row[start:end]))
        start = end
    return found


@cache
def _names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def let_go_of_connection() -> None:
    """Give this thread's connection back to the pool; the next query takes one again.

    Nothing in a transaction, and nothing without a pool, where it would be made anew each time.
    """
    connection = connections["default"]
    if connection.settings_dict.get("OPTIONS", {}).get("pool") and not connection.in_atomic_block:
        connection.close()


def append_only(name: str) -> list[pgtrigger.Trigger]:
    """Triggers that refuse UPDATE, DELETE and TRUNCATE to everyone, the owner included."""
    return [
        pgtrigger.Protect(
            name=f"{name}_rows_are_final",
            operation=pgtrigger.Update | pgtrigger.Delete,
        ),
        pgtrigger.Trigger(
            name=f"{name}_table_is_final",
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            level=pgtrigger.Statement,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
        ),
    ]


def append_only_tables() -> list[str]:
    """Tables of the models that say `append_only = True`."""
    return sorted(
        model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False)
    )


def grant_runtime_role(*, sender: AppConfig, using: str, **_: object) -> None:
    """After migrating: give the runtime role what it needs to serve, and no more.

    It may read and write rows; it may not change the schema, truncate, or touch the rows of an
    append-only table. Does nothing where the role does not exist (a system check reports that).
    """
    connection = connections[using]
    role = settings.DATABASE_RUNTIME_ROLE
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role])
        current, exists = cursor.fetchone()
        if not exists or current == role:
            return
        quoted = connection.ops.quote_name(role)
        for grant in (
            "GRANT USAGE ON SCHEMA public TO {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
            "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
        ):
            cursor.execute(grant.format(role=quoted))
        for table in append_only_tables():
            cursor.execute(f"REVOKE UPDATE, DELETE ON {connection.ops.quote_name(table)} FROM {quoted}")
