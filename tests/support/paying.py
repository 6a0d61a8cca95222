"""Paying as a member would, without the browser; and the invariants that hold afterwards."""

import datetime as dt
import logging

from billing.models import BillingAccount, Invoice, JournalLine
from billing.services.sealing import seal_ledger
from common.clock import business_date, now
from demo.stripe.core import Sandbox
from payments.authorizations import Agreement, for_payment, needs_authorization
from payments.gateway import Consent
from payments.models import (
    CAME_TO_NOTHING,
    RESERVING,
    SETTLED,
    Checkout,
    Payment,
    PaymentEvent,
    Receipt,
    Refund,
    State,
)
from payments.services import checkout as checkouts
from payments.services import leases, reconcile, refunds, settlement, submission, webhooks
from payments.services.lateness import late
from payments.services.verification import CHECKS
from tests.support.stripe import charged

CARD = "pm_card_visa"
SPREAD = 1.25  # a check comes so much later than planned, at most


def start_checkout(
    sandbox: Sandbox, invoice: Invoice, amount_cents: int | None = None, *, card: str = CARD
) -> Checkout:
    """A checkout that only has to be confirmed: bill, amount and method are chosen."""
    account = invoice.account
    checkout = checkouts.start(
        account=account,
        started_by=account.guarantor.user,
        amounts={invoice: invoice.payable_cents if amount_cents is None else amount_cents},
    )
    token = sandbox.confirmation_token(account.region.stripe_account, card=card)
    checkouts.choose_method(checkout=checkout, token=token)
    checkout.refresh_from_db()
    return checkout


def confirm(checkout: Checkout) -> Payment:
    """Press "Pay": commits the payment; Stripe has not been asked yet."""
    return checkouts.confirm(
        checkout=checkout,
        reviewed=checkout.method_key,
        payer=Payment.Payer.MEMBER,
        paid_by=checkout.account.guarantor.user,
        agreement=agree(checkout),
    )


def agree(checkout: Checkout) -> Agreement | None:
    """Agree to what the review page shows for this checkout, where it asks for that."""
    if not needs_authorization(checkout):
        return None
    region = checkout.account.region
    terms = for_payment(
        region=region,
        kind=checkout.method_kind,
        method=checkout.method_last4,
        charge_cents=sum(checkout.items.values_list("amount_cents", flat=True)),
        on=business_date(region.time_zone),
        keep=checkout.save_method,
    )
    assert terms is not None
    return Agreement(terms, Consent(ip_address="203.0.113.7", user_agent="Test browser"))


def pay(
    sandbox: Sandbox, invoice: Invoice, amount_cents: int | None = None, *, card: str = CARD
) -> Payment:
    """The whole way by card, as the browser's request does it."""
    payment = confirm(start_checkout(sandbox, invoice, amount_cents, card=card))
    return submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)


def start_many(
    sandbox: Sandbox,
    amounts: dict[Invoice, int],
    *,
    from_balance_cents: int = 0,
    card: str = CARD,
) -> Checkout:
    """A checkout of several bills, partly or wholly from the account balance."""
    account = BillingAccount.objects.get(pk=next(iter(amounts)).account_id)
    checkout = checkouts.start(
        account=account,
        started_by=account.guarantor.user,
        amounts=amounts,
        from_balance_cents=from_balance_cents,
    )
    if sum(amounts.values()) > from_balance_cents:
        give_card(sandbox, checkout, card)
    return checkout


def submitted(payment: Payment) -> None:
    """Its process wrote down that it would ask Stripe, and died before it did."""
    at = payment.created_at
    taken = leases.take(
        payment.pk,
        at=at,
        until=at,
        send_since=at - submission.RESUME_WITHIN,
        via=PaymentEvent.Via.BROWSER,
    )
    assert taken is not None
    assert taken.state == State.SUBMITTED


def give_card(sandbox: Sandbox, checkout: Checkout, card: str) -> None:
    token = sandbox.confirmation_token(checkout.account.region.stripe_account, card=card)
    checkouts.choose_method(checkout=checkout, token=token)
    checkout.refresh_from_db()


def confirm_and_submit(checkout: Checkout) -> Payment:
    """Press "Pay" and wait for the answer, as the browser's request does."""
    return submission.advance(payment_id=confirm(checkout).pk, via=PaymentEvent.Via.BROWSER)


def pay_many(
    sandbox: Sandbox,
    amounts: dict[Invoice, int],
    *,
    from_balance_cents: int = 0,
    card: str = CARD,
) -> Payment:
    """Pay several bills at once, partly or wholly from the account balance."""
    return confirm_and_submit(
        start_many(sandbox, amounts, from_balance_cents=from_balance_cents, card=card)
    )


def add_money(
    sandbox: Sandbox, account: BillingAccount, amount_cents: int, *, card: str = CARD
) -> Payment:
    """Add money to the account balance by card."""
    checkout = checkouts.start(
        account=account,
        started_by=account.guarantor.user,
        amounts={},
        to_balance_cents=amount_cents,
    )
    give_card(sandbox, checkout, card)
    return confirm_and_submit(checkout)


def hear(sandbox: Sandbox) -> None:
    """Every webhook that Stripe has for us arrives and is worked on."""
    sandbox.webhooks.deliver_due()
    webhooks.process_pending(at=later(minutes=1))


def states(payment: Payment) -> list[str]:
    """Every state the payment has been in, in order."""
    return list(payment.events.values_list("to_state", flat=True))


def later(**delta: float) -> dt.datetime:
    """A moment from now on."""
    return now() + dt.timedelta(**delta)


class _Alerts(logging.Handler):
    """Remembers for which payments the alert of lateness was raised in this process."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "payment.unsettled_over_bound" in str(record.msg):
            self.said.append(str(record.msg))

    def heard_of(self, payment: Payment) -> bool:
        return any(payment.reference in said for said in self.said)


_alerts = _Alerts()
logging.getLogger(reconcile.__name__).addHandler(_alerts)


def assert_invariants(sandbox: Sandbox, *, at: dt.datetime | None = None) -> None:
    """I1 one charge per obligation, I2 ledger equals witness, I3 nobody is forgotten, I4 books hold,
    I5 one receipt. `at` is the latest moment at which the test had anything done.
    """
    settled = Payment.objects.filter(state__in=SETTLED)
    ended = set(Payment.objects.filter(state__in=CAME_TO_NOTHING).values_list("reference", flat=True))
    sent_back = {
        line.payment for line in sandbox.charges() if line.refunded_cents == line.charged_cents
    }
    kept = {name: cents for name, cents in charged(sandbox).items() if name not in ended & sent_back}
    assert kept == {
        payment.reference: payment.charge_cents for payment in settled if payment.charge_cents
    }, "the ledger's payments are not what the witness charged"
    assert Receipt.objects.count() == settled.count()
    clearing = JournalLine.objects.filter(ledger_account="processor_clearing")
    clearing = clearing.exclude(entry__kind__in=["fee_booked", "payout_booked"])
    assert sum(clearing.values_list("amount_cents", flat=True)) == sum(
        line.net_cents for line in sandbox.charges()
    ), "the ledger's money at Stripe is not what the witness holds"
    assert_nobody_is_forgotten(at=at)
    seal_ledger()  # so that the check of sealed blocks has blocks to read again
    for name, check in CHECKS.items():
        assert list(check()) == [], name


def assert_nobody_is_forgotten(*, at: dt.datetime | None = None) -> None:
    """I3: what has no outcome is asked about soon or with a person; none is past its bound unheard."""
    at = at or now()
    longest = {state: settlement.check_after(state, checks=100) * SPREAD for state in RESERVING}
    for payment in Payment.objects.filter(state__in=RESERVING, review_reason=""):
        name = payment.reference
        assert payment.next_check_at is not None, f"{name} is never asked about"
        assert payment.next_check_at <= at + longest[payment.state], f"{name} waits too long"
        assert late(at + dt.timedelta(days=60)).filter(pk=payment.pk).exists(), f"{name} has no bound"
    # Where the bound falls between two checks, the second one tells.
    overdue = late(at - max(longest.values())).filter(review_reason="", next_check_at__gt=at)
    assert [payment for payment in overdue if not _alerts.heard_of(payment)] == [], "late, no alert"
    unsettled = Refund.objects.filter(state__in=refunds.UNSETTLED)
    forgotten = unsettled.exclude(next_check_at__lte=at + refunds.ASK_PENDING_AFTER * SPREAD)
    assert list(forgotten) == [], "a refund that nobody asks about soon"


def owed(account: BillingAccount) -> int:
    """What the account's bills still owe, in cents."""
    return sum(account.invoices.values_list("open_cents", flat=True))
