"""A refund that one person may not make alone: it waits for a second one."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from payments.models import Payment, Refund


class RequestState(models.TextChoices):
    """Where a request is; it is decided once."""

    WAITING = "waiting", pgettext_lazy("refund request", "Waiting")
    APPROVED = "approved", pgettext_lazy("refund request", "Approved")
    DECLINED = "declined", pgettext_lazy("refund request", "Declined")


class RefundRequest(models.Model):
    """Somebody asks to refund more than settings.STAFF_REFUND_LIMIT_CENTS; another person decides."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refund_requests")
    amount_cents = models.BigIntegerField(_("amount"))
    destination = models.CharField(_("to"), max_length=10, choices=Refund.Destination.choices)
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(
        _("state"), max_length=10, choices=RequestState.choices, default=RequestState.WAITING
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    refund = models.OneToOneField(
        Refund, on_delete=models.PROTECT, null=True, related_name="staff_request"
    )

    class Meta:
        verbose_name = _("refund request")
        verbose_name_plural = _("refund requests")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0), name="refund_request_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="refund_request_decided_by_another",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="waiting", decided_by=None, decided_at=None, refund=None)
                    | Q(
                        state="approved",
                        decided_by__isnull=False,
                        decided_at__isnull=False,
                        refund__isnull=False,
                    )
                    | Q(
                        state="declined",
                        decided_by__isnull=False,
                        decided_at__isnull=False,
                        refund=None,
                    )
                ),
                name="refund_request_decision_is_whole",
            ),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(state="waiting"),
                name="one_refund_request_waits_per_payment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["requested_at"], name="refund_request_waiting", condition=Q(state="waiting")
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="refund_request_is_decided_once",
                field="state",
                transitions=[("waiting", "approved"), ("waiting", "declined")],
            ),
            pgtrigger.Protect(
                name="refund_request_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.payment_id <> NEW.payment_id OR OLD.amount_cents <> NEW.amount_cents"
                    " OR OLD.destination <> NEW.destination OR OLD.reason <> NEW.reason"
                    " OR OLD.requested_by_id <> NEW.requested_by_id OR OLD.state <> 'waiting'"
                ),
            ),
            pgtrigger.Protect(name="refund_request_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.amount_cents}"
