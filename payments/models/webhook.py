"""The inbox of Stripe's events: what was told, not what it said (the object is fetched again)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class WebhookEvent(models.Model):
    """One event of one Stripe account, kept once however often it is delivered."""

    class Outcome(models.TextChoices):
        PENDING = "pending", _("Pending")  # to be processed, or parked until the payment commits
        APPLIED = "applied", _("Applied")  # the payment was asked about and moved where it had to
        IGNORED = "ignored", _("Ignored")  # a kind of event that changes nothing here
        ORPHAN = "orphan", _("Unknown object")  # about something that is not ours; staff look
        GIVEN_UP = "given_up", _("Given up")  # it could not be applied for hours; staff look

    stripe_account = models.SlugField(_("Stripe account"), max_length=20)
    event_id = models.CharField(_("event"), max_length=80)
    type = models.CharField(_("type"), max_length=80)
    object_id = models.CharField(_("object"), max_length=80)
    api_version = models.CharField(_("API version"), max_length=40, blank=True)
    received_at = models.DateTimeField(_("received"), auto_now_add=True)
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(_("processed"), null=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        constraints = [
            models.UniqueConstraint(
                fields=["stripe_account", "event_id"], name="webhook_event_kept_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="webhook_event_pending",
                condition=Q(outcome="pending"),
            ),
            models.Index(
                fields=["-received_at", "-id"],
                name="webhook_event_given_up",
                condition=Q(outcome="given_up"),
            ),
            models.Index(  # refused cards are counted by intent (payments.services.attempts)
                fields=["object_id"],
                name="webhook_event_refusals",
                condition=Q(type="payment_intent.payment_failed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
