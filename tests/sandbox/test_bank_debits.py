"""Bank debits: a mandate, days of processing, then settled, refused, or taken back weeks later."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from demo.stripe import ach
from demo.stripe.core import Sandbox
from tests.sandbox.conftest import Inbox
from tests.sandbox.steps import ACCEPTED, RETURN_URL, confirm, create, debit, pay

A_WEEK = timedelta(days=7)  # more than four business days, whatever the weekday


def _charge(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return client.v1.charges.retrieve(str(intent.latest_charge))


def test_a_debit_is_processing_for_four_business_days_and_then_succeeds(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    token = sandbox.confirmation_token("ncal", card="pm_usBankAccount_success")
    preview = ncal.v1.confirmation_tokens.retrieve(token).payment_method_preview
    assert preview is not None
    assert preview.us_bank_account is not None
    assert (preview.type, preview.us_bank_account.last4) == ("us_bank_account", "6789")

    sent = confirm(ncal, create(ncal), confirmation_token=token, mandate_data=ACCEPTED)
    assert (sent.status, sent.amount_received) == ("processing", 0)
    charge = _charge(ncal, sent)
    assert (charge.status, charge.paid, charge.amount_captured) == ("pending", False, 0)
    (line,) = sandbox.charges()
    assert (line.method, line.pending_cents, line.charged_cents) == ("us_bank_account", 4210, 0)

    settles = datetime.fromtimestamp(ach.business_days_later(charge.created, 4), UTC)
    sandbox.shift_clock(settles - sandbox.now() - timedelta(seconds=5))
    assert ncal.v1.payment_intents.retrieve(sent.id).status == "processing"
    sandbox.shift_clock(timedelta(seconds=10))
    settled = ncal.v1.payment_intents.retrieve(sent.id)
    assert (settled.status, settled.amount_received) == ("succeeded", 4210)
    assert _charge(ncal, sent).status == "succeeded"
    (line,) = sandbox.charges()
    assert (line.pending_cents, line.charged_cents, line.fee_cents) == (0, 4210, 34)


@pytest.mark.parametrize(
    ("friday", "days", "then"),
    [
        ("2026-11-20T15:00", 1, "2026-11-23T15:00"),
        ("2026-11-20T15:00", 4, "2026-11-26T15:00"),
        ("2026-11-21T15:00", 1, "2026-11-23T15:00"),
        ("2026-11-20T15:00", 0, "2026-11-20T15:00"),
    ],
)
def test_weekends_are_no_business_days(friday: str, days: int, then: str) -> None:
    def seconds(text: str) -> int:
        return int(datetime.fromisoformat(text + "+00:00").timestamp())

    assert ach.business_days_later(seconds(friday), days) == seconds(then)


def test_without_the_payers_mandate_nothing_is_sent(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    nowhere = {"customer_acceptance": {"type": "online", "online": {"ip_address": "192.0.2.7"}}}
    for given, param in (
        ({}, "mandate_data"),
        ({"mandate_data": nowhere}, "mandate_data[customer_acceptance][online][user_agent]"),
        ({"mandate": "mandate_unknown"}, "mandate"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            confirm(ncal, create(ncal), payment_method="pm_usBankAccount_success", **given)
        assert refused.value.param == param
    assert sandbox.charges() == []
    assert len(sandbox.violations()) == 2


def test_the_mandate_for_one_payment_is_kept_and_used_up(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sent = debit(ncal)
    details = _charge(ncal, sent).payment_method_details
    assert details is not None
    assert details.us_bank_account is not None
    mandate = ncal.v1.mandates.retrieve(str(details.us_bank_account.mandate))
    assert (mandate.status, mandate.type) == ("active", "single_use")
    assert mandate.single_use is not None
    assert mandate.single_use.amount == 4210
    assert mandate.customer_acceptance.online is not None
    assert mandate.customer_acceptance.online.ip_address == "192.0.2.7"
    sandbox.shift_clock(A_WEEK)
    assert ncal.v1.mandates.retrieve(mandate.id).status == "inactive"


@pytest.mark.parametrize(
    ("account", "failure_code", "network_code", "blocked"),
    [
        ("noAccount", "no_account", "R03", "bank_account_invalid_details"),
        ("accountClosed", "account_closed", "R02", "bank_account_closed"),
        ("insufficientFunds", "insufficient_funds", "R01", None),
        ("debitNotAuthorized", "debit_not_authorized", "R10", "debit_not_authorized"),
        ("invalidCurrency", "invalid_currency", None, None),
        ("weeklyLimitExceeded", "charge_exceeds_source_limit", None, None),
    ],
)
def test_a_debit_that_fails_says_why_and_takes_nothing(
    ncal: stripe.StripeClient,
    sandbox: Sandbox,
    account: str,
    failure_code: str,
    network_code: str | None,
    blocked: str | None,
) -> None:
    sent = debit(ncal, account)
    assert sent.status == "processing"
    sandbox.shift_clock(A_WEEK)
    failed = ncal.v1.payment_intents.retrieve(sent.id)
    assert (failed.status, failed.payment_method) == ("requires_payment_method", None)
    error = failed.last_payment_error
    assert error is not None
    assert getattr(error, "network_decline_code", None) == network_code
    charge = _charge(ncal, sent)
    assert (charge.status, charge.failure_code) == ("failed", failure_code)
    method = ncal.v1.payment_methods.retrieve(str(sent.payment_method))
    assert method.us_bank_account is not None
    details = method.us_bank_account.status_details
    assert (details and details.blocked and details.blocked.reason) == blocked
    (line,) = sandbox.charges()
    assert (line.charged_cents, line.pending_cents, line.net_cents, line.fee_cents) == (0, 0, 0, 0)


def test_events_tell_the_story_of_a_debit(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    debit(ncal)
    debit(ncal, "insufficientFunds")
    sandbox.webhooks.deliver_due()
    sent = ["payment_intent.created", "charge.pending", "payment_intent.processing"]
    assert inbox.types() == sent * 2
    inbox.letters.clear()
    sandbox.shift_clock(A_WEEK)
    sandbox.webhooks.deliver_due()
    assert [name for name in inbox.types() if name.startswith(("charge", "payment_intent"))] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.failed",
        "payment_intent.payment_failed",
    ]


def test_after_a_failed_debit_the_same_intent_takes_another_method(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sent = debit(ncal, "noAccount")
    sandbox.shift_clock(A_WEEK)
    paid = confirm(ncal, sent, payment_method="pm_card_visa")
    assert paid.status == "succeeded"
    assert [line.charged_cents for line in sandbox.charges()] == [0, 4210]


def test_a_debit_on_its_way_can_be_neither_confirmed_canceled_nor_refunded(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sent = debit(ncal)
    for act in (
        lambda: confirm(ncal, sent, payment_method="pm_card_visa"),
        lambda: ncal.v1.payment_intents.cancel(sent.id),
        lambda: ncal.v1.refunds.create({"payment_intent": sent.id}),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            act()
    assert [line.pending_cents for line in sandbox.charges()] == [4210]


def test_a_settled_debit_that_is_returned_is_a_dispute_lost_from_the_start(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    sent = debit(ncal)
    sandbox.bank.settle("ncal", sent.id)
    sandbox.shift_clock(timedelta(days=45))
    sandbox.webhooks.deliver_due()
    inbox.letters.clear()
    sandbox.bank.return_payment("ncal", sent.id, code="R01")
    sandbox.webhooks.deliver_due()
    assert inbox.types() == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
    ]
    (dispute,) = ncal.v1.disputes.list({"payment_intent": sent.id}).data
    assert (dispute.status, dispute.reason, dispute.network_reason_code, dispute.amount) == (
        "lost",
        "insufficient_funds",
        "R01",
        4210,
    )
    assert dispute.is_charge_refundable is False
    assert ncal.v1.payment_intents.retrieve(sent.id).status == "succeeded"
    assert _charge(ncal, sent).disputed is True
    (line,) = sandbox.charges()
    assert (line.charged_cents, line.returned_cents, line.disputed_cents) == (4210, 4210, 0)
    assert (line.net_cents, line.fee_cents) == (0, 34 + 1500)
    with pytest.raises(ValueError, match="returned before"):
        sandbox.bank.return_payment("ncal", sent.id)
    with pytest.raises(stripe.InvalidRequestError):
        ncal.v1.disputes.close(dispute.id)


def test_a_test_account_disputes_soon_after_it_paid(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sent = debit(ncal, "dispute")
    sandbox.bank.settle("ncal", sent.id)
    assert ncal.v1.disputes.list().data == []
    sandbox.shift_clock(timedelta(days=3))
    (dispute,) = ncal.v1.disputes.list().data
    assert (dispute.status, dispute.reason, dispute.network_reason_code) == (
        "lost",
        "debit_not_authorized",
        "R10",
    )


def _saved(client: stripe.StripeClient, account: str = "success") -> tuple[str, str]:
    """A customer and their saved bank account."""
    customer = client.v1.customers.create().id
    saved = client.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": f"pm_usBankAccount_{account}",
            "confirm": True,
            "usage": "off_session",
            "return_url": RETURN_URL,
            "mandate_data": ACCEPTED,
        }
    )
    assert (saved.status, saved.payment_method is not None) == ("succeeded", True)
    assert client.v1.mandates.retrieve(str(saved.mandate)).type == "multi_use"
    return customer, str(saved.payment_method)


def test_a_saved_account_is_debited_again_under_its_mandate(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    customer, method = _saved(ncal)
    for off_session in (True, False):
        sent = pay(ncal, method, customer=customer, off_session=off_session)
        assert sent.status == "processing"
    assert [line.pending_cents for line in sandbox.charges()] == [4210, 4210]
    (listed,) = ncal.v1.payment_methods.list({"customer": customer, "type": "us_bank_account"}).data
    assert listed.id == method
    assert ncal.v1.payment_methods.list({"customer": customer, "type": "card"}).data == []


def test_paying_can_keep_the_account(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    customer = ncal.v1.customers.create().id
    first = debit(ncal, customer=customer, setup_future_usage="off_session")
    again = pay(ncal, str(first.payment_method), customer=customer, off_session=True)
    assert again.status == "processing"


@pytest.mark.parametrize("code", ["R05", "R07", "R08", "R10", "R11", "R29", "R31"])
def test_a_debit_that_was_not_authorized_ends_mandate_and_method(
    ncal: stripe.StripeClient, sandbox: Sandbox, code: str
) -> None:
    customer, method = _saved(ncal)
    sent = pay(ncal, method, customer=customer, off_session=True)
    sandbox.bank.settle("ncal", sent.id)
    sandbox.bank.return_payment("ncal", sent.id, code=code)
    details = _charge(ncal, sent).payment_method_details
    assert details is not None
    assert details.us_bank_account is not None
    assert ncal.v1.mandates.retrieve(str(details.us_bank_account.mandate)).status == "inactive"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(ncal, method, customer=customer, off_session=True)
    assert refused.value.code == "payment_method_bank_account_blocked"
    assert len(sandbox.charges()) == 1


def test_insufficient_funds_leave_mandate_and_method_alone(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    customer, method = _saved(ncal)
    sent = pay(ncal, method, customer=customer, off_session=True)
    sandbox.bank.return_payment("ncal", sent.id, code="R01")
    assert ncal.v1.payment_intents.retrieve(sent.id).status == "requires_payment_method"
    assert pay(ncal, method, customer=customer, off_session=True).status == "processing"


def test_a_withdrawn_mandate_without_a_block_wants_a_new_one(
    ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    customer, method = _saved(ncal)
    sent = pay(ncal, method, customer=customer, off_session=True)
    sandbox.bank.return_payment("ncal", sent.id, code="R51")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(ncal, method, customer=customer, off_session=True)
    assert refused.value.code == "payment_intent_mandate_invalid"
    assert pay(ncal, method, customer=customer, mandate_data=ACCEPTED).status == "processing"


def test_the_bank_refuses_acts_that_make_no_sense(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    paid, waiting = pay(ncal), create(ncal)
    for act, why in (
        (lambda: sandbox.bank.settle("ncal", paid.id), "only a payment on its way"),
        (lambda: sandbox.bank.return_payment("ncal", paid.id), "only bank payments"),
        (lambda: sandbox.bank.return_payment("ncal", waiting.id), "no debit to return"),
        (lambda: sandbox.bank.return_payment("ncal", paid.id, code="R99"), "no such return code"),
        (lambda: sandbox.bank.set_pace(hours=1), "not a pace"),
        (lambda: sandbox.bank.set_pace(settle_days=-1), "not a pace"),
    ):
        with pytest.raises(ValueError, match=why):
            act()
    with pytest.raises(KeyError):
        sandbox.bank.settle("georgia", paid.id)
    assert [line.net_cents for line in sandbox.charges()] == [4210]


def test_the_pace_can_be_set_to_at_once(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.bank.set_pace(settle_days=0)
    sent = debit(ncal)
    assert sent.status == "processing"
    assert ncal.v1.payment_intents.retrieve(sent.id).status == "succeeded"


def test_eight_who_look_at_once_see_it_settle_once(
    ncal: stripe.StripeClient, sandbox: Sandbox, inbox: Inbox
) -> None:
    sent = debit(ncal)
    with sandbox.store.write() as tx:  # the clock jumps, and nobody has looked yet
        tx.set("clock_shift_seconds", str(A_WEEK.total_seconds()))
    with ThreadPoolExecutor(8) as pool:
        statuses = pool.map(lambda _: ncal.v1.payment_intents.retrieve(sent.id).status, range(8))
        assert "succeeded" in list(statuses)
    sandbox.webhooks.deliver_due()
    assert inbox.types().count("payment_intent.succeeded") == 1
    assert sum(m.net for m in ncal.v1.balance_transactions.list({"type": "payment"}).data) == 4176


def test_one_account_never_settles_by_itself(ncal: stripe.StripeClient, sandbox: Sandbox) -> None:
    sent = debit(ncal, "processing")
    sandbox.shift_clock(timedelta(days=90))
    assert ncal.v1.payment_intents.retrieve(sent.id).status == "processing"
    sandbox.bank.settle("ncal", sent.id)
    assert [line.charged_cents for line in sandbox.charges()] == [4210]


def test_a_debit_cannot_be_held_for_later_capture(ncal: stripe.StripeClient) -> None:
    held = create(ncal, capture_method="manual")
    assert held.payment_method_types == ["card"]
    with pytest.raises(stripe.InvalidRequestError, match="is not allowed"):
        confirm(ncal, held, payment_method="pm_usBankAccount_success", mandate_data=ACCEPTED)


def test_only_published_numbers_are_accounts_and_none_is_stored(
    browser: stripe.StripeClient, ncal: stripe.StripeClient, sandbox: Sandbox
) -> None:
    def make(client: stripe.StripeClient, **numbers: str) -> stripe.PaymentMethod:
        account = {"account_holder_type": "individual", "routing_number": "110000000", **numbers}
        given = {
            "type": "us_bank_account",
            "billing_details": {"name": "Ana Silva"},
            "us_bank_account": account,
        }
        return client.v1.payment_methods.create(given)  # type: ignore[arg-type]

    for account in ach.BY_NUMBER.values():
        made = make(browser, account_number=account.number, account_type="savings")
        assert made.us_bank_account is not None
        assert (made.us_bank_account.last4, made.us_bank_account.account_type) == (
            account.number[-4:],
            "savings",
        )
    for numbers, code in (
        ({"account_number": "123456789"}, "account_number_invalid"),
        ({"account_number": "000123456789", "routing_number": "021000021"}, "routing_number_invalid"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="This is a demo") as refused:
            make(browser, **numbers)
        assert refused.value.code == code
    with pytest.raises(stripe.StripeError, match="directly to the Stripe API"):
        make(ncal, account_number="000123456789")
    kept = b"".join(
        path.read_bytes() for path in sandbox.store.path.parent.glob(sandbox.store.path.name + "*")
    )
    assert b"pm_usBankAccount_success" in kept
    # The refusal names 000123456789 as an example, and idempotency keeps the refusal.
    typed = set(ach.BY_NUMBER) - {"000123456789"}
    assert [number for number in typed if number.encode() in kept] == []
