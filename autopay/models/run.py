"""A run: one region's draws of one day of its calendar, compared with earlier runs first."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region


class RunState(models.TextChoices):
    """Where a run is. The allowed moves are RUN_MOVES."""

    OPEN = "open", pgettext_lazy("run", "Open")  # draws may be taken up
    HELD = "held", pgettext_lazy("run", "Held")  # out of line: nothing more is drawn
    RELEASED = "released", pgettext_lazy("run", "Released")  # a supervisor let it go on
    CANCELED = "canceled", pgettext_lazy("run", "Canceled")  # a supervisor ended it
    DONE = "done", pgettext_lazy("run", "Done")  # everything due was taken up


RUN_MOVES: dict[str, tuple[str, ...]] = {
    RunState.OPEN: (RunState.HELD, RunState.DONE),
    RunState.HELD: (RunState.RELEASED, RunState.CANCELED),
    RunState.RELEASED: (RunState.DONE,),
    # Something more became due in the course of the day.
    RunState.DONE: (RunState.OPEN, RunState.HELD),
    RunState.CANCELED: (),
}


class Run(models.Model):
    """One region on one day. The figures are of everything due or drawn that day; amounts in cents."""

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="autopay_runs")
    as_of = models.DateField(_("day"))
    state = models.CharField(_("state"), max_length=10, choices=RunState.choices, default=RunState.OPEN)
    count = models.PositiveIntegerField(_("draws"), default=0)
    total_cents = models.BigIntegerField(_("total"), default=0)
    largest_cents = models.BigIntegerField(_("largest draw"), default=0)
    largest_account_cents = models.BigIntegerField(_("largest sum of one account"), default=0)
    held_because = models.CharField(_("held because"), max_length=300, blank=True, default="")
    held_at = models.DateTimeField(_("held"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision_reason = models.CharField(_("reason"), max_length=300, blank=True, default="")
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("autopay run")
        verbose_name_plural = _("autopay runs")
        constraints = [
            models.UniqueConstraint(fields=["region", "as_of"], name="one_run_a_day"),
            models.CheckConstraint(
                condition=~Q(state__in=["released", "canceled"])
                | (~Q(decision_reason="") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="run_decided_with_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state="held") | ~Q(held_because=""), name="run_held_says_why"
            ),
        ]
        indexes = [models.Index(fields=["as_of"], name="run_held", condition=Q(state="held"))]
        triggers = [
            pgtrigger.FSM(
                name="run_state_moves",
                field="state",
                transitions=[(old, new) for old, news in RUN_MOVES.items() for new in news],
            ),
            pgtrigger.Protect(
                name="run_day_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.region_id <> NEW.region_id OR OLD.as_of <> NEW.as_of"
                ),
            ),
            pgtrigger.Protect(name="run_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.region_id} {self.as_of}"

    @property
    def was_decided(self) -> bool:
        """Whether a supervisor has looked at it."""
        return self.decided_at is not None
