"""The audit log: every look at a member's record by staff, and every act (design: security, Audit).

Append-only by trigger and by the runtime role's rights, sealed in hash-chained blocks
(staff.services.audit). Kept for six years (45 CFR 164.316(b)(2)(i)); nothing here deletes.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from billing.models import BillingAccount
from common.db import CurrentTransactionId, TransactionIdField, append_only


class Action(models.TextChoices):
    """What was done. A new act gets a line here."""

    SEARCHED = "searched", _("Searched for a member")
    LOOKED = "looked", _("Opened a member's page")
    LISTED = "listed", _("Opened or downloaded a list")
    REFUNDED = "refunded", _("Refunded a payment")
    REFUND_REQUESTED = "refund_requested", _("Asked for a refund above the limit")
    REFUND_APPROVED = "refund_approved", _("Approved a refund")
    REFUND_DECLINED = "refund_declined", _("Declined a refund")
    PAYMENT_RECORDED = "payment_recorded", _("Recorded a payment")
    PAYMENT_UNDONE = "payment_undone", _("Took back a recorded payment")
    REFUND_ASKED = "refund_asked", _("Asked Stripe about a refund")
    CHARGE_SENT_BACK = "charge_sent_back", _("Sent a charge back that was not ours to keep")
    BALANCE_APPLIED = "balance_applied", _("Applied an account balance")
    BALANCE_REFUNDED = "balance_refunded", _("Refunded an account balance")
    PAYMENT_MOVED = "payment_moved", _("Moved a payment to another bill")
    BILL_ADJUSTED = "bill_adjusted", _("Adjusted a bill")
    BILL_WRITTEN_OFF = "bill_written_off", _("Wrote off a bill")
    BILL_CANCELED = "bill_canceled", _("Canceled a bill")
    PAYMENT_ASKED = "payment_asked", _("Asked Stripe about a payment")
    PAYMENT_ENDED = "payment_ended", _("Marked a payment as not charged")
    MAILED_AGAIN = "mailed_again", _("Sent a mail again")
    CHAT_READ = "chat_read", _("Read a conversation")
    CHAT_TAKEN = "chat_taken", _("Took a conversation")
    CHAT_ANSWERED = "chat_answered", _("Answered in a conversation")
    CHAT_RELEASED = "chat_released", _("Gave a conversation back")
    CHAT_CLOSED = "chat_closed", _("Closed a conversation")
    RUN_RELEASED = "run_released", _("Released a held autopay run")
    RUN_CANCELED = "run_canceled", _("Canceled a held autopay run")
    AUDIT_READ = "audit_read", _("Read or exported the audit log")


class AuditRecord(models.Model):
    """One look or one act. It says who, when, from where, what, and about whom."""

    append_only = True

    at = models.DateTimeField(_("when"), auto_now_add=True)
    who = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("who")
    )
    # As it was then: a role may be another tomorrow.
    role = models.CharField(_("role"), max_length=40)
    ip_address = models.GenericIPAddressField(_("from"), null=True)
    user_agent = models.CharField(_("browser"), max_length=300, blank=True)
    request_id = models.CharField(_("request"), max_length=40, blank=True)
    action = models.CharField(_("what"), max_length=30, choices=Action.choices)
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("member")
    )
    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("account")
    )
    # What it was done to, as people call it: a payment's reference, a bill's number.
    reference = models.CharField(_("reference"), max_length=80, blank=True)
    # Amounts, reasons, what it led to. Never card data, never a service.
    detail = models.JSONField(_("detail"), default=dict)
    # Of the confirmation page that the act came from: the same page acts once.
    act_key = models.UUIDField(unique=True, null=True)
    xact_id = TransactionIdField(db_default=CurrentTransactionId(), editable=False)

    class Meta:
        verbose_name = _("audit record")
        verbose_name_plural = _("audit log")
        ordering = ["-pk"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["xact_id"], name="audit_xact"),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["who", "-at"], name="audit_who"),
            models.Index(fields=["member", "-at"], name="audit_member"),
            models.Index(fields=["account", "-at"], name="audit_account"),
            models.Index(
                fields=["reference"],
                name="audit_reference",
                opclasses=["text_pattern_ops"],
                condition=~Q(reference=""),
            ),
        ]
        triggers = append_only("audit_record")

    def __str__(self) -> str:
        return f"{self.action} {self.reference}"


class AuditBlock(models.Model):
    """A sealed run of audit records: its hash covers them and the hash of the block before it."""

    append_only = True

    number = models.PositiveBigIntegerField(_("number"), primary_key=True)
    # Records of transactions in [from_xact, to_xact) belong to this block; all of them had ended.
    from_xact = TransactionIdField()
    to_xact = TransactionIdField()
    entry_count = models.PositiveBigIntegerField(_("entries"))
    previous_hash = models.CharField(_("previous hash"), max_length=64)
    hash = models.CharField(_("hash"), max_length=64)
    sealed_at = models.DateTimeField(_("sealed"), auto_now_add=True)

    class Meta:
        verbose_name = _("audit block")
        verbose_name_plural = _("audit blocks")
        ordering = ["number"]
        default_permissions = ("view",)
        triggers = append_only("audit_block")

    def __str__(self) -> str:
        return f"{self.number}: {self.hash[:12]}"
