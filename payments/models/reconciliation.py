"""Stripe's own book, copied line by line, and where it differs from ours."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class StripePayout(models.Model):
    """Money that Stripe sent to our bank."""

    stripe_account = models.SlugField(_("Stripe account"), max_length=20)
    payout_id = models.CharField(_("Payout"), max_length=80, unique=True)
    amount_cents = models.BigIntegerField(_("amount"))
    status = models.CharField(_("status"), max_length=20)
    arrives_on = models.DateField(_("arrives"))
    # Stripe tells which movements it consists of; one made by hand it does not.
    itemized = models.BooleanField(_("itemized"), default=True, db_default=True)
    seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")

    def __str__(self) -> str:
        return self.payout_id


class StripeTransaction(models.Model):
    """One balance transaction: what moved on our Stripe balance, its fee, and why."""

    stripe_account = models.SlugField(_("Stripe account"), max_length=20)
    transaction_id = models.CharField(_("Balance transaction"), max_length=80, unique=True)
    type = models.CharField(_("type"), max_length=40)
    source_id = models.CharField(_("source"), max_length=80, blank=True)
    intent_id = models.CharField(_("PaymentIntent"), max_length=80, blank=True)
    amount_cents = models.BigIntegerField(_("gross"))
    fee_cents = models.BigIntegerField(_("fee"))
    net_cents = models.BigIntegerField(_("net"))
    made_at = models.DateTimeField(_("made"))
    payout = models.ForeignKey(
        StripePayout, on_delete=models.PROTECT, null=True, related_name="transactions"
    )

    class Meta:
        verbose_name = _("Stripe transaction")
        verbose_name_plural = _("Stripe transactions")
        indexes = [
            models.Index(fields=["stripe_account", "made_at"], name="stripe_transaction_made"),
            models.Index(fields=["intent_id"], name="stripe_transaction_intent"),
            models.Index(fields=["source_id"], name="stripe_transaction_source"),
        ]

    def __str__(self) -> str:
        return self.transaction_id


class Difference(models.Model):
    """Something that Stripe's book and ours do not agree on; staff look until it is resolved.

    Amounts are what happened to our balance at Stripe: a refund or a fee is negative. None: nothing.
    """

    class Kind(models.TextChoices):
        UNKNOWN_CHARGE = "unknown_charge", _("Stripe has a charge that we lack")
        MISSING_CHARGE = "missing_charge", _("We have a payment that Stripe lacks")
        UNKNOWN_REFUND = "unknown_refund", _("Stripe has a refund that we lack")
        MISSING_REFUND = "missing_refund", _("We have a refund that Stripe lacks")
        AMOUNT = "amount", _("The amounts differ")
        FEE = "fee", _("A fee differs from what was booked")
        PAYOUT = "payout", _("A payout does not add up")
        MOVEMENT = "movement", _("A movement that nothing here explains")
        BALANCE = "balance", _("Stripe holds another balance than our books say")

    stripe_account = models.SlugField(_("Stripe account"), max_length=20)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    object_id = models.CharField(_("object"), max_length=80)
    ours_cents = models.BigIntegerField(_("ours"), null=True)
    theirs_cents = models.BigIntegerField(_("Stripe's"), null=True)
    found_on = models.DateField(_("found"))
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    resolution = models.CharField(_("resolution"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        constraints = [
            models.UniqueConstraint(
                fields=["stripe_account", "kind", "object_id"], name="difference_listed_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["-found_on", "-id"],
                name="difference_open",
                condition=models.Q(resolved_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class ReconciledDay(models.Model):
    """A day (UTC, as Stripe counts) that was copied, booked and compared to its end."""

    stripe_account = models.SlugField(_("Stripe account"), max_length=20)
    day = models.DateField(_("day"))
    finished_at = models.DateTimeField(_("finished"), auto_now=True)
    differences = models.PositiveIntegerField(_("open differences"))

    class Meta:
        verbose_name = _("reconciled day")
        verbose_name_plural = _("reconciled days")
        constraints = [
            models.UniqueConstraint(fields=["stripe_account", "day"], name="day_reconciled_once"),
        ]

    def __str__(self) -> str:
        return f"{self.stripe_account} {self.day}"
