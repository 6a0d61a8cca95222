"""A key-value store in a temporary file, so that an import's memory does not grow with its input."""

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Self


def _stored(text: str) -> bytes:
    """A file may say anything, half of a surrogate pair included; what it says is checked later."""
    return text.encode("utf-8", "surrogatepass")


def _read(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")


class Spool:
    """Texts under keys. SQLite keeps it in a private file that is gone when it is closed."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE groups (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);"
            "CREATE TABLE items (group_id INTEGER NOT NULL, value BLOB NOT NULL);"
            "CREATE INDEX items_by_group ON items (group_id);"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._db.close()

    def __len__(self) -> int:
        """How many keys there are."""
        return int(self._db.execute("SELECT count(*) FROM groups").fetchone()[0])

    def add(self, key: str, value: str) -> None:
        """Append a text to those under the key."""
        name = _stored(key)
        self._db.execute("INSERT INTO groups (key) VALUES (?) ON CONFLICT DO NOTHING", [name])
        self._db.execute(
            "INSERT INTO items SELECT id, ? FROM groups WHERE key = ?", [_stored(value), name]
        )

    def first(self, key: str) -> str | None:
        """The first text under the key."""
        row = self._db.execute(
            "SELECT value FROM items JOIN groups ON groups.id = group_id WHERE key = ?"
            " ORDER BY items.rowid LIMIT 1",
            [_stored(key)],
        ).fetchone()
        return None if row is None else _read(row[0])

    def groups(self) -> Iterator[list[str]]:
        """The texts of each key together, keys in the order of their first text."""
        current, values = 0, list[str]()
        rows = self._db.execute("SELECT group_id, value FROM items ORDER BY group_id, items.rowid")
        for group_id, value in rows:
            if group_id != current and values:
                yield values
                values = []
            current = group_id
            values.append(_read(value))
        if values:
            yield values
