"""A draft: one scheduled draw of one bill, its notices and its attempts.

What the law asks of a draw is asked by PostgreSQL too: nothing is submitted without a delivered notice
at least ten days before (12 CFR 1005.10(d)(1)), none above the amount that it named, none above the
limit, none twice at once.
"""

import pgtrigger
from django.db import models
from django.db.models import DateField, ExpressionWrapper, F, Q, Value
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from post_office.models import Email

from autopay.models.enrollment import Enrollment
from autopay.models.run import Run, RunState
from billing.models import Invoice
from common.db import append_only
from payments.models import Payment

# 12 CFR 1005.10(d)(1): written notice of the amount and the date, at least so many days before.
NOTICE_DAYS = 10


class DraftState(models.TextChoices):
    """Where a draw is. The allowed moves are DRAFT_MOVES."""

    PLANNED = "planned", pgettext_lazy("draft", "Planned")  # dated; no delivered notice stands
    NOTICED = "noticed", pgettext_lazy("draft", "Announced")  # may be drawn on its day
    HELD = "held", pgettext_lazy("draft", "On hold")  # not drawn until something changes: reason
    SKIPPED = "skipped", pgettext_lazy("draft", "Skipped")  # by the member, or nothing was owed
    SUBMITTED = "submitted", pgettext_lazy("draft", "Sent")  # its payment has no outcome yet
    DRAWN = "drawn", pgettext_lazy("draft", "Paid")  # the money arrived
    FAILED = "failed", pgettext_lazy("draft", "Failed")  # refused; next_try_on where tried again
    CANCELED = "canceled", pgettext_lazy("draft", "Canceled")  # with its enrollment, or by staff


class Reason(models.TextChoices):
    """Why a draw is on hold, was skipped or canceled."""

    OVER_LIMIT = "over_limit", _("The bill is above the limit for one draw")
    NOTICE_BOUNCED = "notice_bounced", _("The notice could not be delivered")
    NO_ADDRESS = "no_address", _("There is no e-mail address for the notice")
    NOT_TAKEN = "not_taken", _("Our payment service did not take the request")
    NO_TRIES_LEFT = "no_tries_left", _("It was tried as often as the rules allow")
    METHOD_REFUSED = "method_refused", _("The bank refused this payment method for the bill")
    BY_MEMBER = "by_member", _("Skipped by the member")
    PAID = "paid", _("The bill was paid before")
    NOTHING_OWED = "nothing_owed", _("Nothing is owed on the bill")
    TOO_SMALL = "too_small", _("Less is owed than can be charged")
    ENROLLMENT_CANCELED = "enrollment", _("Autopay was canceled")
    RUN_CANCELED = "run", _("The day's draws were canceled by us")


_S = DraftState
DRAFT_MOVES: dict[str, tuple[str, ...]] = {
    _S.PLANNED: (_S.NOTICED, _S.HELD, _S.SKIPPED, _S.CANCELED),
    # Back to planned: the amount grew, or the day moved; it is announced again.
    _S.NOTICED: (_S.PLANNED, _S.HELD, _S.SKIPPED, _S.SUBMITTED, _S.CANCELED),
    _S.HELD: (_S.PLANNED, _S.SKIPPED, _S.CANCELED),
    _S.SKIPPED: (_S.PLANNED, _S.CANCELED),
    # Back to noticed: the attempt was given up before any bank was asked.
    _S.SUBMITTED: (_S.DRAWN, _S.FAILED, _S.NOTICED, _S.HELD),
    # A bank took a settled debit back.
    _S.DRAWN: (_S.FAILED,),
    _S.FAILED: (_S.SUBMITTED, _S.PLANNED, _S.SKIPPED, _S.CANCELED),
    _S.CANCELED: (),
}

# Still to come, as far as anybody knows.
UPCOMING = (_S.PLANNED, _S.NOTICED, _S.HELD)
_ANNOUNCED = [_S.NOTICED.value, _S.SUBMITTED.value, _S.DRAWN.value, _S.FAILED.value]


class Draft(models.Model):
    """One bill to be drawn once. `amount_cents` is what is to be announced, or was."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="drafts")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="drafts")
    draw_on = models.DateField(_("date"))  # on the region's calendar
    amount_cents = models.BigIntegerField(_("amount"))
    state = models.CharField(
        _("state"), max_length=10, choices=DraftState.choices, default=DraftState.PLANNED
    )
    reason = models.CharField(
        _("reason"), max_length=20, choices=Reason.choices, blank=True, default=""
    )
    # What the delivered notice named, and the region's day on which it was delivered.
    noticed_cents = models.BigIntegerField(_("announced"), null=True)
    noticed_on = models.DateField(_("announced on"), null=True)
    # The latest attempt.
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, null=True, related_name="draft")
    # Refusals by a bank; attempts that were given up unsent do not count.
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    next_try_on = models.DateField(_("tried again on"), null=True)
    # Stripe's or Nacha's code of the last refusal; people read payments.declines.
    failure_code = models.CharField(_("refused because"), max_length=60, blank=True, default="")
    # The run that would have drawn it and was held. No other run draws it before that one is decided,
    # whatever becomes of its day meanwhile.
    held_by = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, related_name="drafts", db_index=False
    )
    # Its payment was on its way when its owner canceled autopay: what the proof says, decided by states
    # under the account's lock, and never by the clocks of two machines.
    sent_at_cancel = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "invoice"], name="one_draft_of_a_bill"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="draft_amount_positive"),
            models.CheckConstraint(
                condition=~Q(state__in=_ANNOUNCED)
                | Q(
                    noticed_cents__isnull=False,
                    noticed_on__isnull=False,
                    draw_on__gte=ExpressionWrapper(
                        F("noticed_on") + Value(NOTICE_DAYS), output_field=DateField()
                    ),
                ),
                name="draft_announced_ten_days_before",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["submitted", "drawn", "failed"]) | Q(payment__isnull=False),
                name="draft_sent_has_a_payment",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["held", "skipped", "canceled"]) | ~Q(reason=""),
                name="draft_not_drawn_says_why",
            ),
            models.CheckConstraint(
                condition=Q(next_try_on__isnull=True) | Q(state="failed"),
                name="draft_tried_again_only_after_failing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["draw_on", "id"],
                name="draft_to_come",
                condition=Q(state__in=["planned", "noticed", "held"]),
            ),
            models.Index(
                fields=["next_try_on"],
                name="draft_to_try_again",
                condition=Q(next_try_on__isnull=False),
            ),
            models.Index(fields=["id"], name="draft_sent", condition=Q(state="submitted")),
            models.Index(fields=["held_by"], name="draft_withheld", condition=Q(held_by__isnull=False)),
            models.Index(
                fields=["-draw_on", "-id"],
                name="draft_for_staff",
                condition=Q(state="failed") | Q(state="held") & ~Q(reason="over_limit"),
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="draft_state_moves",
                field="state",
                transitions=[(old, new) for old, news in DRAFT_MOVES.items() for new in news],
            ),
            pgtrigger.Protect(
                name="draft_starts_planned",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.state <> 'planned'"),
            ),
            pgtrigger.Protect(
                name="draft_bill_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.enrollment_id <> NEW.enrollment_id OR OLD.invoice_id <> NEW.invoice_id"
                ),
            ),
            pgtrigger.Protect(name="draft_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.enrollment_id}/{self.invoice_id} {self.draw_on}"

    @property
    def is_open(self) -> bool:
        """Whether it can still be drawn, skipped or canceled."""
        return self.state in UPCOMING or self.will_be_tried_again

    @property
    def is_withheld(self) -> bool:
        """Whether it waits for a supervisor to decide about its run."""
        return self.held_by is not None and self.held_by.state == RunState.HELD

    @property
    def will_be_tried_again(self) -> bool:
        return self.state == DraftState.FAILED and self.next_try_on is not None


class NoticeState(models.TextChoices):
    """What became of a notice."""

    QUEUED = "queued", pgettext_lazy("notice", "In the outbox")
    DELIVERED = "delivered", pgettext_lazy("notice", "Delivered")  # the mail server took it
    BOUNCED = "bounced", pgettext_lazy("notice", "Bounced")
    WITHDRAWN = "withdrawn", pgettext_lazy("notice", "Withdrawn")  # another one took its place


class Notice(models.Model):
    """One announcement of one draw: this amount, on this day."""

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="notices")
    number = models.PositiveSmallIntegerField()
    amount_cents = models.BigIntegerField(_("amount"))
    draw_on = models.DateField(_("date"))
    sent_to = models.EmailField(_("to"))
    # The outbox may be emptied one day; what was announced stays.
    mail = models.OneToOneField(Email, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=NoticeState.choices, default=NoticeState.QUEUED)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_on = models.DateField(_("delivered"), null=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.UniqueConstraint(fields=["draft", "number"], name="notice_number_unique"),
            models.UniqueConstraint(
                fields=["draft"],
                condition=Q(state__in=["queued", "delivered"]),
                name="one_notice_stands",
            ),
            models.CheckConstraint(
                condition=~Q(state="delivered") | Q(delivered_on__isnull=False),
                name="notice_delivered_has_its_day",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="notice_waiting", condition=Q(state="queued"))]
        triggers = [pgtrigger.Protect(name="notice_is_kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.draft_id}/{self.number}"


class DraftAttempt(models.Model):
    """One payment that a draw was attempted with: what was announced, what the limit was."""

    append_only = True

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="draft_attempt")
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="attempts")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="attempts")
    amount_cents = models.BigIntegerField(_("amount"))
    noticed_cents = models.BigIntegerField(_("announced"))
    limit_cents = models.BigIntegerField(_("limit"), null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["draft", "number"]
        constraints = [
            models.UniqueConstraint(fields=["draft", "number"], name="attempt_number_unique"),
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0) & Q(amount_cents__lte=F("noticed_cents")),
                name="attempt_within_what_was_announced",
            ),
            models.CheckConstraint(
                condition=Q(limit_cents__isnull=True) | Q(amount_cents__lte=F("limit_cents")),
                name="attempt_within_the_limit",
            ),
        ]
        triggers = append_only("draft_attempt")

    def __str__(self) -> str:
        return f"{self.draft_id}/{self.number}"
