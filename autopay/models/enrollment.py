"""Who agreed to autopay, for what, with which method and within which limits."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models import BillingAccount, Invoice
from billing.models.invoices import InvoiceQuerySet
from common.db import append_only
from payments.models import Authorization, PaymentMethod


class Scope(models.TextChoices):
    """What an enrollment pays. The two are agreed to apart and never mixed in one draw."""

    PREMIUMS = "premiums", pgettext_lazy("autopay", "Premiums")
    MEDICAL = "medical", pgettext_lazy("autopay", "Medical bills")  # hospital bills and charges too


class EnrollmentState(models.TextChoices):
    """Whether it draws. The allowed moves are ENROLLMENT_MOVES."""

    ACTIVE = "active", pgettext_lazy("autopay", "On")
    PAUSED = "paused", pgettext_lazy("autopay", "Paused")  # by the member, until resumed
    STOPPED = "stopped", pgettext_lazy("autopay", "Stopped")  # by us; stop_reason says why
    CANCELED = "canceled", pgettext_lazy("autopay", "Canceled")  # by the member, for good


class StopReason(models.TextChoices):
    """Why we stopped an enrollment; another method, newly authorized, starts it again."""

    METHOD_REMOVED = "method_removed", _("The payment method was removed")
    METHOD_EXPIRED = "method_expired", _("The card has expired")
    METHOD_DEAD = "method_dead", _("The bank refuses the payment method for good")
    REVOKED = "revoked", _("The bank was told that the debits are not authorized")


ENROLLMENT_MOVES: dict[str, tuple[str, ...]] = {
    EnrollmentState.ACTIVE: (
        EnrollmentState.PAUSED,
        EnrollmentState.STOPPED,
        EnrollmentState.CANCELED,
    ),
    EnrollmentState.PAUSED: (
        EnrollmentState.ACTIVE,
        EnrollmentState.STOPPED,
        EnrollmentState.CANCELED,
    ),
    # Back to paused where its owner had paused it before we stopped it.
    EnrollmentState.STOPPED: (
        EnrollmentState.ACTIVE,
        EnrollmentState.PAUSED,
        EnrollmentState.CANCELED,
    ),
    EnrollmentState.CANCELED: (),
}


class Enrollment(models.Model):
    """A standing order of an account for its premiums or for its medical bills.

    No enrollment without a stored authorization: the key is NOT NULL. `authorization` is the one that
    is in force; a new method brings a new one.
    """

    reference = models.CharField(_("reference"), max_length=20, unique=True)
    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="enrollments")
    scope = models.CharField(_("pays"), max_length=10, choices=Scope.choices)
    method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="enrollments")
    authorization = models.ForeignKey(
        Authorization, on_delete=models.PROTECT, related_name="enrollments"
    )
    enrolled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="enrollments"
    )
    # Empty: on each bill's due date. 29 to 31 mean the last day of a shorter month.
    day_of_month = models.PositiveSmallIntegerField(_("day of the month"), null=True, blank=True)
    # The most that one draw may take; empty: no limit.
    limit_cents = models.BigIntegerField(_("limit"), null=True, blank=True)
    starts_on = models.DateField(_("starts"))  # nothing is drawn before
    use_balance = models.BooleanField(_("uses the account balance first"), default=False)
    state = models.CharField(
        _("state"), max_length=10, choices=EnrollmentState.choices, default=EnrollmentState.ACTIVE
    )
    stop_reason = models.CharField(
        _("stopped because"), max_length=20, choices=StopReason.choices, blank=True, default=""
    )
    created_at = models.DateTimeField(_("enrolled"), auto_now_add=True)
    ended_at = models.DateTimeField(_("canceled"), null=True)

    class Meta:
        verbose_name = _("enrollment")
        verbose_name_plural = _("enrollments")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "scope"],
                condition=~Q(state="canceled"),
                name="one_enrollment_for_a_scope",
            ),
            models.CheckConstraint(
                condition=Q(day_of_month__isnull=True) | Q(day_of_month__gte=1, day_of_month__lte=31),
                name="enrollment_day_of_month",
            ),
            models.CheckConstraint(
                condition=Q(limit_cents__isnull=True) | Q(limit_cents__gt=0),
                name="enrollment_limit_positive",
            ),
            models.CheckConstraint(
                condition=Q(state="stopped") & ~Q(stop_reason="")
                | ~Q(state="stopped") & Q(stop_reason=""),
                name="enrollment_stopped_says_why",
            ),
            models.CheckConstraint(
                condition=Q(state="canceled", ended_at__isnull=False)
                | (~Q(state="canceled") & Q(ended_at__isnull=True)),
                name="enrollment_canceled_has_its_time",
            ),
        ]
        indexes = [models.Index(fields=["state", "id"], name="enrollment_by_state")]
        triggers = [
            pgtrigger.FSM(
                name="enrollment_state_moves",
                field="state",
                transitions=[(old, new) for old, news in ENROLLMENT_MOVES.items() for new in news],
            ),
            pgtrigger.Protect(
                name="enrollment_starts_active",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.state <> 'active'"),
            ),
            pgtrigger.Protect(
                name="enrollment_account_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.account_id <> NEW.account_id OR OLD.scope <> NEW.scope"
                ),
            ),
            pgtrigger.Protect(name="enrollment_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def has_ended(self) -> bool:
        return self.state == EnrollmentState.CANCELED

    @property
    def draws(self) -> bool:
        """Whether anything may be drawn now."""
        return self.state == EnrollmentState.ACTIVE

    def bills(self) -> InvoiceQuerySet:
        """The account's bills that this enrollment pays."""
        bills = Invoice.objects.filter(account_id=self.account_id)
        return bills.premiums() if self.scope == Scope.PREMIUMS else bills.medical()


class EnrollmentEvent(models.Model):
    """What was done to an enrollment, by whom and from where: kept word for word."""

    class Kind(models.TextChoices):
        ENROLLED = "enrolled", pgettext_lazy("autopay", "Enrolled")
        METHOD = "method", pgettext_lazy("autopay", "Payment method changed")
        SCHEDULE = "schedule", pgettext_lazy("autopay", "Day changed")
        LIMIT = "limit", pgettext_lazy("autopay", "Limit changed")
        PAUSED = "paused", pgettext_lazy("autopay", "Paused")
        RESUMED = "resumed", pgettext_lazy("autopay", "Resumed")
        SKIPPED = "skipped", pgettext_lazy("autopay", "Draw skipped")
        UNSKIPPED = "unskipped", pgettext_lazy("autopay", "Draw taken up again")
        STOPPED = "stopped", pgettext_lazy("autopay", "Stopped")  # by us
        CANCELED = "canceled", pgettext_lazy("autopay", "Canceled")
        EXPIRY = "expiry", pgettext_lazy("autopay", "Told that the card expires")
        RENEWED = "renewed", pgettext_lazy("autopay", "Card renewed")  # starts what had expired

    append_only = True

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(_("what"), max_length=10, choices=Kind.choices)
    at = models.DateTimeField(_("when"), auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    ip_address = models.GenericIPAddressField(_("address"), null=True)
    user_agent = models.CharField(_("browser"), max_length=400, blank=True)
    authorization = models.ForeignKey(Authorization, on_delete=models.PROTECT, null=True)
    detail = models.CharField(_("detail"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("enrollment event")
        verbose_name_plural = _("enrollment events")
        ordering = ["at", "id"]
        triggers = append_only("enrollment_event")

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d}"
