"""What lowers a bill without a payment: an adjustment of what was billed, or a debt given up."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.models.invoices import Invoice
from common.db import append_only


class Correction(models.Model):
    """A part of a bill that is not asked for any more, and why. Final, like its journal entry."""

    append_only = True

    class Kind(models.TextChoices):
        ADJUSTMENT = "adjustment", "Adjustment"  # too much was billed: less revenue
        WRITE_OFF = "write_off", "Write-off"  # owed, and given up: an expense

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="corrections")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount_cents = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "correction"
        verbose_name_plural = "corrections"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="correction_amount_positive"),
        ]
        triggers = append_only("correction")

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_cents}"
