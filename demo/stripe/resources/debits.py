"""Bank debits (ACH): sent with a mandate, processing for days, then settled, refused or returned."""

from __future__ import annotations

from typing import Any

from demo.stripe import agenda
from demo.stripe.ach import Return, business_days_later
from demo.stripe.errors import invalid
from demo.stripe.render import public
from demo.stripe.resources import charges, disputes, intents, mandates, microdeposits, payment_methods
from demo.stripe.routing import Call
from demo.stripe.store import Object


def confirm_payment(call: Call, intent: Object, method: Object) -> Object:
    """Send the debit, or the micro-deposits that come before the first one."""
    options = intent["payment_method_options"].get(payment_methods.BANK, {})
    _prepare(call, intent, method, options, reusable=bool(intent["setup_future_usage"]))
    if not method["_verified"]:
        return microdeposits.send(call, intent, method)
    return send(call, intent, method)


def confirm_setup(call: Call, intent: Object, method: Object) -> Object:
    """Save the account at once where its bank confirmed it, else after the micro-deposits."""
    stated = (intent["payment_method_options"] or {}).get(payment_methods.BANK)
    given = (call.params.get("payment_method_options") or {}).get(payment_methods.BANK)
    _prepare(call, intent, method, given or stated or {}, reusable=True)
    if not method["_verified"]:
        return microdeposits.send(call, intent, method)
    return save(call, intent, method)


def _prepare(
    call: Call, intent: Object, method: Object, options: dict[str, Any], *, reusable: bool
) -> None:
    """Check the way of verification and the mandate; remember the mandate on the intent."""
    wanted = options.get("verification_method", "automatic")
    if wanted == "microdeposits" and not method["customer"]:
        method["_verified"] = False
    if wanted == "instant" and not method["_verified"]:
        raise invalid(
            "This bank account was not verified instantly, and the intent allows nothing else.",
            code="bank_account_unverified",
            param="payment_method",
        )
    call.save(method)
    mandate = mandates.accept(call, method, intent=intent, reusable=reusable)
    intent["_mandate"] = mandate["id"]
    if reusable:
        method["_mandate"] = mandate["id"]
        call.save(method)


def send(call: Call, intent: Object, method: Object) -> Object:
    """The debit is on its way: the answer comes days later."""
    mandate = call.load("mandate", intent["_mandate"])
    charge = charges.begin_debit(call, intent, method, mandate)
    intent.update(
        status="processing", payment_method=method["id"], next_action=None, last_payment_error=None
    )
    payment_methods.keep(call, method, intent)
    if not payment_methods.test_account(method).never_settles:
        days = agenda.pace(call.tx, "settle_days")
        agenda.schedule(call, "debit", intent["id"], business_days_later(charge["created"], days))
    call.emit("payment_intent.processing", intent)
    return call.save(intent)


def save(call: Call, intent: Object, method: Object) -> Object:
    """The account is verified and its owner agreed: it can be debited from now on."""
    method["_set_up"] = True
    call.save(method)
    if intent["customer"]:
        payment_methods.attach_to_customer(call, method, intent["customer"])
    intent.update(
        status="succeeded",
        payment_method=method["id"],
        mandate=intent["_mandate"],
        next_action=None,
        last_setup_error=None,
    )
    call.emit("setup_intent.succeeded", intent)
    return call.save(intent)


@agenda.act("debit")
def answer(call: Call, intent_id: str) -> None:
    """The bank's answer, as its test account prescribes."""
    intent = call.load("payment_intent", intent_id)
    if intent["status"] != "processing":
        return
    account = payment_methods.test_account(call.load("payment_method", intent["payment_method"]))
    if account.fails:
        fail(call, intent, account.fails)
    else:
        settle(call, intent)


def settle(call: Call, intent: Object) -> None:
    """The bank paid. Raises ValueError for a debit that is not on its way."""
    _insist_on_processing(intent)
    method = call.load("payment_method", intent["payment_method"])
    charge = call.load("charge", intent["latest_charge"])
    charges.settle_debit(call, charge)
    intent.update(status="succeeded", amount_received=intent["amount"])
    call.save(intent)
    _use_up(call, intent)
    call.emit("payment_intent.succeeded", intent)
    if payment_methods.test_account(method).disputed:
        days = agenda.pace(call.tx, "dispute_days")
        at = business_days_later(call.now, days)
        agenda.schedule(call, "debit_comes_back", intent["id"], at)


@agenda.act("debit_comes_back")
def come_back(call: Call, intent_id: str) -> None:
    intent = call.load("payment_intent", intent_id)
    charge = call.load("charge", intent["latest_charge"])
    account = payment_methods.test_account(call.load("payment_method", charge["payment_method"]))
    if account.disputed and not charge["disputed"]:
        come_back_as(call, intent, account.disputed)


def give_back(call: Call, intent: Object, why: Return) -> None:
    """The bank returns the debit: a failure before it settled, a lost dispute after.

    Raises ValueError for an intent that is neither, and for one returned before.
    """
    if intent["status"] == "processing":
        fail(call, intent, why)
    elif intent["status"] == "succeeded":
        come_back_as(call, intent, why)
    else:
        raise ValueError(f"there is no debit to return: the payment is {intent['status']}")


def fail(call: Call, intent: Object, why: Return) -> None:
    _insist_on_processing(intent)
    method = call.load("payment_method", intent["payment_method"])
    charge = call.load("charge", intent["latest_charge"])
    charges.fail_debit(call, charge, why)
    _hold_against(call, method, why)
    error = invalid(
        why.message,
        code=why.error_code or why.failure_code,
        charge=charge["id"],
        decline_code=why.decline_code,
        network_decline_code=why.code,
        payment_method=public(method),
    ).error
    intents.reset_after_failure(intent, error)
    call.save(intent)
    _use_up(call, intent)
    call.emit("payment_intent.payment_failed", intent)


def come_back_as(call: Call, intent: Object, why: Return) -> None:
    """Return a settled debit. It is a dispute that cannot be won."""
    charge = call.load("charge", intent["latest_charge"])
    if payment_methods.BANK not in charge["payment_method_details"]:
        raise ValueError("only bank payments are returned; a card payment is disputed")
    if charge["disputed"]:
        raise ValueError("this payment was returned before")
    disputes.open_lost(call, charge, reason=why.dispute_reason, network_code=why.code)
    _hold_against(call, call.load("payment_method", charge["payment_method"]), why)


def _hold_against(call: Call, method: Object, why: Return) -> None:
    if why.blocks:
        payment_methods.block(call, method, code=why.code, reason=why.blocks)
    if why.ends_mandate:
        mandates.end_all_of(call, method["id"])


def _use_up(call: Call, intent: Object) -> None:
    """A mandate for this one payment has done its work."""
    mandate = call.load("mandate", intent["_mandate"])
    if mandate["type"] == "single_use":
        mandates.set_status(call, mandate["id"], "inactive")


def _insist_on_processing(intent: Object) -> None:
    if intent["status"] != "processing":
        raise ValueError(f"only a payment on its way can be answered; this one is {intent['status']}")
