"""The Demo bank over HTTP: its page, and the forms on it.

Only for this machine and only from its own page: the host must be local, a form must come from the
page itself (its origin, and a word that other pages cannot read).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from demo.stripe.bank_page import BankPage
from demo.stripe.core import Sandbox
from demo.stripe.deposit_page import deposit_page
from demo.stripe.markup import Markup, notice, page
from demo.stripe.pages import LOCAL_ORIGIN

CSP = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MAX_DAYS = 400
_STYLE = Path(__file__).parent / "static" / "bank.css"


@dataclass(frozen=True)
class Reply:
    status: int
    body: Markup
    location: str = ""
    kind: str = "text/html; charset=utf-8"

    @property
    def headers(self) -> dict[str, str]:
        where = {"Location": self.location} if self.location else {}
        return {"Content-Type": self.kind, **HEADERS, **where}


class _Given(dict[str, str]):
    """A form's fields; one that is missing is empty."""

    def __missing__(self, name: str) -> str:
        return ""


class Desk:
    """Answers requests below /bank/. One desk per server; its word dies with it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._token = secrets.token_urlsafe(24)
        self._page = BankPage(sandbox, self._token)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The reply to a request; `headers` by their names in lower case."""
        parts = urlsplit(target)
        origin = f"http://{headers.get('host', '')}"
        if not LOCAL_ORIGIN.match(origin):
            return _refusal("This page is only for this machine.")
        if parts.path == "/bank/bank.css" and method == "GET":
            return Reply(200, _STYLE.read_text(), kind="text/css; charset=utf-8")
        query = _read(parts.query)
        if method == "POST" and headers.get("origin", origin) != origin:
            return _refusal("This form was sent by another page.")
        if parts.path.startswith("/bank/microdeposits/"):
            intent = parts.path.removeprefix("/bank/microdeposits/")
            given = _read(body.decode(errors="replace")) if method == "POST" else None
            shown = deposit_page(
                self._sandbox, intent, query, given, language=headers.get("accept-language", "")
            )
            return Reply(200, shown)
        if parts.path == "/bank/" and method == "GET":
            return Reply(200, self._page.draw(query["account"], said=_DONE.get(query["done"], "")))
        if parts.path == "/bank/act" and method == "POST":
            return self._act(_read(body.decode(errors="replace")))
        return Reply(404, page("Not found", "<h1>Not found</h1>"))

    def _act(self, form: _Given) -> Reply:
        if not hmac.compare_digest(form["token"].encode(), self._token.encode()):
            return _refusal("This page is older than the bank. Load it again.")
        act = _ACTS.get(form["act"])
        try:
            if act is None:
                raise ValueError("there is no such act")
            act(self._sandbox, form)
        except KeyError as error:
            return self._not_done(form, f"there is no {error.args[0]} in this account")
        except ValueError as error:
            return self._not_done(form, str(error))
        done = urlencode({"account": form["account"], "done": form["act"]})
        return Reply(303, "", location=f"/bank/?{done}")

    def _not_done(self, form: _Given, why: str) -> Reply:
        return Reply(400, self._page.draw(form["account"], said=f"Not done: {why}.", bad=True))


def _refusal(why: str) -> Reply:
    return Reply(403, page("Not allowed", f"<h1>Not allowed</h1>{notice(why, bad=True)}"))


def _read(encoded: str) -> _Given:
    try:
        found = parse_qs(encoded, max_num_fields=50)
    except ValueError:  # a form with more fields is none of ours
        return _Given()
    return _Given({name: values[-1] for name, values in found.items()})


def _advance(sandbox: Sandbox, form: _Given) -> None:
    days = int(form["days"]) if form["days"].isdigit() else 0
    _shift(sandbox, timedelta(days=days))


def _advance_to(sandbox: Sandbox, form: _Given) -> None:
    try:
        wanted = date.fromisoformat(form["date"])
    except ValueError:
        raise ValueError("the date is written like 2027-03-31") from None
    start = datetime.combine(wanted, time(12), UTC)  # noon: the banks' day has begun everywhere
    _shift(sandbox, start - sandbox.now())


def _shift(sandbox: Sandbox, by: timedelta) -> None:
    if not timedelta(0) < by <= timedelta(days=MAX_DAYS):
        raise ValueError(f"the clock goes forward, by {MAX_DAYS} days at most")
    sandbox.shift_clock(by)


def _pay_out(sandbox: Sandbox, form: _Given) -> None:
    if sandbox.bank.payout(form["account"]) is None:
        raise ValueError("there is nothing to pay out")


def _redeliver(sandbox: Sandbox, form: _Given, times: int) -> None:
    sandbox.webhooks.redeliver(form["id"], times=times, parallel=times > 1)


_ACTS: dict[str, Callable[[Sandbox, _Given], object]] = {
    "advance": _advance,
    "advance_to": _advance_to,
    "settle": lambda s, f: s.bank.settle(f["account"], f["id"]),
    "return": lambda s, f: s.bank.return_payment(f["account"], f["id"], code=f["choice"]),
    "deposits": lambda s, f: s.bank.microdeposits_arrive(f["account"], f["id"]),
    "dispute": lambda s, f: s.bank.open_dispute(f["account"], f["id"], reason=f["choice"]),
    "win": lambda s, f: s.bank.decide_dispute(f["account"], f["id"], won=True),
    "lose": lambda s, f: s.bank.decide_dispute(f["account"], f["id"], won=False),
    "refund_arrives": lambda s, f: s.bank.finish_refund(f["account"], f["id"]),
    "refund_fails": lambda s, f: s.bank.fail_refund(f["account"], f["id"]),
    "payout": _pay_out,
    "payout_arrives": lambda s, f: s.bank.pay_payout(f["account"], f["id"]),
    "payout_fails": lambda s, f: s.bank.fail_payout(f["account"], f["id"]),
    "webhooks": lambda s, f: s.webhooks.set_mode(f["choice"]),
    "redeliver": lambda s, f: _redeliver(s, f, 1),
    "five_at_once": lambda s, f: _redeliver(s, f, 5),
}
_DONE = {
    "advance": "The clock has been advanced.",
    "advance_to": "The clock has been advanced.",
    "settle": "The payment has settled.",
    "return": "The payment has been returned.",
    "deposits": "The micro-deposits have arrived.",
    "dispute": "The payment is disputed.",
    "win": "The dispute is won.",
    "lose": "The dispute is lost.",
    "refund_arrives": "The refund has arrived.",
    "refund_fails": "The refund came back.",
    "payout": "The balance has been paid out.",
    "payout_arrives": "The payout has arrived.",
    "payout_fails": "The payout came back.",
    "webhooks": "New webhooks are treated so from now on.",
    "redeliver": "The event has been sent again.",
    "five_at_once": "The event has been sent five times at once.",
}
