"""Autopay runs that the circuit breaker holds: released or canceled, with a reason."""

from typing import Any

from django import forms
from django.http import Http404

from autopay.exceptions import NoReason, NotAllowed, NotHeld
from autopay.models import Run, RunState
from autopay.services import breaker
from common.money import format_cents
from staff.acts.base import Act, Plan, Refused, Subject
from staff.forms import reason_field
from staff.models import Action, May
from staff.services.audit import Actor

RELEASE, CANCEL = "release", "cancel"


class RunForm(forms.Form):
    decision = forms.ChoiceField(
        label="Decision",
        choices=[
            (RELEASE, "Release: the draws are made"),
            (CANCEL, "Cancel: none of them is made, and each owner is told"),
        ],
        widget=forms.RadioSelect,
    )
    reason = reason_field("Why")


class DecideRun(Act):
    may, title, button = May.RELEASE, "Release or cancel a held autopay run", "Go on"

    def subject(self, **keys: Any) -> Subject:
        run = Run.objects.select_related("region").filter(pk=keys["key"]).first()
        if run is None:
            raise Http404
        return Subject(None, run, f"run {run.region.code} {run.as_of}")

    def form(self, subject: Subject, data: Any = None) -> RunForm:
        return RunForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        run: Run = subject.thing
        if run.state != RunState.HELD:
            raise Refused("This run is not held.")
        what = f"{run.count} draws of {format_cents(run.total_cents)} in {run.region} for {run.as_of}"
        released = data["decision"] == RELEASE
        return Plan(
            Action.RUN_RELEASED if released else Action.RUN_CANCELED,
            [
                f"It was held because: {run.held_because}.",
                f"{what} are made now."
                if released
                else f"{what} are not made; each owner is told that nothing was taken.",
            ],
            {"reason": data["reason"], "draws": run.count, "total_cents": run.total_cents},
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        decide = breaker.release_run if data["decision"] == RELEASE else breaker.cancel_run
        try:
            run = decide(run=subject.thing, by=by.user, reason=data["reason"])
        except (NotAllowed, NotHeld, NoReason) as error:
            raise Refused("This run is not held any more, or it is not yours to decide.") from error
        return f"The run is {run.get_state_display().lower()}."
