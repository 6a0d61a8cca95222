"""The receipt of a settled payment: asked for in the settling transaction, rendered by the worker."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.payment import Payment


class Receipt(models.Model):
    """Exactly one per settled payment. `mailed_at` is set in the transaction that fills the outbox."""

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="receipt")
    email = models.EmailField(_("mailed to"), blank=True)
    language = models.CharField(_("language"), max_length=2, default="en")
    created_at = models.DateTimeField(auto_now_add=True)
    # The itemised edition, for the signed-in member; the mailed edition is in the outbox.
    pdf = models.BinaryField(null=True)
    rendered_at = models.DateTimeField(_("rendered"), null=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True)
    mail_id = models.BigIntegerField(_("mail"), null=True, help_text=_("Key in the outbox"))
    # Nobody else renders before this; a failed attempt leaves it standing, so that the next waits.
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Mailed again because somebody asked for it.
    resent_at = models.DateTimeField(_("mailed again"), null=True)
    resends = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        indexes = [
            models.Index(fields=["id"], name="receipt_due", condition=Q(rendered_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"Receipt {self.payment_id}"


class ReceiptLink(models.Model):
    """What opens a guest's receipt page from the mail: once, within a day. Only its hash is kept."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="receipt_links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("receipt link")
        verbose_name_plural = _("receipt links")

    def __str__(self) -> str:
        return f"Link to {self.payment_id}"
