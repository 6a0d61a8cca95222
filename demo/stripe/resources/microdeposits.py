"""Micro-deposits: two small amounts, or a cent with a code, that only the account's owner can see.

Answers and limits: docs.stripe.com/payments/ach-direct-debit (test micro-deposit amounts and codes;
three tries for amounts, ten for a code, ten days in all). Both kinds of answer are taken.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from demo.stripe import ach, agenda
from demo.stripe.errors import IntentFailed, invalid
from demo.stripe.render import public
from demo.stripe.resources import intents, mandates, payment_methods
from demo.stripe.routing import Call
from demo.stripe.store import Object

MAX_TRIES = {"amounts": 3, "descriptor_code": 10}
LIFE_SECONDS = 10 * 86400
_MISMATCH = {
    "amounts": (
        "payment_method_microdeposit_verification_amounts_mismatch",
        "The amounts provided do not match the amounts that were sent to the bank account.",
    ),
    "descriptor_code": (
        "payment_method_microdeposit_verification_descriptor_code_mismatch",
        "The descriptor code provided does not match the one sent to the bank account.",
    ),
}
FAILED = (
    "payment_method_microdeposit_failed",
    "Microdeposits could not be sent to the customer's bank account. Check the account number.",
)
EXCEEDED = (
    "payment_method_microdeposit_verification_attempts_exceeded",
    "You have exceeded the number of allowed verification attempts.",
)
TIMEOUT = (
    "payment_method_microdeposit_verification_timeout",
    "Microdeposit verification timed out. Customer should retry with another payment method.",
)


def send(call: Call, intent: Object, method: Object) -> Object:
    """Put the intent into requires_action until the owner says what arrived."""
    arrival = ach.business_days_later(call.now, agenda.pace(call.tx, "microdeposit_days"))
    key = f"pk_test_demo_{call.account}"
    query = urlencode({"client_secret": intent["client_secret"], "key": key})
    intent.update(
        status="requires_action",
        payment_method=method["id"],
        next_action={
            "type": "verify_with_microdeposits",
            "verify_with_microdeposits": {
                "arrival_date": arrival,
                "hosted_verification_url": f"{call.origin}/bank/microdeposits/{intent['id']}?{query}",
                "microdeposit_type": call.tx.setting("microdeposit_type", "descriptor_code"),
            },
        },
        _tries={"amounts": 0, "descriptor_code": 0},
    )
    agenda.schedule(call, "microdeposits", intent["id"], arrival)
    agenda.schedule(call, "microdeposits_expire", intent["id"], call.now + LIFE_SECONDS)
    call.emit(f"{intent['object']}.requires_action", intent)
    return call.save(intent)


def is_waiting(intent: Object | None) -> bool:
    action = (intent or {}).get("next_action") or {}
    return bool(action.get("type") == "verify_with_microdeposits")


@agenda.act("microdeposits")
def arrive(call: Call, intent_id: str) -> None:
    """They reach the account, or turn out to have nowhere to go."""
    intent = call.tx.get(call.account, intent_id)
    if intent is None or not is_waiting(intent):
        return
    method = call.load("payment_method", intent["payment_method"])
    if payment_methods.test_account(method).refuses_microdeposits:
        fail(call, intent, *FAILED)


@agenda.act("microdeposits_expire")
def expire(call: Call, intent_id: str) -> None:
    intent = call.tx.get(call.account, intent_id)
    if intent is not None and is_waiting(intent):
        fail(call, intent, *TIMEOUT)


def verify(call: Call, intent: Object) -> Object:
    """Take the owner's answer; returns the verified payment method.

    Raises ApiError (400); a wrong answer is counted.
    """
    if not is_waiting(intent):
        raise intents.unexpected_state(intent, "This intent is not waiting for microdeposits.")
    kind, given = _given(call.params)
    if call.now < intent["next_action"]["verify_with_microdeposits"]["arrival_date"]:
        raise invalid("The microdeposits have not arrived yet.", code="bank_account_unverified")
    right, exceeded, late = _ANSWERS[kind]
    if given in (exceeded, late):
        _give_up(call, intent, *(EXCEEDED if given == exceeded else TIMEOUT))
    if given != right:
        _count(call, intent, kind)
    method = call.load("payment_method", intent["payment_method"])
    method["_verified"] = True
    call.save(method)
    mandates.set_status(call, intent["_mandate"], "active")
    return method


_ANSWERS: dict[str, tuple[Any, Any, Any]] = {
    "amounts": (ach.RIGHT_AMOUNTS, ach.EXCEEDED_AMOUNTS, ach.TIMEOUT_AMOUNTS),
    "descriptor_code": (ach.RIGHT_CODE, ach.EXCEEDED_CODE, ach.TIMEOUT_CODE),
}


def _given(params: dict[str, Any]) -> tuple[str, Any]:
    if ("amounts" in params) == ("descriptor_code" in params):
        raise invalid(
            "Provide either amounts or descriptor_code.", code="parameter_missing", param="amounts"
        )
    if "descriptor_code" in params:
        return "descriptor_code", params["descriptor_code"].strip().upper()
    if len(params["amounts"]) != 2:
        raise invalid(
            "You must provide exactly two amounts, in cents.",
            code="payment_method_microdeposit_verification_amounts_invalid",
            param="amounts",
        )
    return "amounts", set(params["amounts"])


def _count(call: Call, intent: Object, kind: str) -> None:
    intent["_tries"][kind] += 1
    left = MAX_TRIES[kind] - intent["_tries"][kind]
    if left == 0:
        _give_up(call, intent, *EXCEEDED)
    call.save(intent)
    code, message = _MISMATCH[kind]
    tries = "1 more attempt" if left == 1 else f"{left} more attempts"
    raise IntentFailed(f"{message} You have {tries}.", code=code, param=kind)


def _give_up(call: Call, intent: Object, code: str, message: str) -> None:
    fail(call, intent, code, message)
    raise IntentFailed(message, code=code, **{intent["object"]: public(intent)})


def fail(call: Call, intent: Object, code: str, message: str) -> None:
    """The account cannot be verified: the intent wants another method."""
    method = call.load("payment_method", intent["payment_method"])
    error = invalid(message, code=code, payment_method=public(method)).error
    intents.reset_after_failure(intent, error)
    call.save(intent)
    mandates.set_status(call, intent["_mandate"], "inactive")
    word = "payment_failed" if intent["object"] == "payment_intent" else "setup_failed"
    call.emit(f"{intent['object']}.{word}", intent)
