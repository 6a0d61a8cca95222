"""At most so many requests a second to one Stripe account, by all processes together.

A token bucket in Redis, moved by one script there, on Redis' own clock: no request reads what another
is about to write, and no two machines need the same time. The bucket holds `burst` tokens and fills at
a rate that leaves room for them, so that no window of one second sees more than `per_second` requests.
Turns are spread evenly; a process that is late for one (it was busy) makes up for it by its Gate.

Fails closed: without Redis there is no token. Who may do without one is payments.gateway's decision
(docs/decisions/0011-stripe-rate.md).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import structlog
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = structlog.get_logger(__name__)

# How long a caller waits for its turn; 16 threads at 20 requests a second need less than a second.
PATIENCE_SECONDS = 10.0
# Requests leave this much further apart: 35 ms of jitter on the way squeezes none into a second.
SPACING = 1.035
# What a process holds to by its own clock. The less there is beyond a second, the less jitter on the
# way is forgiven while it makes up for being late; the more, the longer that takes.
GATE_SECONDS = 1.02
# What was late leaves at this share of the usual distance, until it has caught up.
CATCH_UP = 0.8
REDIS_TIMEOUT_SECONDS = 1.0

# One key: the moment when the bucket will be full, in microseconds. It lies one interval further in
# the future for every token taken. Returns how long to wait before sending; -1 takes no token.
_TAKE = """
local interval, tolerance, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
-- No queue grows beyond our patience; a moment further away means that the clock was set back.
if full_at > now + tolerance + patience + interval + 1000000 then
    full_at = now
end
local wait = math.max(full_at - tolerance - now, 0)
if wait > patience then
    return -1
end
full_at = full_at + interval
-- Kept a minute longer than it says anything: a clock that stands still is slower than Redis' own.
local keep = math.ceil((full_at - now) / 1000) + 60000
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', keep)
return math.ceil(wait)
"""


class NoToken(Exception):
    """Not now: the queue is longer than our patience, or Redis is away."""


class Gate:
    """What really left this process, one at a time: the last `most`, and none too soon after them.

    A thread that slept until its turn may wake up late, and its request then leaves closer to those
    behind it than their turns are apart. Where several were late, they leave `apart` seconds at least.
    """

    def __init__(
        self, most: int, apart: float = 0.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._left: deque[float] = deque(maxlen=most)
        self._apart = apart
        self._sleep = sleep
        self._lock = threading.Lock()

    @contextmanager
    def passing(self, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
        """What is sent inside is one more request."""
        with self._lock:
            early = self._soonest() - clock()
            if early > 0:
                self._sleep(early)
            try:
                yield
            finally:
                self._left.append(clock())

    def _soonest(self) -> float:
        if not self._left:
            return 0.0
        soonest = self._left[-1] + self._apart
        is_full = len(self._left) == self._left.maxlen
        return max(soonest, self._left[0] + GATE_SECONDS) if is_full else soonest


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens of one Stripe account. `clock` (seconds) stands in for Redis' own in tests."""

    name: str
    redis: "Redis"
    per_second: float
    burst: int = 1
    patience_seconds: float = PATIENCE_SECONDS
    clock: Callable[[], float] | None = None
    sleep: Callable[[float], None] = time.sleep

    @property
    def interval_seconds(self) -> float:
        """Between two tokens. A full bucket and a second of filling make `per_second` together."""
        return SPACING / (self.per_second - self.burst + 1)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """This request's turn, begun when all that is left is to send it. Raises NoToken."""
        self.take()
        with _gate(self.name, self.per_second, self.burst).passing():
            yield

    def take(self) -> float:
        """Wait for this request's turn; returns the seconds waited. Raises NoToken.

        A turn counts from the moment of asking: how long Redis' answer took is part of the wait.
        """
        asked = time.monotonic()
        interval = self.interval_seconds * 1e6
        given = [interval, interval * (self.burst - 1), self.patience_seconds * 1e6]
        now = "" if self.clock is None else self.clock() * 1e6
        try:
            wait_us = int(self.redis.eval(_TAKE, 1, f"stripe-rate:{self.name}", *given, now))
        except RedisError as error:
            log.error("stripe.rate_without_redis", account=self.name, error=type(error).__name__)
            raise NoToken("redis") from error
        if wait_us < 0:
            log.warning("stripe.rate_exhausted", account=self.name)
            raise NoToken("exhausted")
        wait = wait_us / 1e6
        left = wait if self.clock else asked + wait - time.monotonic()
        if left > 0:
            self.sleep(left)
        return wait


@cache
def _gate(_name: str, per_second: float, burst: int) -> Gate:
    """One for each account, in a process. It spreads what may not burst."""
    return Gate(most=max(1, int(per_second)), apart=CATCH_UP / per_second if burst == 1 else 0.0)


@cache
def connect(url: str) -> "Redis":
    """One pool per process; a connection that died meanwhile is made again, once."""
    return Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


def bucket(account: str) -> Bucket:
    """The bucket of a Stripe account, by the settings."""
    return Bucket(
        name=account,
        redis=connect(settings.CACHES["default"]["LOCATION"]),
        per_second=settings.STRIPE_RATES.get(account, settings.STRIPE_RATES["default"]),
        burst=settings.STRIPE_RATE_BURST,
        patience_seconds=PATIENCE_SECONDS,
    )
