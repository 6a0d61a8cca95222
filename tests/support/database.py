"""The test database: made by the owner, used by the runtime role, emptied by the superuser."""

from django.core.management import call_command
from django.db import connection
from psycopg import sql

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
    with cluster.connect(name) as superuser:
        rows = superuser.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        tables = sorted({str(row[0]) for row in rows} - SEEDED)
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(
            sql.SQL(";").join(sql.SQL("DELETE FROM {}").format(sql.Identifier(t)) for t in tables)
        )
