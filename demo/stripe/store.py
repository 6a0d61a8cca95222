"""The sandbox's book: one SQLite file that several processes may share.

Write-ahead log and short `BEGIN IMMEDIATE` transactions: writers queue, readers never wait, and a
killed process leaves either the whole of a request or none of it. Objects are kept as JSON in the
shape in which Stripe shows them; keys that start with `_` are the sandbox's own and never leave it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Object = dict[str, Any]

BUSY_TIMEOUT_SECONDS = 30
# How long a write waits for the disk. Tests turn it OFF: what a killed process wrote stays in any case.
SYNCHRONOUS = "NORMAL"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL, UNIQUE (account, id));
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (account, kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_customer
    ON objects (account, kind, json_extract(body, '$.customer'));
CREATE INDEX IF NOT EXISTS objects_by_intent
    ON objects (account, kind, json_extract(body, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS objects_by_charge ON objects (account, kind, json_extract(body, '$.charge'));
CREATE INDEX IF NOT EXISTS objects_by_source ON objects (account, kind, json_extract(body, '$.source'));
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, created INTEGER NOT NULL,
    lease_until REAL NOT NULL, status INTEGER, body BLOB, request_id TEXT NOT NULL,
    PRIMARY KEY (account, key));
CREATE INDEX IF NOT EXISTS idempotency_by_age ON idempotency (created);
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, at INTEGER NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, idempotency_key TEXT, status INTEGER NOT NULL,
    replayed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, event TEXT NOT NULL,
    rank REAL NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL, answered INTEGER, lease_until REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS deliveries_open ON deliveries (state, due);
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS agenda (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, due INTEGER NOT NULL,
    act TEXT NOT NULL, object TEXT NOT NULL, UNIQUE (due, account, act, object));
CREATE TABLE IF NOT EXISTS faults (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, pattern TEXT NOT NULL, kind TEXT NOT NULL,
    times INTEGER NOT NULL, seconds REAL NOT NULL, probability REAL NOT NULL,
    seed INTEGER NOT NULL, draws INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS violations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, at INTEGER NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, message TEXT NOT NULL, param TEXT);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Transaction:
    """Reads and writes inside one SQLite transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self.connection.execute(sql, values)

    def get(self, account: str, object_id: str, kind: str | None = None) -> Object | None:
        """An object of this account, or None: another account's objects do not exist here."""
        row = self.execute(
            "SELECT kind, body FROM objects WHERE account = ? AND id = ?", account, object_id
        ).fetchone()
        if row is None or (kind and row[0] != kind):
            return None
        return json.loads(row[1])

    def put(self, account: str, obj: Object) -> Object:
        self.execute(
            "INSERT INTO objects (account, id, kind, created, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (account, id) DO UPDATE SET body = excluded.body",
            *(account, obj["id"], obj["object"], obj.get("created", 0), json.dumps(obj)),
        )
        return obj

    def delete(self, account: str, object_id: str) -> None:
        self.execute("DELETE FROM objects WHERE account = ? AND id = ?", account, object_id)

    def find(self, account: str, kind: str, where: dict[str, Any] | None = None) -> Iterator[Object]:
        """Objects of a kind, newest first. `where` maps a field ("customer") to its value."""
        sql = "SELECT body FROM objects WHERE account = ? AND kind = ?"
        values: list[Any] = [account, kind]
        for field, value in (where or {}).items():
            if not field.replace("_", "").isalpha():
                raise ValueError(f"not a field name: {field}")
            # The field is written out, not bound: only then can SQLite use the index on it.
            sql += f" AND json_extract(body, '$.{field}') = ?"
            values.append(value)
        cursor = self.connection.execute(sql + " ORDER BY seq DESC", values)
        return (json.loads(body) for (body,) in cursor)

    def setting(self, name: str, default: str = "") -> str:
        row = self.execute("SELECT value FROM settings WHERE name = ?", name).fetchone()
        return row[0] if row else default

    def set(self, name: str, value: str) -> None:
        self.execute(
            "INSERT INTO settings (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            *(name, value),
        )

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside when it raises, and keep the transaction usable."""
        self.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK TO attempt")
            raise
        finally:
            self.execute("RELEASE attempt")


class Store:
    """Connections to one SQLite file; safe for threads, for processes and across fork."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._pid = os.getpid()
        self._switch_to_wal()
        with self.write() as tx:
            for statement in _SCHEMA.split(";"):
                tx.execute(statement)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._transaction("BEGIN") as tx:
            yield tx

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        connection = self._take()
        try:
            connection.execute(begin)
            try:
                yield Transaction(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        finally:
            self._give_back(connection)

    def _take(self) -> sqlite3.Connection:
        with self._guard:
            if self._pid != os.getpid():  # a forked child must not touch its parent's connections
                self._idle, self._pid = [], os.getpid()
            if self._idle:
                return self._idle.pop()
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        return connection

    def _switch_to_wal(self) -> None:
        """Once for the file. SQLite does not wait for its lock here, so several starters must."""
        connection = self._take()
        try:
            end = time.monotonic() + BUSY_TIMEOUT_SECONDS
            while True:
                try:
                    connection.execute("PRAGMA journal_mode = WAL")
                    return
                except sqlite3.OperationalError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.01)
        finally:
            self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            self._idle.append(connection)

    def close(self) -> None:
        with self._guard:
            while self._idle:
                self._idle.pop().close()
