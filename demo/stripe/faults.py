"""Faults on demand: what a network and a busy Stripe do to a caller, now and repeatably."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from demo.stripe.store import Store


class Kind(StrEnum):
    """What goes wrong, and on which side of the act."""

    ACT_THEN_STALL = "act_then_stall"  # the charge is made, the answer never comes
    DROP_BEFORE = "drop_before"  # the connection breaks, nothing was done
    ACT_THEN_500 = "act_then_500"  # the charge is made, the answer is 500 and stays 500
    CONFLICT_409 = "conflict_409"  # nothing done: another request holds the key
    RATE_429 = "rate_429"  # nothing done: too many requests
    RESET_MID_BODY = "reset_mid_body"  # the charge is made, half of the answer arrives
    DOWN_503 = "down_503"  # nothing done: Stripe is down


ACTS_FIRST = {Kind.ACT_THEN_STALL, Kind.ACT_THEN_500, Kind.RESET_MID_BODY}


@dataclass(frozen=True)
class Fault:
    kind: Kind
    seconds: float


class Faults:
    """The faults waiting in a store; every process that shares the store meets them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        match: str,
        kind: str,
        *,
        times: int = 1,
        seconds: float = 90,
        probability: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Wait for requests like `match` ("POST /v1/payment_intents/*/confirm").

        Strikes `times` requests, each with `probability`, drawn from `seed`, so that a run can be
        repeated. `seconds` is how long a stall lasts. Raises ValueError for an unknown kind.
        """
        if times < 1 or seconds < 0 or not 0 < probability <= 1 or " " not in match:
            raise ValueError("match is 'METHOD /path', times >= 1, seconds >= 0, 0 < probability <= 1")
        with self._store.write() as tx:
            tx.execute(
                "INSERT INTO faults (pattern, kind, times, seconds, probability, seed)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                *(match, Kind(kind).value, times, seconds, probability, seed),
            )

    def clear(self) -> None:
        with self._store.write() as tx:
            tx.execute("DELETE FROM faults")

    def waiting(self) -> list[dict[str, Any]]:
        with self._store.read() as tx:
            rows = tx.execute("SELECT pattern, kind, times, seconds FROM faults WHERE times > 0")
            names = ("match", "kind", "times", "seconds")
            return [dict(zip(names, row, strict=True)) for row in rows]

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by one; None on a good day."""
        with self._store.read() as tx:
            if tx.execute("SELECT 1 FROM faults WHERE times > 0 LIMIT 1").fetchone() is None:
                return None
        with self._store.write() as tx:
            rows = tx.execute(
                "SELECT seq, pattern, kind, seconds, probability, seed, draws FROM faults"
                " WHERE times > 0 ORDER BY seq"
            ).fetchall()
            for seq, pattern, kind, seconds, probability, seed, draws in rows:
                if not fnmatchcase(f"{method} {path}", pattern):
                    continue
                tx.execute("UPDATE faults SET draws = draws + 1 WHERE seq = ?", seq)
                if random.Random(f"{seed}:{draws}").random() < probability:
                    tx.execute("UPDATE faults SET times = times - 1 WHERE seq = ?", seq)
                    return Fault(Kind(kind), seconds)
        return None
