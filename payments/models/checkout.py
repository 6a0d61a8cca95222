"""A checkout: what somebody is about to pay, step by step, before any money is asked for.

A checkout is confirmed at most once: Payment.checkout is unique. A double click, the back button or
a second tab of the same checkout therefore ends at the same payment.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import BillingAccount, Invoice
from payments.models.method import Authorization, PaymentMethod


class Checkout(models.Model):
    """The draft of one payment from one account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(BillingAccount, on_delete=models.CASCADE, related_name="checkouts")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="checkouts"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # Made by Stripe's page in the browser; stands for the method, usable once, for 12 hours.
    confirmation_token = models.CharField(max_length=80, blank=True)
    method_kind = models.CharField(max_length=20, blank=True)
    method_brand = models.CharField(max_length=40, blank=True)
    method_last4 = models.CharField(max_length=4, blank=True)
    # Instead of a new method, one that was saved; and what the account balance pays or gets.
    saved_method = models.ForeignKey(
        PaymentMethod, on_delete=models.SET_NULL, null=True, related_name="checkouts"
    )
    save_method = models.BooleanField(default=False, db_default=False)
    authorization = models.ForeignKey(Authorization, on_delete=models.PROTECT, null=True)
    from_balance_cents = models.BigIntegerField(default=0, db_default=0)
    to_balance_cents = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = _("checkout")
        verbose_name_plural = _("checkouts")
        constraints = [
            models.CheckConstraint(
                condition=Q(from_balance_cents__gte=0) & Q(to_balance_cents__gte=0),
                name="checkout_balance_parts_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def method_key(self) -> str:
        """Another value for every choice of a method: what was reviewed is what is charged."""
        chosen = self.confirmation_token or str(self.saved_method_id or "")
        return f"{chosen}+keep" if self.save_method else chosen


class CheckoutItem(models.Model):
    """How much of the checkout goes to which bill, in cents."""

    checkout = models.ForeignKey(Checkout, on_delete=models.CASCADE, related_name="items")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="+")
    amount_cents = models.BigIntegerField()

    class Meta:
        verbose_name = _("checkout item")
        verbose_name_plural = _("checkout items")
        constraints = [
            models.UniqueConstraint(fields=["checkout", "invoice"], name="checkout_item_unique"),
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0), name="checkout_item_amount_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.amount_cents}"

    @property
    def owed_after_cents(self) -> int:
        """What the bill will still owe if everything on its way and this arrive."""
        return self.invoice.payable_cents - self.amount_cents
