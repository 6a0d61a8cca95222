"""Money that goes back: refunds that we send, and what banks take."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from payments.models.allocation import Allocation
from payments.models.payment import Payment


class RefundState(models.TextChoices):
    """Where a refund is. The allowed moves are REFUND_MOVES."""

    CREATED = "created", pgettext_lazy("refund", "Created")  # promised; nothing was sent
    PENDING = "pending", pgettext_lazy("refund", "On its way")  # Stripe has it
    UNKNOWN = "unknown", pgettext_lazy("refund", "We are checking")  # asked for, no answer yet
    SUCCEEDED = "succeeded", pgettext_lazy("refund", "Refunded")  # it is back
    FAILED = "failed", pgettext_lazy("refund", "Could not be sent")  # it became account balance


REFUND_MOVES: dict[str, tuple[str, ...]] = {
    RefundState.CREATED: (
        RefundState.PENDING,
        RefundState.UNKNOWN,
        RefundState.SUCCEEDED,
        RefundState.FAILED,
    ),
    RefundState.UNKNOWN: (RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED),
    RefundState.PENDING: (RefundState.SUCCEEDED, RefundState.FAILED),
    RefundState.SUCCEEDED: (RefundState.FAILED,),  # a bank may send it back days later
    RefundState.FAILED: (),
}


class Refund(models.Model):
    """A part of one payment that goes back. One row is one attempt under one idempotency key."""

    class Destination(models.TextChoices):
        SOURCE = "source", _("Card or bank account")  # where it came from
        BALANCE = "balance", _("Account balance")  # at once, without Stripe
        NOWHERE = "nowhere", _("Recorded in error")  # a check or cash that never was this one's

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    reference = models.CharField(_("reference"), max_length=20, unique=True)
    amount_cents = models.BigIntegerField(_("amount"))
    destination = models.CharField(_("to"), max_length=10, choices=Destination.choices)
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(
        _("state"), max_length=10, choices=RefundState.choices, default=RefundState.CREATED
    )
    refund_id = models.CharField(_("Refund"), max_length=80, unique=True, null=True)  # noqa: DJ001
    failure_code = models.CharField(_("failure"), max_length=60, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("requested"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    lease_until = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="refund_amount_positive"),
            # What goes to no card or bank account, Stripe never heard of.
            models.CheckConstraint(
                condition=Q(destination="source") | Q(refund_id__isnull=True, sent_at__isnull=True),
                name="refund_at_stripe_goes_to_source",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"],
                name="refund_unsettled",
                condition=Q(state__in=["created", "unknown", "pending"]),
            ),
            # What was recorded in error is rare, and every sum of money in asks for it.
            models.Index(
                fields=["payment"],
                name="refund_in_error",
                include=["amount_cents"],
                condition=Q(destination="nowhere"),
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="refund_state_moves",
                field="state",
                transitions=[(old, new) for old, news in REFUND_MOVES.items() for new in news],
            ),
            pgtrigger.Protect(
                name="refund_starts_created",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.state <> 'created'"),
            ),
            pgtrigger.Protect(
                name="refund_amount_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.amount_cents <> NEW.amount_cents OR OLD.payment_id <> NEW.payment_id"
                ),
            ),
            pgtrigger.Protect(name="refund_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.reference


class RefundPart(models.Model):
    """Which bill of the payment a refund comes from; no allocation means money added to the balance."""

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="parts")
    allocation = models.ForeignKey(
        Allocation, on_delete=models.PROTECT, null=True, related_name="refund_parts"
    )
    amount_cents = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("refund part")
        verbose_name_plural = _("refund parts")
        constraints = [
            models.UniqueConstraint(
                fields=["refund", "allocation"], nulls_distinct=False, name="refund_part_unique"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="refund_part_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.refund_id}: {self.amount_cents}"


class DisputeState(models.TextChoices):
    """Where a dispute is. The allowed moves are DISPUTE_MOVES."""

    OPEN = "open", pgettext_lazy("dispute", "Open")  # the bank took the money until it decides
    WON = "won", pgettext_lazy("dispute", "Decided for us")  # the money is back
    LOST = "lost", pgettext_lazy("dispute", "Decided for the payer")  # the bills are owed again


DISPUTE_MOVES: dict[str, tuple[str, ...]] = {
    DisputeState.OPEN: (DisputeState.WON, DisputeState.LOST),
    DisputeState.WON: (),
    DisputeState.LOST: (),
}


class Dispute(models.Model):
    """A bank took a payment back: a cardholder's dispute, or a bank debit returned after success."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    dispute_id = models.CharField(_("Dispute"), max_length=80, unique=True)
    amount_cents = models.BigIntegerField(_("amount"))
    # What of it was at the source no more: the payer had it back already, and owes it.
    excess_cents = models.BigIntegerField(_("above what was left"), default=0, db_default=0)
    reason = models.CharField(_("reason"), max_length=60)
    is_return = models.BooleanField(_("returned bank debit"), default=False)
    state = models.CharField(
        _("state"), max_length=10, choices=DisputeState.choices, default=DisputeState.OPEN
    )
    opened_at = models.DateTimeField(_("opened"), auto_now_add=True)
    decided_at = models.DateTimeField(_("decided"), null=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="dispute_amount_positive"),
            models.CheckConstraint(
                condition=Q(excess_cents__gte=0) & Q(excess_cents__lte=F("amount_cents")),
                name="dispute_excess_in_bounds",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-opened_at", "-id"], name="dispute_returned", condition=Q(is_return=True)
            ),
            models.Index(
                fields=["-opened_at", "-id"],
                name="dispute_open",
                condition=Q(is_return=False, state="open"),
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="dispute_state_moves",
                field="state",
                transitions=[(old, new) for old, news in DISPUTE_MOVES.items() for new in news],
            ),
            pgtrigger.Protect(name="dispute_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.dispute_id
