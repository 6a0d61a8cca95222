"""What of a payment goes to which bill, and what staff moved to another one."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.models import Invoice
from common.db import append_only
from payments.models.payment import Payment


class Allocation(models.Model):
    """How much of a payment goes to which bill, in cents."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="allocations")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="allocations")
    amount_cents = models.BigIntegerField(_("amount"))
    # What refunds and returns took back of it, so that the bill is owed again.
    reversed_cents = models.BigIntegerField(default=0, db_default=0)
    # Of what became account balance when the bill was canceled: what went back to the source since.
    canceled_reversed_cents = models.BigIntegerField(default=0, db_default=0)
    # What staff moved to another bill of the account (payments.services.moving), and where from.
    moved_cents = models.BigIntegerField(default=0, db_default=0)
    moved_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="moved_to")
    # Follows the payment's state by trigger; carries the rule of one payment in flight per bill.
    in_flight = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.UniqueConstraint(fields=["payment", "invoice"], name="allocation_unique"),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(in_flight=True),
                name="one_payment_in_flight_per_invoice",
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="allocation_amount_positive"),
            models.CheckConstraint(
                condition=Q(reversed_cents__gte=0)
                & Q(canceled_reversed_cents__gte=0)
                & Q(moved_cents__gte=0)
                & Q(
                    amount_cents__gte=F("reversed_cents")
                    + F("canceled_reversed_cents")
                    + F("moved_cents")
                ),
                name="allocation_reversed_in_bounds",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="allocation_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.amount_cents <> NEW.amount_cents OR OLD.invoice_id <> NEW.invoice_id"
                    " OR OLD.payment_id <> NEW.payment_id"
                ),
            ),
            pgtrigger.Protect(name="allocation_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.payment_id} → {self.invoice_id}: {self.amount_cents}"

    @property
    def kept_cents(self) -> int:
        """What of it stayed with this bill, whether it went back since or not."""
        return self.amount_cents - self.moved_cents

    @property
    def canceled_cents(self) -> int:
        """What of it became account balance, because the bill was canceled after it was paid."""
        return 0 if self.invoice.voided_at is None else self.kept_cents - self.reversed_cents

    @property
    def in_balance_cents(self) -> int:
        """What of that did not go back to its source yet, whether it is still there or was spent."""
        return self.canceled_cents - self.canceled_reversed_cents


class PaymentMove(models.Model):
    """Staff found that a part of a payment belongs to another bill. Final, like its journal entry."""

    append_only = True

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="moves")
    from_invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    to_invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    amount_cents = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    moved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    moved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "payment move"
        verbose_name_plural = "payment moves"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0) & ~Q(from_invoice=F("to_invoice")),
                name="payment_move_is_one",
            ),
        ]
        triggers = append_only("payment_move")

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.amount_cents}"
