"""The published test bank accounts, what each of them does, and what a returned debit means.

Accounts: docs.stripe.com/payments/ach-direct-debit (test account numbers). Return codes: Nacha's, with
the meaning Stripe gives them (docs.stripe.com/declines/network-codes; the codes that block an account
are those of `PaymentMethod.us_bank_account.status_details.blocked` in the SDK).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.stripe.errors import invalid
from demo.stripe.store import Object

ROUTING_NUMBER = "110000000"
BANK_NAME = "STRIPE TEST BANK"

# Answers to "which two amounts, or which code, came with the micro-deposits?"
RIGHT_AMOUNTS, RIGHT_CODE = {32, 45}, "SM11AA"
EXCEEDED_AMOUNTS, EXCEEDED_CODE = {10, 11}, "SM33CC"
TIMEOUT_AMOUNTS, TIMEOUT_CODE = {40, 41}, "SM44DD"


@dataclass(frozen=True)
class Return:
    """Why a bank gave a debit back."""

    code: str | None  # Nacha's: R01; None where Stripe itself stops the debit
    failure_code: str  # of the charge
    decline_code: str
    dispute_reason: str  # when it comes after the debit had succeeded
    message: str
    blocks: str | None = None  # the account from now on, for this reason
    ends_mandate: bool = False
    error_code: str | None = None  # of the intent's last error, where it differs from failure_code


def _not_authorized(code: str, reason: str = "debit_not_authorized", *, blocks: bool = True) -> Return:
    return Return(
        code,
        "debit_not_authorized",
        "debit_not_authorized",
        reason,
        "The customer has notified their bank that this debit was not authorized.",
        blocks="debit_not_authorized" if blocks else None,
        ends_mandate=True,
    )


def _no_funds(code: str) -> Return:
    return Return(
        code,
        "insufficient_funds",
        "insufficient_funds",
        "insufficient_funds",
        "The customer's account has insufficient funds to cover this payment.",
    )


def _wrong_details(code: str, failure: str, message: str) -> Return:
    return Return(
        code,
        failure,
        "bank_account_invalid_details",
        "incorrect_account_details",
        message,
        blocks="bank_account_invalid_details",
    )


_RETURNS = (
    _no_funds("R01"),
    Return(
        "R02",
        "account_closed",
        "bank_account_closed",
        "incorrect_account_details",
        "The customer's bank account has been closed.",
        blocks="bank_account_closed",
    ),
    _wrong_details("R03", "no_account", "The customer's bank account could not be located."),
    _wrong_details("R04", "account_number_invalid", "The bank account number is not valid."),
    _not_authorized("R05"),
    _not_authorized("R07"),
    _not_authorized("R08", "customer_initiated"),
    _no_funds("R09"),
    _not_authorized("R10"),
    _not_authorized("R11"),
    Return(
        "R16",
        "bank_account_restricted",
        "bank_account_frozen",
        "bank_cannot_process",
        "The customer's bank account is frozen.",
        blocks="bank_account_frozen",
    ),
    Return(
        "R20",
        "bank_account_unusable",
        "bank_account_restricted",
        "incorrect_account_details",
        "The customer's bank account does not allow debits.",
        blocks="bank_account_restricted",
    ),
    _not_authorized("R29"),
    _not_authorized("R31", "bank_cannot_process"),
    _not_authorized("R51", blocks=False),  # not on the SDK's list of codes that block
)
RETURNS = {found.code: found for found in _RETURNS if found.code}

WRONG_CURRENCY = Return(
    None,
    "invalid_currency",
    "invalid_currency",
    "bank_cannot_process",
    "The customer's bank account cannot be debited in this currency.",
    error_code="payment_method_currency_mismatch",
)
OVER_LIMIT = Return(
    None,
    "charge_exceeds_source_limit",
    "charge_exceeds_source_limit",
    "bank_cannot_process",
    "This payment would exceed the weekly limit of this bank account.",
)


@dataclass(frozen=True)
class TestAccount:
    """`fails` before it settles; `disputed` after it settled; neither: it succeeds."""

    token: str  # Stripe's name for it in test code: pm_usBankAccount_success
    number: str
    fails: Return | None = None
    disputed: Return | None = None
    never_settles: bool = False
    refuses_microdeposits: bool = False

    __test__ = False  # a name that pytest would otherwise collect

    @property
    def last4(self) -> str:
        return self.number[-4:]


_ACCOUNTS = (
    TestAccount("pm_usBankAccount_success", "000123456789"),
    TestAccount("pm_usBankAccount_accountClosed", "000111111113", fails=RETURNS["R02"]),
    TestAccount("pm_usBankAccount_noAccount", "000111111116", fails=RETURNS["R03"]),
    TestAccount("pm_usBankAccount_insufficientFunds", "000222222227", fails=RETURNS["R01"]),
    TestAccount("pm_usBankAccount_debitNotAuthorized", "000333333335", fails=RETURNS["R10"]),
    TestAccount("pm_usBankAccount_invalidCurrency", "000444444440", fails=WRONG_CURRENCY),
    TestAccount("pm_usBankAccount_failMicrodeposits", "000666666661", refuses_microdeposits=True),
    TestAccount("pm_usBankAccount_dispute", "000555555559", disputed=RETURNS["R10"]),
    TestAccount("pm_usBankAccount_processing", "000000000009", never_settles=True),
    TestAccount("pm_usBankAccount_weeklyLimitExceeded", "000777777771", fails=OVER_LIMIT),
)
BY_TOKEN = {account.token: account for account in _ACCOUNTS}
BY_NUMBER = {account.number: account for account in _ACCOUNTS}


def read_account(fields: dict[str, Any]) -> TestAccount:
    """The test account with these numbers. Raises ApiError (400) for any other."""
    if fields.get("routing_number") != ROUTING_NUMBER:
        raise invalid(
            f"This is a demo: only the published test routing number {ROUTING_NUMBER} works here.",
            code="routing_number_invalid",
            param="us_bank_account[routing_number]",
        )
    account = BY_NUMBER.get(str(fields.get("account_number", "")))
    if account is None:
        raise invalid(
            "This is a demo: only published test account numbers work here, such as 000123456789. "
            "Never type a real account number.",
            code="account_number_invalid",
            param="us_bank_account[account_number]",
        )
    return account


def bank_account_object(
    owner: str, account: TestAccount, fields: dict[str, Any], *, connected: str | None
) -> Object:
    """The `us_bank_account` hash of a PaymentMethod of the Stripe account `owner`.

    `connected`: the id of the Financial Connections account, where the bank itself confirmed it.
    """
    return {
        "account_holder_type": fields.get("account_holder_type", "individual"),
        "account_type": fields.get("account_type", "checking"),
        "bank_name": BANK_NAME,
        "financial_connections_account": connected,
        "fingerprint": hashlib.sha256(f"{owner}:{account.number}".encode()).hexdigest()[:16],
        "last4": account.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": ROUTING_NUMBER,
        "status_details": None,
    }


def business_days_later(moment: int, days: int) -> int:
    """The same time of day (UTC) that many weekdays after `moment`; both in seconds since 1970.

    Bank holidays are not simulated.
    """
    at = datetime.fromtimestamp(moment, UTC)
    while days > 0:
        at += timedelta(days=1)
        days -= at.weekday() < 5
    return int(at.timestamp())
