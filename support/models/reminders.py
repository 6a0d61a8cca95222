"""Reminders of bills: each kind at most once for a bill, and not at all to who does not want them."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models import Invoice
from common.db import append_only


class ReminderKind(models.TextChoices):
    """When a reminder goes out, on the region's calendar (support.reminding.DAYS)."""

    BEFORE = "before", pgettext_lazy("reminder", "A week before")
    DUE = "due", pgettext_lazy("reminder", "On the due date")
    WEEK_AFTER = "week_after", pgettext_lazy("reminder", "A week after")
    MONTH_AFTER = "month_after", pgettext_lazy("reminder", "A month after")


class Reminder(models.Model):
    """A bill that was reminded of, committed together with its mail."""

    append_only = True

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="reminders")
    kind = models.CharField(_("kind"), max_length=12, choices=ReminderKind.choices)
    sent_at = models.DateTimeField(_("sent"))
    mail_id = models.BigIntegerField(_("mail"), help_text=_("Key in the outbox"))

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "kind"], name="reminder_once_for_a_bill")
        ]
        triggers = append_only("support_reminder")

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.kind}"


class ReminderChoice(models.Model):
    """Somebody has said whether reminders are wanted; without a row they are."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reminder_choice"
    )
    wanted = models.BooleanField(_("reminders wanted"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("reminder choice")
        verbose_name_plural = _("reminder choices")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.wanted}"
