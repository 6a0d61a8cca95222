"""What a list of the desk is: a query, its columns, and where a row leads."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse

PAGE = 100


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and where its value is; names that end in _cents are amounts."""

    label: str
    name: str

    @property
    def is_money(self) -> bool:
        return self.name.endswith("_cents")

    def of(self, row: Any) -> Any:
        value = row
        for part in self.name.split("__"):
            value = getattr(value, part)
            if value is None:
                return ""
        return value() if callable(value) else value


@dataclass(frozen=True, slots=True)
class StaffList:
    """One list."""

    name: str
    title: str
    what: str
    columns: Sequence[Column]
    rows: Callable[[], QuerySet[Any]]
    url: Callable[[Any], str]
    in_menu: bool = True  # beside the others; else only a number on the first page leads to it

    def cells(self, row: Any) -> list[tuple[Column, Any]]:
        return [(column, column.of(row)) for column in self.columns]

    def page(self) -> Iterator[tuple[str, list[tuple[Column, Any]]]]:
        """The first PAGE rows, each with the address that it leads to."""
        for row in self.rows()[:PAGE]:
            yield self.url(row), self.cells(row)


def counts(lists: Iterable[StaffList]) -> dict[str, int]:
    """How many rows each list has, by its name: in one statement, however many lists."""
    names, counted = [], []
    values: list[Any] = []
    for each in lists:
        statement, its_values = each.rows().order_by().values("pk").query.sql_with_params()
        names.append(each.name)
        counted.append(f"(SELECT count(*) FROM ({statement}) counted)")  # noqa: S608  # nosec B608  Django's
        values += its_values
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(counted), values)
        return dict(zip(names, cursor.fetchone(), strict=True))


def account_page(account_id: int) -> str:
    return reverse("admin:desk_account", args=[account_id])


def payment_page(reference: str) -> str:
    return reverse("admin:desk_payment", args=[reference])
