"""Events, and their delivery: signed, really posted, retried, and made to misbehave on demand."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from demo.stripe import API_VERSION
from demo.stripe.accounts import sign, webhook_secret
from demo.stripe.ids import new_id
from demo.stripe.render import public
from demo.stripe.store import Object, Store, Transaction
from demo.stripe.wire import encode

# Post `body` to `url` and return the HTTP status; 0 when nobody answered.
Deliver = Callable[[str, bytes, Mapping[str, str]], int]

RETRY_FOR_SECONDS = 3 * 24 * 3600  # Stripe gives up after three days
MAX_BACKOFF_SECONDS = 3600
MAX_REDELIVERIES = 50
SHUFFLE_SECONDS = 2.0  # how far shuffled deliveries spread
LEASE_SECONDS = 60  # real time: a process killed while posting gives its delivery back


class Mode(StrEnum):
    """What happens to deliveries queued while the mode is set."""

    NORMAL = "normal"
    DROP = "drop"  # never delivered; still listed under events
    HOLD = "hold"  # kept until the mode is normal again
    DOUBLE = "double"  # everything arrives twice
    SHUFFLE = "shuffle"  # everything arrives, in another order


class Forgery(StrEnum):
    """What is wrong with a forged delivery."""

    UNSIGNED = "unsigned"
    WRONG_SECRET = "wrong_secret"
    TAMPERED = "tampered"  # a good signature of another body
    STALE = "stale"  # a good signature, an hour old


@dataclass(frozen=True)
class Delivery:
    """One try to hand an event over; `status` 0 means that nobody answered."""

    account: str
    event: str
    event_type: str
    status: int


def record(
    tx: Transaction,
    account: str,
    event_type: str,
    obj: Object,
    *,
    now: int,
    queued: int,
    request: dict[str, str | None],
) -> Object:
    """Write an event of `now` with a snapshot of `obj`, and queue its delivery as the mode says.

    `queued` is when the delivery can begin: later than `now` where the clock has jumped.
    """
    event: Object = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": {"object": public(obj)},
        "livemode": False,
        "pending_webhooks": 1,
        "request": request,
        "type": event_type,
        "_queued": queued,
    }
    tx.put(account, event)
    mode = Mode(tx.setting("webhook_mode", Mode.NORMAL))
    copies = 2 if mode is Mode.DOUBLE else 1
    for _ in range(copies):
        _queue(tx, account, event["id"], mode=mode, now=queued)
    return event


def _queue(tx: Transaction, account: str, event_id: str, *, mode: Mode, now: float) -> None:
    state = {Mode.DROP: "dropped", Mode.HOLD: "held"}.get(mode, "pending")
    (last,) = tx.execute("SELECT coalesce(max(seq), 0) FROM deliveries").fetchone()
    rank, due = float(last + 1), float(now)
    if mode is Mode.SHUFFLE:
        draw = random.Random(f"{tx.setting('webhook_seed', '0')}:{last}").random()
        rank, due = draw, now + draw * SHUFFLE_SECONDS
    tx.execute(
        "INSERT INTO deliveries (account, event, rank, due, state) VALUES (?, ?, ?, ?, ?)",
        *(account, event_id, rank, due, state),
    )


class Webhooks:
    """The post office of one store. `clock` gives seconds on the sandbox's clock; `catch_up` lets
    happen what the clock brings about, before deliveries are looked for."""

    def __init__(
        self,
        store: Store,
        *,
        base: str,
        deliver: Deliver,
        clock: Callable[[], float],
        catch_up: Callable[[], None],
    ) -> None:
        self._store = store
        self._base = base.rstrip("/")
        self._deliver = deliver
        self._clock = clock
        self._catch_up = catch_up

    def set_mode(self, mode: str, *, seed: int = 0) -> None:
        """Change what happens to new events; NORMAL also lets go what was held."""
        chosen = Mode(mode)
        with self._store.write() as tx:
            tx.set("webhook_mode", chosen.value)
            tx.set("webhook_seed", str(seed))
            if chosen is Mode.NORMAL:
                tx.execute("UPDATE deliveries SET state = 'pending' WHERE state = 'held'")

    def deliver_due(self, *, everything: bool = False) -> list[Delivery]:
        """Post what is due (or all that is open, whatever its time), each once, in order."""
        self._catch_up()
        limit = float("inf") if everything else self._clock()
        with self._store.read() as tx:
            seqs = tx.execute(
                "SELECT seq FROM deliveries WHERE state = 'pending' AND due <= ? ORDER BY rank, seq",
                limit,
            ).fetchall()
        done = (self._attempt(seq) for (seq,) in seqs)
        return [delivery for delivery in done if delivery]

    def queue(self) -> list[dict[str, Any]]:
        """Every delivery queued so far, oldest first, and what became of it."""
        names = ("account", "event", "state", "attempts", "answered")
        with self._store.read() as tx:
            rows = tx.execute(
                "SELECT account, event, state, attempts, answered FROM deliveries ORDER BY seq"
            )
            return [dict(zip(names, row, strict=True)) for row in rows]

    def redeliver(self, event_id: str, *, times: int = 1, parallel: bool = False) -> list[Delivery]:
        """Post an event now, again, whatever became of it before; `parallel` means at once.

        Raises KeyError for an unknown event, ValueError for a number of times not in 1..50.
        """
        if not 1 <= times <= MAX_REDELIVERIES:
            raise ValueError(f"times must be between 1 and {MAX_REDELIVERIES}")
        with self._store.read() as tx:
            row = tx.execute(
                "SELECT account FROM objects WHERE id = ? AND kind = 'event'", event_id
            ).fetchone()
            event = tx.get(row[0], event_id, "event") if row else None
        if event is None:
            raise KeyError(event_id)
        if not parallel:
            return [self._post(row[0], event) for _ in range(times)]
        start = threading.Barrier(times)

        def post() -> Delivery:
            start.wait()
            return self._post(row[0], event)

        with ThreadPoolExecutor(times) as pool:
            return [job.result() for job in [pool.submit(post) for _ in range(times)]]

    def forge(self, account: str, how: str, *, event_type: str, obj: Object) -> Delivery:
        """Post an event that the portal must refuse, and say how it answered."""
        event: Object = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(self._clock()),
            "data": {"object": obj},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": None, "idempotency_key": None},
            "type": event_type,
        }
        forgery, body, at = Forgery(how), encode(event), int(time.time())
        secret = webhook_secret(account)
        headers = {
            Forgery.UNSIGNED: {},
            Forgery.WRONG_SECRET: {"Stripe-Signature": sign(body, "whsec_forged", at)},
            Forgery.TAMPERED: {"Stripe-Signature": sign(body + b" ", secret, at)},
            Forgery.STALE: {"Stripe-Signature": sign(body, secret, at - 3600)},
        }[forgery]
        status = self._deliver(self._url(account), body, {**_HEADERS, **headers})
        return Delivery(account, event["id"], event_type, status)

    def _url(self, account: str) -> str:
        return f"{self._base}/webhooks/stripe/{account}/"

    def _post(self, account: str, event: Object) -> Delivery:
        body = encode(public(event))
        # Real time, not the sandbox's clock: the receiver judges the signature's age by its own.
        signature = sign(body, webhook_secret(account), int(time.time()))
        headers = {**_HEADERS, "Stripe-Signature": signature}
        status = self._deliver(self._url(account), body, headers)
        return Delivery(account, event["id"], event["type"], status)

    def _attempt(self, seq: int) -> Delivery | None:
        with self._store.write() as tx:
            row = tx.execute(
                "SELECT account, event, attempts FROM deliveries"
                " WHERE seq = ? AND state = 'pending' AND lease_until < ?",
                *(seq, time.time()),
            ).fetchone()
            if row is None:  # another process has it
                return None
            account, event_id, attempts = row
            tx.execute(
                "UPDATE deliveries SET lease_until = ?, attempts = attempts + 1 WHERE seq = ?",
                *(time.time() + LEASE_SECONDS, seq),
            )
            event = tx.get(account, event_id, "event") or {}
        delivery = self._post(account, event)
        with self._store.write() as tx:
            self._note(tx, account, seq, event, attempts + 1, delivery.status)
        return delivery

    def _note(
        self,
        tx: Transaction,
        account: str,
        seq: int,
        event: dict[str, Any],
        attempts: int,
        status: int,
    ) -> None:
        now = self._clock()
        if 200 <= status < 300:
            state = "delivered"
            tx.put(account, {**event, "pending_webhooks": 0})
        elif now - event.get("_queued", event["created"]) > RETRY_FOR_SECONDS:
            state = "failed"
        else:
            state = "pending"
        tx.execute(
            "UPDATE deliveries SET state = ?, answered = ?, due = ?, lease_until = 0 WHERE seq = ?",
            *(state, status, now + min(2.0 ** (attempts - 1), MAX_BACKOFF_SECONDS), seq),
        )


_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Stripe/1.0 (demo sandbox)",
}
