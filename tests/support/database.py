"""The test database: made by the owner, used by the runtime role, emptied by the superuser."""

from contextlib import closing

import psycopg
from django.core.management import call_command
from django.db import connection
from psycopg import sql
from psycopg.pq import TransactionStatus

from demo import postgres

# Rows that migrations put in and every test may rely on.
SEEDED = {
    "accounts_region",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "billing_ledgeraccount",
    "django_content_type",
    "django_migrations",
    "support_deskhours",
    "support_organisation",
    "support_socialprofile",
}


def point_at(cluster: postgres.Cluster, *, name: str, role: str) -> None:
    """Let Django's default connection use this database and role."""
    connection.close()
    connection.settings_dict.update(HOST=cluster.socket_dir, PORT="", NAME=name, USER=role, PASSWORD="")


def become(role: str) -> None:
    """Reconnect as another role."""
    connection.close()
    connection.settings_dict["USER"] = role


def create_and_migrate(cluster: postgres.Cluster) -> None:
    """A fresh database at the newest migration. One that is up to date is emptied and used again."""
    name = connection.settings_dict["NAME"]
    postgres.create_database(cluster, name)
    call_command("migrate", verbosity=0, interactive=False)
    empty_tables(cluster, name)


def empty_tables(cluster: postgres.Cluster, name: str) -> None:
    """Delete every row but the seeded ones, past triggers and foreign keys."""
    with closing(Emptier(cluster, name)) as emptier:
        emptier()


class Emptier:
    """Deletes every row but the seeded ones, past triggers and foreign keys, as often as called.

    Keeps its connection: after a test that wrote to few of the tables, looking into the others and
    making a connection would cost more than the deletions.
    """

    def __init__(self, cluster: postgres.Cluster, name: str) -> None:
        self._cluster, self._name = cluster, name
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def __call__(self) -> None:
        try:
            self._empty()
        except psycopg.OperationalError:  # the test took the server away
            self.close()
            self._empty()

    def _empty(self) -> None:
        superuser = self._connection or self._connect()
        row = superuser.execute(self._written, prepare=True).fetchone()
        assert row is not None
        if written := [str(table) for table in row if table]:
            delete = [sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in written]
            superuser.execute(sql.SQL(";").join(delete))

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        self._connection = superuser = self._cluster.connect(self._name)
        superuser.execute("SET session_replication_role = replica")
        rows = superuser.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        holds = sql.SQL("CASE WHEN EXISTS (SELECT FROM {}) THEN {} END")
        tables = sorted({str(row[0]) for row in rows} - SEEDED)
        self._written = sql.SQL("SELECT {}").format(
            sql.SQL(",").join(holds.format(sql.Identifier(t), sql.Literal(t)) for t in tables)
        )
        return superuser

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


# What DISCARD ALL does, but for prepared statements, which psycopg believes to be there.
_RENEWED = """
    CLOSE ALL; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES
"""


def renew() -> bool:
    """Give the test's connection back as it was when it was made. Returns whether it could.

    Django closes it after every test that commits; half of what such a test asks the database for is
    then what a new connection has to learn anew about the tables.
    """
    made = connection.connection
    if made is None:
        return True
    if made.info.transaction_status != TransactionStatus.IDLE:
        return False
    try:
        made.execute(_RENEWED, prepare=False)  # several statements cannot be prepared
        connection.ensure_timezone()
    except psycopg.Error:  # the server is gone
        return False
    return True
