"""The sandbox without sockets: one request in, one answer out, everything in one store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.stripe import agenda, exchange, idempotency, reading, render, report
from demo.stripe.accounts import Caller, authenticate
from demo.stripe.bank import Bank
from demo.stripe.errors import ApiError, ContractError
from demo.stripe.exchange import Request, Response
from demo.stripe.faults import Fault, Faults, Kind
from demo.stripe.planting import Planting
from demo.stripe.post import http_post
from demo.stripe.resources import challenges, confirmation_tokens
from demo.stripe.routing import Call, Handler, placeholders
from demo.stripe.store import Object, Store, Transaction
from demo.stripe.webhooks import Deliver, Webhooks
from demo.stripe.wire import decode, encode


def _utcnow() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """Stripe, as far as the portal can tell.

    `store` is a file that other processes may share. `clock` returns an aware datetime and can be
    shifted with `shift_clock`. `deliver` posts a webhook and returns the status; deliveries happen
    when `webhooks.deliver_due()` is called (the server calls it all the time). What the clock brings
    about (a debit settles) has happened for whoever asks.
    """

    def __init__(
        self,
        store: Path,
        *,
        clock: Callable[[], datetime] = _utcnow,
        deliver: Deliver = http_post,
        webhook_base: str = "http://127.0.0.1:8000",
        origin: str = "http://127.0.0.1:12111",
    ) -> None:
        self.store = Store(store)
        self.origin = origin
        self._clock = clock
        self.faults = Faults(self.store)
        self.webhooks = Webhooks(
            self.store,
            base=webhook_base,
            deliver=deliver,
            clock=lambda: self.now().timestamp(),
            catch_up=self.catch_up,
        )
        self.bank = Bank(self.acting)
        self.plant = Planting(self.acting)

    def close(self) -> None:
        self.store.close()

    # Time

    def now(self) -> datetime:
        with self.store.read() as tx:
            shift = float(tx.setting("clock_shift_seconds", "0"))
        return self._clock() + timedelta(seconds=shift)

    def shift_clock(self, by: timedelta) -> datetime:
        """Move the sandbox's clock, for every process on this store; forward only."""
        if by < timedelta(0):
            raise ValueError("time runs forward")
        with self.store.write() as tx:
            shift = float(tx.setting("clock_shift_seconds", "0")) + by.total_seconds()
            tx.set("clock_shift_seconds", str(shift))
        self.catch_up()
        return self.now()

    def catch_up(self) -> None:
        """Let everything happen whose time has come, in its order and as of its time."""
        clock = self.now().timestamp()
        with self.store.read() as tx:
            if not agenda.anything_due(tx, clock):
                return
        while True:
            with self.store.write() as tx:
                due = agenda.take(tx, clock)
                if due is None:
                    return
                by_itself = Request("POST", "", {}, {}, caller=Caller(due.account, publishable=False))
                call = self._call(tx, by_itself, due.at)
                call.request_id, call.clock = None, int(clock)
                due.carry_out(call)

    # The witness

    def charges(self, account: str | None = None) -> list[report.ChargeLine]:
        """Every charge ever tried, oldest first: what really happened to money."""
        self.catch_up()
        return report.charges(self.store, account)

    def report(self) -> dict[str, Any]:
        self.catch_up()
        return report.summary(self.store)

    def violations(self) -> list[dict[str, Any]]:
        """Requests that Stripe would not have accepted as written. A good session has none."""
        return report.violations(self.store)

    def requests(self, account: str | None = None) -> list[dict[str, Any]]:
        """POST and DELETE calls answered by the API, oldest first, with key and status."""
        return report.requests(self.store, account)

    # What a browser or a cardholder does, for tests without a browser

    def confirmation_token(self, account: str, *, card: str = "pm_card_visa", **given: Any) -> str:
        """The id that `createConfirmationToken` would hand to the page for this payment method.

        `card` is one of Stripe's test names, of a card or of a bank account
        (`pm_usBankAccount_success`), or the id of a saved method.
        """
        with self.acting(account) as call:
            call.params = {"payment_method": card, **given}
            return confirmation_tokens.issue(call)["id"]

    def complete_challenge(self, account: str, intent: str, *, succeed: bool = True) -> Object:
        """Answer the bank's question about an intent, as the cardholder would in the browser."""
        with self.acting(account, publishable=True) as call:
            call.params = {"intent": intent, "outcome": "complete" if succeed else "fail"}
            call.client_secret = (call.tx.get(account, intent) or {}).get("client_secret")
            return render.public(challenges.answer(call))

    @contextmanager
    def acting(self, account: str, *, publishable: bool = False) -> Iterator[Call]:
        """A call that no request of the portal made, in a transaction of its own."""
        self.catch_up()
        request = Request("POST", "", {}, {}, caller=Caller(account, publishable=publishable))
        now = int(self.now().timestamp())
        with self.store.write() as tx:
            yield self._call(tx, request, now)

    # One request

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | str | None = None
    ) -> Response:
        """Answer one API request (`path` with its query). Never raises for what a caller sent."""
        parts = urlsplit(path)
        lowered = {name.lower(): value for name, value in headers.items()}
        request = Request(method.upper(), parts.path, lowered, {})
        fault = self.faults.strike(request.method, request.path)
        early = exchange.before_acting(fault, request)
        if early is not None:
            return early
        try:
            request.caller = authenticate(lowered)
            request.form = decode((body or "") if request.method == "POST" else parts.query)
            response = self._answer(request, fault)
        except ApiError as error:
            response = exchange.respond(request, error.status, encode(error.body()))
        return exchange.after_acting(fault, response)

    def _answer(self, request: Request, fault: Fault | None) -> Response:
        self.catch_up()
        now = int(self.now().timestamp())
        understood = self._understand(request, now)
        saved = self._claim(request, now)
        if saved is not None:
            return exchange.respond(request, saved.status, saved.body, original=saved.request_id)
        try:
            with self.store.read() if request.method == "GET" else self.store.write() as tx:
                outcome = self._act(tx, request, understood, fault, now)
        except BaseException:
            if request.key:
                with self.store.write() as tx:
                    idempotency.release(tx, account=request.caller.account, key=request.key)
            raise
        if outcome.breach:
            self._write_down(request, outcome.breach, now)
        return exchange.respond(request, outcome.status, outcome.body)

    def _act(
        self,
        tx: Transaction,
        request: Request,
        understood: reading.Understood,
        fault: Fault | None,
        now: int,
    ) -> _Outcome:
        """Do the work and keep its answer, in one transaction: both are there, or neither."""
        call = self._call(tx, request, now)
        call.params, call.client_secret = understood.params, understood.client_secret
        call.ids = placeholders(understood.template, request.path)
        outcome = _execute(call, understood.handler)
        if fault and fault.kind is Kind.ACT_THEN_500:
            error = ApiError(500, "api_error", "An unknown error occurred, as the demo was told.")
            outcome = _Outcome(500, encode(error.body()))
        account = request.caller.account
        if request.key:
            idempotency.finish(
                tx, account=account, key=request.key, status=outcome.status, body=outcome.body
            )
        if request.method != "GET":
            self._log(tx, request, outcome.status, now, replayed=False)
        return outcome

    def _understand(self, request: Request, now: int) -> reading.Understood:
        """Find the handler and read the parameters; what Stripe would refuse is written down."""
        try:
            reading.check_version(request)
            return reading.read(request)
        except ApiError as error:
            self._write_down(request, error, now)
            raise

    def _write_down(self, request: Request, breach: ApiError, now: int) -> None:
        """Remember a breach of contract by the portal's server; a browser may be anybody's."""
        if request.caller.publishable:
            return
        with self.store.write() as tx:
            report.record_violation(
                tx,
                account=request.caller.account,
                at=now,
                method=request.method,
                path=request.path,
                error=breach,
            )

    def _claim(self, request: Request, now: int) -> idempotency.Saved | None:
        if not request.key:
            return None
        fingerprint = idempotency.fingerprint(request.method, request.path, request.form)
        with self.store.write() as tx:
            saved = idempotency.begin(
                tx,
                account=request.caller.account,
                key=request.key,
                fingerprint=fingerprint,
                now=now,
                request_id=request.id,
            )
            if saved is not None:
                self._log(tx, request, saved.status, now, replayed=True)
            return saved

    def _call(self, tx: Transaction, request: Request, now: int) -> Call:
        return Call(
            account=request.caller.account,
            publishable=request.caller.publishable,
            tx=tx,
            now=now,
            params={},
            ids=(),
            origin=self.origin,
            path=request.path,
            request_id=request.id,
            idempotency_key=request.key,
        )

    def _log(self, tx: Transaction, request: Request, status: int, now: int, *, replayed: bool) -> None:
        report.log_request(
            tx,
            account=request.caller.account,
            at=now,
            method=request.method,
            path=request.path,
            key=request.key,
            status=status,
            replayed=replayed,
        )


@dataclass(frozen=True)
class _Outcome:
    """What a handler made of a request; `breach` where the request itself was wrong."""

    status: int
    body: bytes
    breach: ContractError | None = None


def _execute(call: Call, handler: Handler) -> _Outcome:
    """Run a handler; what a refused request wrote is undone, unless the refusal says otherwise."""
    wanted = call.params.pop("expand", [])
    kept: ApiError | None = None
    try:
        with call.tx.savepoint():
            try:
                found = handler.run(call)
                hide = call.publishable and "client_secret" in found
                shown = render.for_browser(found) if hide else render.public(found)
                expanded = render.expand(call.tx, call.account, shown, wanted)
                return _Outcome(200, encode(expanded))
            except ApiError as error:
                if not error.keeps_writes:
                    raise
                kept = error
    except ApiError as undone:
        breach = undone if isinstance(undone, ContractError) else None
        return _Outcome(undone.status, encode(_error_body(call, undone)), breach)
    return _Outcome(kept.status, encode(_error_body(call, kept)))


def _error_body(call: Call, error: ApiError) -> dict[str, Any]:
    if call.publishable:
        for name in ("payment_intent", "setup_intent"):
            if name in error.error:
                error.error[name] = render.for_browser(error.error[name])
    return error.body()
