"""What a request asks PostgreSQL: how often, for how long, and whether a table is read as a whole."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# Tables that stay as small as the plan's organisation, its staff and its program are. All others grow.
STAY_SMALL = frozenset(
    {
        "accounts_region",
        "accounts_user_groups",
        "accounts_user_user_permissions",
        "auth_group",
        "auth_group_permissions",
        "auth_permission",
        "billing_ledgeraccount",
        "django_content_type",
        "support_banner",
        "support_deskhours",
        "support_organisation",
        "support_socialprofile",
    }
)
_EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
# A transaction's own frame is no question.
_FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass
class Watch:
    """Statements in the order in which they were sent, and seconds spent waiting for PostgreSQL."""

    sent: list[tuple[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        return sum(not sql.startswith(_FRAME) for sql, _params in self.sent)

    def _execute(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - began
            self.sent.append((sql, params))


@contextmanager
def watched() -> Iterator[Watch]:
    """Everything that the default connection sends meanwhile."""
    from django.db import connection

    watch = Watch()
    with connection.execute_wrapper(watch._execute):
        yield watch


def whole_tables(watch: Watch) -> dict[str, str]:
    """Tables that grow and that PostgreSQL would read from end to end, each with a statement of it.

    The planner is asked about every statement, with the values that it had. Nothing runs again.
    """
    from django.db import connection

    found: dict[str, str] = {}
    for sql, params in watch.sent:
        if not sql.lstrip().startswith(_EXPLAINED):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            (plan,) = cursor.fetchone()
        plan = json.loads(plan) if isinstance(plan, str) else plan
        for table in _read_whole(plan[0]["Plan"]):
            found.setdefault(table, sql)
    return found


def _read_whole(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] not in STAY_SMALL:
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _read_whole(child)
