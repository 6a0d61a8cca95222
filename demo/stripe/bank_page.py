"""The Demo bank's page: one account's payments and payouts, and what can be made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

from demo.stripe import report
from demo.stripe.ach import RETURNS
from demo.stripe.bank import DISPUTE_REASONS
from demo.stripe.core import Sandbox
from demo.stripe.markup import (
    Markup,
    button,
    facts,
    hidden,
    money,
    notice,
    page,
    select,
    text,
)
from demo.stripe.resources.microdeposits import is_waiting
from demo.stripe.store import Object, Transaction
from demo.stripe.webhooks import Mode

SHOWN = 20  # newest payments; events and payouts are fewer
_STATES = {
    "requires_payment_method": "not paid",
    "requires_confirmation": "not paid",
    "requires_action": "waiting for the payer",
    "requires_capture": "authorized",
    "processing": "on its way to the bank",
    "succeeded": "paid",
    "canceled": "canceled",
}


class BankPage:
    """Draws the page of one account as it stands. `token` goes into every form."""

    def __init__(self, sandbox: Sandbox, token: str) -> None:
        self._sandbox = sandbox
        self._token = token

    def draw(self, account: str, *, said: str = "", bad: bool = False) -> Markup:
        self._sandbox.catch_up()
        with self._sandbox.store.read() as tx:
            accounts = report.account_names(tx)
            account = account or (accounts[0] if accounts else "")
            parts = [
                '<p class="demo">DEMO - no money moves</p><h1>Demo bank</h1>',
                '<p class="lede">What banks and Stripe do by themselves, done by hand.</p>',
                notice(said, bad=bad),
                self._clock(account),
                self._accounts(accounts, account),
                self._payments(tx, account),
                self._deposits(tx, account),
                self._payouts(tx, account),
                self._webhooks(tx, account),
            ]
        return page("Demo bank", "\n".join(parts))

    def _form(self, account: str, act: str, inner: Markup, *, object_id: str = "") -> Markup:
        kept = hidden(token=self._token, account=account, act=act, id=object_id)
        return f'<form method="post" action="/bank/act">{kept}{inner}</form>'

    def _clock(self, account: str) -> Markup:
        now = self._sandbox.now()
        ahead = "".join(
            self._form(account, "advance", hidden(days=str(days)) + button(f"Advance {words}"))
            for days, words in ((1, "a day"), (4, "4 days"), (7, "a week"))
        )
        to_date = (
            '<div class="field"><label for="date">To the date</label>'
            f'<input id="date" name="date" type="date" required min="{now:%Y-%m-%d}"></div>'
        )
        return (
            '<h2 id="clock">Clock</h2><section class="panel" aria-labelledby="clock">'
            f"<p>It is {now:%A}, {now:%Y-%m-%d %H:%M} UTC at the bank.</p>"
            f'<div class="row">{ahead}'
            f"{self._form(account, 'advance_to', to_date + button('Advance'))}</div></section>"
        )

    def _accounts(self, accounts: list[str], chosen: str) -> Markup:
        links = "".join(
            f'<li><a href="/bank/?account={text(name)}"'
            f"{' aria-current=page' if name == chosen else ''}>{text(name)}</a></li>"
            for name in accounts
        )
        return f'<h2 id="accounts">Accounts</h2><nav aria-labelledby="accounts"><ul>{links}</ul></nav>'

    # Payments

    def _payments(self, tx: Transaction, account: str) -> Markup:
        intents = list(islice(tx.find(account, "payment_intent"), SHOWN))
        cards = "".join(self._payment(tx, account, intent) for intent in intents)
        return _section("payments", "Payments", cards, "Nothing was paid yet.")

    def _payment(self, tx: Transaction, account: str, intent: Object) -> Markup:
        charge = tx.get(account, intent["latest_charge"] or "", "charge")
        name = intent["metadata"].get(report.PAYMENT_KEY) or intent["id"]
        rows = [
            ("Amount", money(intent["amount"])),
            ("Method", _method(charge)),
            ("State", _state(intent, charge)),
            ("Made", _moment(intent["created"])),
        ]
        acts: list[Markup] = []
        if charge:
            for refund in tx.find(account, "refund", {"charge": charge["id"]}):
                rows.append(("Refund", f"{money(refund['amount'])} {refund['status']}"))
                acts.append(self._refund_acts(account, refund, name))
            for dispute in tx.find(account, "dispute", {"charge": charge["id"]}):
                code = dispute["network_reason_code"] or ""
                word = "Dispute" if "card" in charge["payment_method_details"] else "Return"
                rows.append((word, f"{dispute['reason']} {code} {dispute['status']}"))
                acts.append(self._dispute_acts(account, dispute, name))
            acts.append(self._charge_acts(account, intent, charge, name))
        return _card(name, rows, "".join(acts))

    def _charge_acts(self, account: str, intent: Object, charge: Object, name: str) -> Markup:
        if "card" in charge["payment_method_details"]:
            left = charge["amount_captured"] - charge["amount_refunded"]
            if charge["status"] != "succeeded" or charge["disputed"] or left < 1:
                return ""
            reasons = select("choice", f"Reason to dispute {name}", DISPUTE_REASONS)
            return self._form(
                account, "dispute", reasons + button("Dispute", name), object_id=charge["id"]
            )
        codes = select("choice", f"Return code for {name}", sorted(RETURNS), "R01")
        give_back = self._form(
            account, "return", codes + button("Return", name), object_id=intent["id"]
        )
        if intent["status"] == "processing":
            settle = self._form(account, "settle", button("Settle now", name), object_id=intent["id"])
            return settle + give_back
        return give_back if intent["status"] == "succeeded" and not charge["disputed"] else ""

    def _dispute_acts(self, account: str, dispute: Object, name: str) -> Markup:
        if dispute["status"] not in ("needs_response", "under_review"):
            return ""
        return "".join(
            self._form(account, act, button(words, name), object_id=dispute["id"])
            for act, words in (("win", "We win"), ("lose", "We lose"))
        )

    def _refund_acts(self, account: str, refund: Object, name: str) -> Markup:
        if refund["status"] != "pending":
            return ""
        return "".join(
            self._form(account, act, button(words, name), object_id=refund["id"])
            for act, words in (
                ("refund_arrives", "Refund arrives"),
                ("refund_fails", "Refund comes back"),
            )
        )

    # Accounts that wait for their micro-deposits

    def _deposits(self, tx: Transaction, account: str) -> Markup:
        waiting = [
            intent
            for kind in ("payment_intent", "setup_intent")
            for intent in islice(tx.find(account, kind, {"status": "requires_action"}), SHOWN)
            if is_waiting(intent)
        ]
        cards = "".join(self._deposit(account, intent) for intent in waiting)
        return _section("deposits", "Micro-deposits under way", cards, "None are under way.")

    def _deposit(self, account: str, intent: Object) -> Markup:
        action = intent["next_action"]["verify_with_microdeposits"]
        rows = [
            ("Arrive", _moment(action["arrival_date"])),
            ("Amounts", "32 and 45"),
            ("Code", "SM11AA"),
        ]
        act = self._form(
            account, "deposits", button("They arrive now", intent["id"]), object_id=intent["id"]
        )
        link = f'<p><a href="{text(action["hosted_verification_url"])}">What the payer sees</a></p>'
        return _card(intent["id"], rows, act + link)

    # Payouts and webhooks

    def _payouts(self, tx: Transaction, account: str) -> Markup:
        cards = "".join(
            self._payout(account, payout) for payout in islice(tx.find(account, "payout"), 6)
        )
        now = self._form(account, "payout", button("Pay out now"))
        return _section("payouts", "Payouts", cards, "Nothing was paid out yet.") + now

    def _payout(self, account: str, payout: Object) -> Markup:
        rows = [
            ("Amount", money(payout["amount"])),
            ("State", payout["status"]),
            ("Arrives", _moment(payout["arrival_date"])),
        ]
        acts = [("payout_arrives", "Arrives now"), ("payout_fails", "Comes back")]
        forms = "".join(
            self._form(account, act, button(words, payout["id"]), object_id=payout["id"])
            for act, words in acts
            if payout["status"] == "pending"
        )
        return _card(payout["id"], rows, forms)

    def _webhooks(self, tx: Transaction, account: str) -> Markup:
        mode = tx.setting("webhook_mode", Mode.NORMAL)
        modes = select("choice", "What happens to new webhooks", [one.value for one in Mode], mode)
        cards = "".join(
            self._event(tx, account, event) for event in islice(tx.find(account, "event"), 9)
        )
        return _section("webhooks", "Webhooks", cards, "No event was sent yet.") + self._form(
            account, "webhooks", modes + button("Set for all accounts")
        )

    def _event(self, tx: Transaction, account: str, event: Object) -> Markup:
        states = tx.execute("SELECT state FROM deliveries WHERE event = ?", event["id"]).fetchall()
        rows = [
            ("Sent", _moment(event["created"])),
            ("Delivery", ", ".join(state for (state,) in states)),
        ]
        forms = "".join(
            self._form(account, act, button(words, event["type"]), object_id=event["id"])
            for act, words in (("redeliver", "Send again"), ("five_at_once", "Five at once"))
        )
        return _card(event["type"], rows, forms)


def _section(name: str, title: str, cards: Markup, empty: str) -> Markup:
    inner = f'<ul class="cards">{cards}</ul>' if cards else f'<p class="quiet">{text(empty)}</p>'
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{text(title)}</h2>{inner}</section>'


def _card(name: str, rows: list[tuple[str, str]], acts: Markup) -> Markup:
    return f'<li><h3>{text(name)}</h3>{facts(rows)}<div class="acts">{acts}</div></li>'


def _method(charge: Object | None) -> str:
    if charge is None:
        return ""
    details = charge["payment_method_details"]
    inner = details[details["type"]]
    return f"{'card' if details['type'] == 'card' else 'bank account'} ending in {inner['last4']}"


def _state(intent: Object, charge: Object | None) -> str:
    code = (charge or {}).get("failure_code")
    return _STATES[intent["status"]] + (
        f" ({code})" if code and intent["status"] != "succeeded" else ""
    )


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
