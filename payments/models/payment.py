"""A payment and every move of its life (docs/money-flow.md).

One payment is one attempt: one row, one PaymentIntent, one idempotency key for each call. A declined
payment stays declined; trying again is another payment.
"""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region
from billing.models import BillingAccount
from common.clock import business_date
from common.db import append_only
from payments.models.checkout import Checkout
from payments.models.method import Authorization, PaymentMethod


class State(models.TextChoices):
    """Where a payment is. The allowed moves are MOVES."""

    CREATED = "created", pgettext_lazy("payment", "Created")  # ours alone; nothing was sent
    SUBMITTED = "submitted", pgettext_lazy("payment", "Submitted")  # Stripe may know of it
    REQUIRES_ACTION = "requires_action", pgettext_lazy("payment", "Your bank asks you to confirm")
    PROCESSING = "processing", pgettext_lazy("payment", "Processing")  # the bank is at work
    UNKNOWN = "unknown", pgettext_lazy("payment", "We are checking")  # asked for, no answer yet
    SUCCEEDED = "succeeded", pgettext_lazy("payment", "Paid")  # the money has moved
    FAILED = "failed", pgettext_lazy("payment", "Declined")  # refused; can never charge again
    CANCELED = "canceled", pgettext_lazy("payment", "Not charged")  # given up; can never charge
    PARTLY_REFUNDED = "partly_refunded", pgettext_lazy("payment", "Partly refunded")  # some is back
    REFUNDED = "refunded", pgettext_lazy("payment", "Refunded")  # all of it went back
    DISPUTED = "disputed", pgettext_lazy("payment", "Disputed")  # the bank holds it for now
    RETURNED = "returned", pgettext_lazy("payment", "Returned")  # the bank took it back for good


MOVES: dict[str, tuple[str, ...]] = {
    State.CREATED: (State.SUBMITTED, State.CANCELED),
    State.SUBMITTED: (
        State.REQUIRES_ACTION,
        State.PROCESSING,
        State.UNKNOWN,
        State.SUCCEEDED,
        State.FAILED,
        State.CANCELED,
    ),
    State.REQUIRES_ACTION: (
        State.PROCESSING,
        State.UNKNOWN,
        State.SUCCEEDED,
        State.FAILED,
        State.CANCELED,
    ),
    State.UNKNOWN: (
        State.REQUIRES_ACTION,
        State.PROCESSING,
        State.SUCCEEDED,
        State.FAILED,
        State.CANCELED,
    ),
    State.PROCESSING: (State.SUCCEEDED, State.FAILED, State.CANCELED),
    State.FAILED: (),
    State.CANCELED: (),
    # After the money has arrived it may go back, in parts, and a refund may fail.
    State.SUCCEEDED: (State.PARTLY_REFUNDED, State.REFUNDED, State.DISPUTED, State.RETURNED),
    State.PARTLY_REFUNDED: (State.SUCCEEDED, State.REFUNDED, State.DISPUTED, State.RETURNED),
    State.REFUNDED: (State.SUCCEEDED, State.PARTLY_REFUNDED, State.DISPUTED, State.RETURNED),
    State.DISPUTED: (State.SUCCEEDED, State.PARTLY_REFUNDED, State.REFUNDED, State.RETURNED),
    State.RETURNED: (),
}

# Nobody may start another payment of the same bill while one of these has not ended.
IN_FLIGHT = (State.CREATED, State.SUBMITTED, State.REQUIRES_ACTION, State.UNKNOWN)
# The amount is set aside on the bill, and only the rest can be paid.
RESERVING = (*IN_FLIGHT, State.PROCESSING)

# Nothing was taken, and nothing ever will be.
CAME_TO_NOTHING = (State.FAILED, State.CANCELED)
# The money arrived; the books have its entry.
SETTLED = (
    State.SUCCEEDED,
    State.PARTLY_REFUNDED,
    State.REFUNDED,
    State.DISPUTED,
    State.RETURNED,
)

_IN_FLIGHT_SQL = ", ".join(f"'{state.value}'" for state in IN_FLIGHT)


class Payment(models.Model):
    """One attempt to pay `amount_cents`: to bills (Allocation), or into the account balance.

    Stripe is asked for charge_cents, which is the amount without what the account balance pays.
    """

    class Payer(models.TextChoices):
        MEMBER = "member", _("Member")  # signed in, paying in the browser
        GUEST = "guest", _("Guest")  # without an account
        SYSTEM = "system", _("Automatic")  # the account balance, where its owner switched that on
        STAFF = "staff", _("Staff")  # a check or cash that staff recorded
        AUTOPAY = "autopay", _("Autopay")  # on its day, as its owner agreed to

    reference = models.CharField(_("reference"), max_length=20, unique=True)
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="payments")
    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="payments")
    checkout = models.OneToOneField(
        Checkout, on_delete=models.PROTECT, null=True, related_name="payment"
    )
    payer = models.CharField(_("payer"), max_length=10, choices=Payer.choices)
    paid_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="payments"
    )
    # Where a guest wants the receipt, in which language; given after paying, never shown to the member.
    guest_email = models.EmailField(_("guest's e-mail"), blank=True, default="", db_default="")
    guest_language = models.CharField(
        _("guest's language"), max_length=2, blank=True, default="", db_default=""
    )
    amount_cents = models.BigIntegerField(_("amount"))
    # Paid from the account balance, and added to it.
    from_balance_cents = models.BigIntegerField(_("from balance"), default=0, db_default=0)
    to_balance_cents = models.BigIntegerField(_("to balance"), default=0, db_default=0)
    # Gone back or promised back to the source; taken by a bank, for now or for good.
    refunded_cents = models.BigIntegerField(_("refunded"), default=0, db_default=0)
    disputed_cents = models.BigIntegerField(_("disputed"), default=0, db_default=0)
    # The part of to_balance_cents that refunds and returns took back.
    balance_reversed_cents = models.BigIntegerField(default=0, db_default=0)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.CREATED)

    confirmation_token = models.CharField(max_length=80, blank=True)
    saved_method = models.ForeignKey(
        PaymentMethod, on_delete=models.PROTECT, null=True, related_name="payments"
    )
    save_method = models.BooleanField(default=False, db_default=False)
    authorization = models.ForeignKey(Authorization, on_delete=models.PROTECT, null=True)
    intent_id = models.CharField(_("PaymentIntent"), max_length=80, unique=True, null=True)  # noqa: DJ001
    method_kind = models.CharField(_("method"), max_length=20, blank=True)
    method_brand = models.CharField(_("brand"), max_length=40, blank=True)
    method_last4 = models.CharField(_("last four"), max_length=4, blank=True)
    # Why it was refused, in Stripe's words; people read payments.declines.explain.
    decline_code = models.CharField(_("decline code"), max_length=60, blank=True)
    # Why a person must look: what Stripe holds is not what we asked for.
    review_reason = models.CharField(_("needs review"), max_length=200, blank=True)

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    submitted_at = models.DateTimeField(_("submitted"), null=True)
    settled_at = models.DateTimeField(_("settled"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    # A bank debit is expected to have settled by then, on the region's calendar.
    expected_on = models.DateField(_("expected"), null=True)
    # Only the holder of an unexpired lease talks to Stripe about this payment.
    lease_until = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)
    checks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(settled_at__isnull=False),
                name="payment_succeeded_has_settled_at",
            ),
            models.CheckConstraint(
                condition=Q(from_balance_cents__gte=0)
                & Q(from_balance_cents__lte=F("amount_cents"))
                & Q(to_balance_cents__gte=0)
                & (Q(from_balance_cents=0) | Q(to_balance_cents=0)),
                name="payment_balance_parts_in_bounds",
            ),
            # Refunds and disputes together never exceed what was captured.
            models.CheckConstraint(
                condition=Q(refunded_cents__gte=0)
                & Q(disputed_cents__gte=0)
                & Q(
                    amount_cents__gte=F("refunded_cents")
                    + F("disputed_cents")
                    + F("from_balance_cents")
                ),
                name="payment_goes_back_once",
            ),
            models.CheckConstraint(
                condition=Q(balance_reversed_cents__gte=0)
                & Q(balance_reversed_cents__lte=F("to_balance_cents")),
                name="payment_balance_reversed_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(guest_email="") | Q(payer="guest"), name="payment_guest_email_is_a_guests"
            ),
            # Nacha: no debit of a bank account without its stored authorisation.
            models.CheckConstraint(
                condition=~Q(method_kind="us_bank_account") | Q(authorization__isnull=False),
                name="payment_by_bank_is_authorized",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="payment_by_account"),
            # With the amounts, so that a month's money is added up from the index alone.
            models.Index(
                fields=["settled_at"],
                name="payment_settled",
                condition=Q(settled_at__isnull=False),
                include=["amount_cents", "from_balance_cents"],
            ),
            models.Index(
                fields=["created_at"],
                name="payment_by_guest",
                condition=Q(payer="guest"),
            ),
            models.Index(
                fields=["method_last4", "-created_at"],
                name="payment_by_last_four",
                condition=~Q(method_last4=""),
            ),
            models.Index(
                fields=["created_at"], name="payment_in_review", condition=~Q(review_reason="")
            ),
            models.Index(
                fields=["next_check_at"],
                name="payment_unsettled",
                condition=Q(state__in=[state.value for state in RESERVING]),
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="payment_state_moves",
                field="state",
                transitions=[(old, new) for old, news in MOVES.items() for new in news],
            ),
            pgtrigger.Protect(
                name="payment_starts_created",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.state <> 'created'"),
            ),
            pgtrigger.Protect(
                name="payment_amount_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.amount_cents <> NEW.amount_cents OR OLD.account_id <> NEW.account_id"
                    " OR OLD.from_balance_cents <> NEW.from_balance_cents"
                    " OR OLD.to_balance_cents <> NEW.to_balance_cents"
                ),
            ),
            pgtrigger.Protect(name="payment_is_kept", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="payment_state_releases_bills",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("state"),
                func=f"""
                    UPDATE payments_allocation SET in_flight = NEW.state IN ({_IN_FLIGHT_SQL})
                    WHERE payment_id = NEW.id
                      AND in_flight <> (NEW.state IN ({_IN_FLIGHT_SQL}));
                    RETURN NULL;
                """,  # noqa: S608
            ),
            pgtrigger.Trigger(
                name="payment_is_allocated",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                declare=[("total", "numeric")],
                func="""
                    SELECT coalesce(sum(amount_cents), 0) INTO total
                    FROM payments_allocation WHERE payment_id = NEW.id AND moved_from_id IS NULL;
                    IF total + NEW.to_balance_cents <> NEW.amount_cents THEN
                        RAISE EXCEPTION 'payment % of % cents allocates %',
                            NEW.id, NEW.amount_cents, total
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_is_allocated';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def charge_cents(self) -> int:
        """What Stripe is asked for."""
        return self.amount_cents - self.from_balance_cents

    @property
    def is_overdue(self) -> bool:
        """Whether the day on which a bank debit was expected is past, on the region's calendar."""
        return self.expected_on is not None and self.expected_on < business_date(self.region.time_zone)

    @property
    def has_outcome(self) -> bool:
        """Whether the money has arrived, or never will."""
        return self.state not in RESERVING


class PaymentEvent(models.Model):
    """One move of a payment: the member's timeline and the auditor's trail."""

    class Via(models.TextChoices):
        BROWSER = "browser", _("Browser")  # somebody is waiting at a page
        WEBHOOK = "webhook", _("Webhook")  # Stripe told us
        RECONCILER = "reconciler", _("Reconciler")  # we asked
        STAFF = "staff", _("Staff")  # support acted, or a refund was asked for
        SCHEDULE = "schedule", _("Schedule")  # its day had come

    append_only = True

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    from_state = models.CharField(max_length=16, choices=State.choices, blank=True)
    to_state = models.CharField(max_length=16, choices=State.choices)
    via = models.CharField(max_length=12, choices=Via.choices)
    detail = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = _("payment event")
        verbose_name_plural = _("payment events")
        ordering = ["at", "id"]
        triggers = append_only("payment_event")

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}"
