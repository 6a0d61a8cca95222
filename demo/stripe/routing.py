"""What the sandbox simulates: one handler per route of the SDK, and what each understands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from demo.stripe import webhooks
from demo.stripe.errors import missing, not_simulated
from demo.stripe.store import Object, Transaction


class Keys(Enum):
    """Which key may call: `BROWSER` routes exist for the script only and are not in the SDK."""

    SECRET = "secret"
    EITHER = "either"
    BROWSER = "browser"


@dataclass
class Call:
    """One request, inside its transaction, with typed parameters."""

    account: str
    publishable: bool
    tx: Transaction
    now: int  # when it happens: seconds since 1970 on the sandbox's clock
    params: dict[str, Any]
    ids: tuple[str, ...]  # what stands in the path's placeholders
    origin: str  # where the sandbox's own pages are served
    path: str
    client_secret: str | None = None
    request_id: str | None = None
    idempotency_key: str | None = None
    clock: int = 0  # what the clock shows; later than `now` where it has jumped over an act

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.now, UTC).date()

    def load(self, kind: str, object_id: str, *, param: str | None = None) -> Object:
        """An object of the caller's account. Raises ApiError: 404, or 400 when it is a `param`."""
        found = self.tx.get(self.account, object_id, kind)
        if found is None or found.get("deleted"):
            name = "PaymentMethod" if kind == "payment_method" else kind
            raise missing(name, object_id, param=param or "intent", status=400 if param else 404)
        return found

    def save(self, obj: Object) -> Object:
        return self.tx.put(self.account, obj)

    def find(self, kind: str, where: dict[str, Any] | None = None) -> Iterator[Object]:
        return self.tx.find(self.account, kind, where)

    def emit(self, event_type: str, obj: Object) -> None:
        """Record an event about `obj` as it is now, and queue its delivery."""
        request = {"id": self.request_id, "idempotency_key": self.idempotency_key}
        webhooks.record(
            self.tx,
            self.account,
            event_type,
            obj,
            now=self.now,
            queued=max(self.now, self.clock),
            request=request,
        )


@dataclass(frozen=True)
class Handler:
    run: Callable[[Call], Object]
    understands: frozenset[str]
    keys: Keys

    def check_understood(self, params: dict[str, Any]) -> None:
        """Refuse what Stripe knows and the sandbox does not: silence would be a false promise."""
        for name in params:
            if name not in self.understands:
                raise not_simulated(f"the parameter '{name}' here")


HANDLERS: dict[tuple[str, str], Handler] = {}


def route(
    method: str, template: str, understands: str = "", keys: Keys = Keys.SECRET
) -> Callable[[Callable[[Call], Object]], Callable[[Call], Object]]:
    """Register a handler under the SDK's own path template."""

    def register(run: Callable[[Call], Object]) -> Callable[[Call], Object]:
        HANDLERS[method, template] = Handler(run, frozenset(understands.split()) | {"expand"}, keys)
        return run

    return register


def placeholders(template: str, path: str) -> tuple[str, ...]:
    """The values in `path` for the `{names}` in `template`."""
    match = re.fullmatch(re.sub(r"\{\w+\}", "([^/]+)", template), path)
    return match.groups() if match else ()


def browser_route(method: str, path: str) -> tuple[str, Handler] | None:
    for (known_method, template), handler in HANDLERS.items():
        if handler.keys is Keys.BROWSER and known_method == method and template == path:
            return template, handler
    return None
