"""Sessions from the cache; from the database while the cache is away."""

from typing import Any

from django.contrib.sessions.backends import cached_db, db
from redis.exceptions import RedisError


class SessionStore(cached_db.SessionStore):
    """Django's, which reads past a cache that is away but then fails to fill it.

    Ending a session still fails while the cache is away: a copy that came back would be a log-in.
    """

    def load(self) -> dict[str, Any]:
        try:
            return super().load()
        except RedisError:
            return db.SessionStore.load(self)
