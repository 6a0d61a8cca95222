"""The sandbox without sockets: one request in, one answer out, everything in one store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.stripe import API_VERSION, contract, idempotency, render, report
from demo.stripe.accounts import Caller, authenticate
from demo.stripe.errors import ApiError, invalid, not_simulated
from demo.stripe.faults import ACTS_FIRST, Fault, Faults, Kind
from demo.stripe.ids import new_id
from demo.stripe.post import http_post
from demo.stripe.resources import challenges, confirmation_tokens
from demo.stripe.routing import HANDLERS, Call, Handler, Keys, browser_route, placeholders
from demo.stripe.store import Object, Store, Transaction
from demo.stripe.webhooks import Deliver, Webhooks
from demo.stripe.wire import Form, canonical, decode, encode


class Wire(Enum):
    """What happens to an answer on its way: the transport (server or client) acts it out."""

    OK = "ok"
    STALL = "stall"  # nothing is sent for `seconds`, then the connection closes
    DROP = "drop"  # the connection closes before anything was done
    RESET = "reset"  # half of the body is sent


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes
    wire: Wire = Wire.OK
    seconds: float = 0


@dataclass
class _Request:
    """A request on its way through `Sandbox.handle`."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Form
    id: str = field(default_factory=lambda: new_id("req", 14))
    caller: Caller = field(default_factory=lambda: Caller("", publishable=False))

    @property
    def key(self) -> str | None:
        """The idempotency key; Stripe looks at it for POST only."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None


@dataclass(frozen=True)
class _Understood:
    """A request that fits the contract."""

    template: str
    handler: Handler
    params: dict[str, Any]
    client_secret: str | None  # a browser's proof that it may see an intent


def _utcnow() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """Stripe, as far as the portal can tell.

    `store` is a file that other processes may share. `clock` returns an aware datetime and can be
    shifted with `shift_clock`. `deliver` posts a webhook and returns the status; deliveries happen
    when `webhooks.deliver_due()` is called (the server calls it all the time).
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
            self.store, base=webhook_base, deliver=deliver, clock=lambda: self.now().timestamp()
        )

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
        return self.now()

    # The witness

    def charges(self, account: str | None = None) -> list[report.ChargeLine]:
        """Every charge ever tried, oldest first: what really happened to money."""
        return report.charges(self.store, account)

    def report(self) -> dict[str, Any]:
        return report.summary(self.store)

    def violations(self) -> list[dict[str, Any]]:
        """Requests that Stripe would not have accepted as written. A good session has none."""
        return report.violations(self.store)

    def requests(self, account: str | None = None) -> list[dict[str, Any]]:
        """POST and DELETE calls answered by the API, oldest first, with key and status."""
        return report.requests(self.store, account)

    # What a browser or a cardholder does, for tests without a browser

    def confirmation_token(self, account: str, *, card: str = "pm_card_visa", **given: Any) -> str:
        """The id that `createConfirmationToken` would hand to the page for this test card."""
        request = _Request("POST", "", {}, {}, caller=Caller(account, publishable=False))
        now = int(self.now().timestamp())
        with self.store.write() as tx:
            call = self._call(tx, request, now)
            call.params = {"payment_method": card, **given}
            return confirmation_tokens.issue(call)["id"]

    def complete_challenge(self, account: str, intent: str, *, succeed: bool = True) -> Object:
        """Answer the bank's question about an intent, as the cardholder would in the browser."""
        request = _Request("POST", "", {}, {}, caller=Caller(account, publishable=True))
        now = int(self.now().timestamp())
        with self.store.write() as tx:
            call = self._call(tx, request, now)
            call.params = {"intent": intent, "outcome": "complete" if succeed else "fail"}
            call.client_secret = (tx.get(account, intent) or {}).get("client_secret")
            return render.public(challenges.answer(call))

    # One request

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | str | None = None
    ) -> Response:
        """Answer one API request (`path` with its query). Never raises for what a caller sent."""
        parts = urlsplit(path)
        lowered = {name.lower(): value for name, value in headers.items()}
        request = _Request(method.upper(), parts.path, lowered, {})
        fault = self.faults.strike(request.method, request.path)
        early = _before_acting(fault, request)
        if early is not None:
            return early
        try:
            request.caller = authenticate(lowered)
            sent = body.decode() if isinstance(body, bytes) else (body or "")
            request.form = decode(sent if request.method == "POST" else parts.query)
            response = self._answer(request, fault)
        except ApiError as error:
            response = _respond(request, error.status, encode(error.body()))
        except UnicodeDecodeError:
            error = invalid("Invalid request body: it is not UTF-8.")
            response = _respond(request, error.status, encode(error.body()))
        return _after_acting(fault, response)

    def _answer(self, request: _Request, fault: Fault | None) -> Response:
        now = int(self.now().timestamp())
        understood = self._understand(request, now)
        saved = self._claim(request, now)
        if saved is not None:
            return _respond(request, saved.status, saved.body, original=saved.request_id)
        try:
            with self.store.read() if request.method == "GET" else self.store.write() as tx:
                status, body = self._act(tx, request, understood, fault, now)
        except BaseException:
            if request.key:
                with self.store.write() as tx:
                    idempotency.release(tx, account=request.caller.account, key=request.key)
            raise
        return _respond(request, status, body)

    def _act(
        self,
        tx: Transaction,
        request: _Request,
        understood: _Understood,
        fault: Fault | None,
        now: int,
    ) -> tuple[int, bytes]:
        """Do the work and keep its answer, in one transaction: both are there, or neither."""
        call = self._call(tx, request, now)
        call.params, call.client_secret = understood.params, understood.client_secret
        call.ids = placeholders(understood.template, request.path)
        status, body = _execute(call, understood.handler)
        if fault and fault.kind is Kind.ACT_THEN_500:
            error = ApiError(500, "api_error", "An unknown error occurred, as the demo was told.")
            status, body = 500, encode(error.body())
        account = request.caller.account
        if request.key:
            idempotency.finish(tx, account=account, key=request.key, status=status, body=body)
        if request.method != "GET":
            self._log(tx, request, status, now, replayed=False)
        return status, body

    def _understand(self, request: _Request, now: int) -> _Understood:
        """Find the handler and read the parameters; what Stripe would refuse is written down."""
        try:
            _check_version(request)
            return _read(request)
        except ApiError as error:
            if not request.caller.publishable:
                with self.store.write() as tx:
                    report.record_violation(
                        tx,
                        account=request.caller.account,
                        at=now,
                        method=request.method,
                        path=request.path,
                        error=error,
                    )
            raise

    def _claim(self, request: _Request, now: int) -> idempotency.Saved | None:
        if not request.key:
            return None
        fingerprint = f"{request.method} {request.path} {canonical(request.form)}"
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

    def _call(self, tx: Transaction, request: _Request, now: int) -> Call:
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

    def _log(
        self, tx: Transaction, request: _Request, status: int, now: int, *, replayed: bool
    ) -> None:
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


def _execute(call: Call, handler: Handler) -> tuple[int, bytes]:
    """Run a handler; what a refused request wrote is undone, unless the refusal says otherwise."""
    wanted = call.params.pop("expand", [])
    kept: ApiError | None = None
    try:
        with call.tx.savepoint():
            try:
                found = handler.run(call)
                hide = call.publishable and "client_secret" in found
                shown = render.for_browser(found) if hide else render.public(found)
                return 200, encode(render.expand(call.tx, call.account, shown, wanted))
            except ApiError as error:
                if not error.keeps_writes:
                    raise
                kept = error
    except ApiError as undone:
        return undone.status, encode(_error_body(call, undone))
    return kept.status, encode(_error_body(call, kept))


def _error_body(call: Call, error: ApiError) -> dict[str, Any]:
    if call.publishable:
        for name in ("payment_intent", "setup_intent"):
            if name in error.error:
                error.error[name] = render.for_browser(error.error[name])
    return error.body()


def _check_version(request: _Request) -> None:
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise invalid(f"Invalid Stripe API version: {version}. This sandbox: {API_VERSION}.")


def _read(request: _Request) -> _Understood:
    """Match a request with the SDK's typed parameters. Raises ApiError."""
    form, publishable = dict(request.form), request.caller.publishable
    given = form.get("client_secret")
    secret = given if isinstance(given, str) else None
    found = browser_route(request.method, request.path)
    if found and publishable:
        template, handler = found
        handler.check_understood(form)
        return _Understood(template, handler, form, secret)
    route = contract.find_route(request.method, request.path)
    if route is None:
        raise ApiError(
            404,
            "invalid_request_error",
            f"Unrecognized request URL ({request.method}: {request.path}).",
        )
    if publishable:
        form.pop("client_secret", None)
    else:
        _refuse_raw_numbers(form)
    params = contract.parse(route, form)
    known = HANDLERS.get((route.method, route.template))
    if known is None:
        raise not_simulated(f"{route.method} {route.template}")
    if publishable and known.keys is Keys.SECRET:
        raise ApiError(
            403,
            "invalid_request_error",
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    known.check_understood(params)
    return _Understood(route.template, known, params, secret)


def _refuse_raw_numbers(form: Form) -> None:
    """Card numbers belong into the iframe: a server that sends one has seen one."""
    card = form.get("card")
    data = form.get("payment_method_data")
    inner = data.get("card") if isinstance(data, dict) else None
    if any(isinstance(given, dict) and "number" in given for given in (card, inner)):
        raise ApiError(
            402,
            "invalid_request_error",
            "Sending credit card numbers directly to the Stripe API is generally unsafe. Use a "
            "test payment method such as pm_card_visa, or the Payment Element.",
            param="card[number]",
        )


def _respond(request: _Request, status: int, body: bytes, *, original: str | None = None) -> Response:
    headers = {
        "Content-Type": "application/json",
        "Request-Id": request.id,
        "Stripe-Version": API_VERSION,
        "Cache-Control": "no-store",
    }
    if request.key:
        headers["Idempotency-Key"] = re.sub(r"[^\x20-\x7e]", "?", request.key)
    if original:
        headers["Idempotent-Replayed"] = "true"
        headers["Original-Request"] = original
    if status >= 500:
        headers["Stripe-Should-Retry"] = "false" if request.key else "true"
    return Response(status, headers, body)


def _before_acting(fault: Fault | None, request: _Request) -> Response | None:
    """The answer to a request that is stopped before anything is done, or None."""
    if fault is None or fault.kind in ACTS_FIRST:
        return None
    if fault.kind is Kind.DROP_BEFORE:
        return Response(0, {}, b"", wire=Wire.DROP)
    error = {
        Kind.CONFLICT_409: idempotency.in_use(),
        Kind.RATE_429: ApiError(
            429,
            "invalid_request_error",
            "Request rate limit exceeded. Learn more about rate limits.",
            code="rate_limit",
        ),
        Kind.DOWN_503: ApiError(503, "api_error", "Stripe is not available at the moment."),
    }[fault.kind]
    response = _respond(request, error.status, encode(error.body()))
    response.headers.pop("Stripe-Should-Retry", None)
    return response


def _after_acting(fault: Fault | None, response: Response) -> Response:
    if fault and fault.kind is Kind.ACT_THEN_STALL:
        return Response(0, {}, b"", wire=Wire.STALL, seconds=fault.seconds)
    if fault and fault.kind is Kind.RESET_MID_BODY:
        return Response(response.status, response.headers, response.body, wire=Wire.RESET)
    return response
