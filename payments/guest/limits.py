"""How often guests may look for a bill: by address, by network, by what they looked for, and in all;
and how often what they do may ask Stripe something.

Counted in Redis, which all web processes share, by one script: no two tries read the same count. Only
failed look-ups stay counted, so nobody is kept from paying several bills. Where too many fail in all,
somebody is guessing: from then on an address has three tries instead of ten, which an honest payer
with two typos still gets through; and alarm is raised.

Fails closed: without Redis nobody looks up anything (LimitsAway).
"""

import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass
from functools import lru_cache

import structlog
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from payments import ratelimit

log = structlog.get_logger(__name__)

QUARTER_HOUR, DAY = 15 * 60, 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failed look-ups in so many seconds; `tight` is the limit while somebody is guessing."""

    scope: str
    most: int
    tight: int
    seconds: int


ADDRESS = Limit("address", most=10, tight=3, seconds=QUARTER_HOUR)
NETWORK = Limit("network", most=40, tight=12, seconds=QUARTER_HOUR)  # an IPv4 /24, an IPv6 /48
REFERENCE = Limit("reference", most=10, tight=10, seconds=DAY)  # a pay code or an account number
# Whose account it is said to be: somebody's name and birthday with one account number after another.
PERSON = Limit("person", most=10, tight=10, seconds=DAY)
# So many in all are a botnet of more than a thousand networks: nobody looks up anything for a while.
EVERYBODY = Limit("all", most=5_000, tight=5_000, seconds=QUARTER_HOUR)

# So many failures in all within a quarter of an hour are no typos: from here on the tight limits hold.
GUESSING = 300
# Somebody who was refused goes on and on.
PERSISTENT = 50
# Steps after a look-up, each of which may ask Stripe about a card's token.
STEPS_PER_ADDRESS = 60
STEPS = Limit("steps", STEPS_PER_ADDRESS, STEPS_PER_ADDRESS, QUARTER_HOUR)
# Page views, returns from a bank's step and cancelations of one payment, each of which asks Stripe.
LOOKS_PER_PAYMENT = 20
LOOKS = Limit("looks", LOOKS_PER_PAYMENT, LOOKS_PER_PAYMENT, QUARTER_HOUR)

# Keys: a counter for each limit, the last one counting all; then the refusals of this address.
# Returns which limit refused (0: none), the failures in all, and the refusals of this address.
_TAKE = """
local n = #KEYS - 1
local all = tonumber(redis.call('GET', KEYS[n]) or 0)
local column = 0
if all >= tonumber(ARGV[1]) then column = 1 end
for i = 1, n do
    local most = tonumber(ARGV[3 * i - 1 + column])
    if tonumber(redis.call('GET', KEYS[i]) or 0) >= most then
        local refused = redis.call('INCR', KEYS[n + 1])
        redis.call('EXPIRE', KEYS[n + 1], ARGV[4])
        return {i, all, refused}
    end
end
for i = 1, n do
    redis.call('INCR', KEYS[i])
    redis.call('EXPIRE', KEYS[i], ARGV[3 * i + 1])
end
return {0, all + 1, 0}
"""


class TooManyTries(Exception):
    """Not now. `seconds` is how long the limit's window may last."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.scope)
        self.seconds = limit.seconds


class LimitsAway(Exception):
    """Redis does not answer, so nobody can tell an honest payer from the hundred-thousandth guess."""


@dataclass(frozen=True, slots=True)
class Try:
    """One look-up that was let through; a failure, unless it is taken back."""

    keys: tuple[str, ...]

    def take_back(self) -> None:
        """It found a bill."""
        try:
            pipeline = _redis().pipeline()
            for key in self.keys:
                pipeline.decr(key)
            pipeline.execute()
        except RedisError as error:  # counts one failure too many; the payer is through already
            log.warning("guest.limits_away", error=type(error).__name__)


def note_try(*, address: str, region: str, reference: str, at: dt.datetime, person: str = "") -> Try:
    """Count a look-up before it is made. Raises TooManyTries or LimitsAway, and then it is not made.

    `reference` is the code or the account number, `person` whose account it is said to be, both in
    their comparable form; only their hashes are kept.
    """
    names = {ADDRESS: address, NETWORK: network_of(address), REFERENCE: f"{region}/{reference}"}
    if person:
        names[PERSON] = f"{region}/{person}"
    names[EVERYBODY] = ""  # the script takes the last one for the count of all
    limits = list(names)
    keys = tuple(_key(limit.scope, name, limit.seconds, at) for limit, name in names.items())
    refused = _key("refused", address, ADDRESS.seconds, at)
    given = [GUESSING, *(n for limit in limits for n in (limit.most, limit.tight, limit.seconds))]
    try:
        by, failures, refusals = _redis().eval(_TAKE, len(keys) + 1, *keys, refused, *given)
    except RedisError as error:
        log.error("guest.limits_away", error=type(error).__name__)
        raise LimitsAway from error
    _raise_alarm(failures, refusals, by, address)
    if by:
        raise TooManyTries(limits[by - 1])
    return Try(keys)


def note_step(*, address: str, at: dt.datetime) -> None:
    """Count a step that may ask Stripe something. Raises TooManyTries or LimitsAway."""
    if _count(STEPS, address, at) > STEPS.most:
        raise TooManyTries(STEPS)


def may_look(*, payment_id: int, at: dt.datetime) -> bool:
    """Count a question to Stripe about a payment; False where it was asked about often enough.

    Also without Redis. Somebody who pays is never kept waiting by our rate (payments.gateway), so that
    one open page, loaded again and again, would use up everybody's.
    """
    try:
        return _count(LOOKS, str(payment_id), at) <= LOOKS.most
    except LimitsAway:
        return False


def _count(limit: Limit, name: str, at: dt.datetime) -> int:
    """One more; returns how many there were within the limit's window. Raises LimitsAway."""
    key = _key(limit.scope, name, limit.seconds, at)
    try:
        pipeline = _redis().pipeline()
        pipeline.incr(key)
        pipeline.expire(key, limit.seconds)
        count, _ = pipeline.execute()
    except RedisError as error:
        log.error("guest.limits_away", error=type(error).__name__)
        raise LimitsAway from error
    return int(count)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Whom one subscriber's neighbours are told from: an IPv4 /24, an IPv6 /48."""
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = mapped or parsed
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))


def _raise_alarm(failures: int, refusals: int, by: int, address: str) -> None:
    """Once in a window each: all together fail too often, or one address does not stop."""
    if failures == GUESSING and not by:
        log.error("guest.guessing", failures=failures)
    if refusals == PERSISTENT:
        log.error("guest.persistent", network=network_of(address), refusals=refusals)


def _key(scope: str, name: str, seconds: int, at: dt.datetime) -> str:
    digest = hashlib.sha256(f"{settings.SECRET_KEY}/{name}".encode()).hexdigest()[:24]
    prefix = settings.CACHES["default"].get("KEY_PREFIX", "")
    return f"{prefix}:guest:{scope}:{digest}:{int(at.timestamp()) // seconds}"


def _redis() -> "Redis":
    return ratelimit.connect(settings.CACHES["default"]["LOCATION"])
