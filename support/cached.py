"""Reading through the cache, which is a help and not a need."""

from collections.abc import Callable
from typing import TypeVar, cast

from django.core.cache import cache
from redis.exceptions import RedisError

T = TypeVar("T")


def kept(key: str, *, seconds: int, read: Callable[[], T]) -> T:
    """What `read` returned at most `seconds` ago; asked anew where the cache is empty or away."""
    try:
        value = cache.get(key)
        if value is None:
            value = read()
            cache.set(key, value, seconds)
    except RedisError:
        return read()
    return cast(T, value)


def forget(key: str) -> None:
    """It has changed. Where the cache is away, what is in it ends by itself."""
    try:
        cache.delete(key)
    except RedisError:
        return
