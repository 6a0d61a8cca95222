"""Row locks that are taken in one order, evaluated at once, and bounded.

The order is BillingAccount, then Payment, then Invoices by key (docs/money-flow.md). Waits are
bounded by the connection's lock_timeout (kppay.settings.base.database).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, models, transaction

from common.db import columns, rows

M = TypeVar("M", bound=models.Model)


class NotInTransaction(RuntimeError):
    """A lock outside a transaction protects nothing."""


def lock(queryset: "models.QuerySet[M]") -> list[M]:
    """Lock the rows, ordered by key, and return them with the values that the lock protects.

    FOR NO KEY UPDATE: a row that only refers to these (a new bill, a journal line) need not wait.
    """
    if not transaction.get_connection(queryset.db).in_atomic_block:
        raise NotInTransaction(queryset.model.__name__)
    return list(queryset.select_for_update(of=("self",), no_key=True).order_by("pk"))


def lock_one(queryset: "models.QuerySet[M]") -> M:
    """Lock exactly one row. Raises ObjectDoesNotExist."""
    rows = lock(queryset)
    if len(rows) != 1:
        raise ObjectDoesNotExist(queryset.model.__name__)
    return rows[0]


def lock_ids(model: type[M], ids: Iterable[object]) -> dict[object, M]:
    """Lock rows of a model by key, in their order; returns them by key."""
    check_in_transaction(model)
    found = rows(model, _by_key(model), [list(ids)])
    return {row.pk: row for row in found}


def lock_id(model: type[M], key: object) -> M:
    """Lock one row by its key. Raises ObjectDoesNotExist."""
    found = lock_ids(model, [key])
    if not found:
        raise ObjectDoesNotExist(model.__name__)
    return found.popitem()[1]


@cache
def _by_key(model: type[models.Model]) -> str:
    """As `lock` has Django build it, built once."""
    key = model._meta.pk.column
    return f"""
        SELECT {columns(model)} FROM {model._meta.db_table}
        WHERE {key} = ANY(%s) ORDER BY {key} FOR NO KEY UPDATE
    """  # noqa: S608  # nosec B608  a model's names


def check_in_transaction(model: type[models.Model]) -> None:
    """Raises NotInTransaction."""
    if not connection.in_atomic_block:
        raise NotInTransaction(model.__name__)


@contextmanager
def advisory_lock(name: str) -> Iterator[bool]:
    """Hold a lock of this name, on every machine, without a transaction; yields whether it is ours.

    PostgreSQL frees it when the holder's connection ends, so a holder that dies blocks nobody.
    """
    key = "hashtextextended(%s, 0)"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock({key})", [name])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock({key})", [name])
