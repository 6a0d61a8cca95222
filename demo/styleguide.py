"""What the style guide shows: each component with plausible content, in each of its states."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from common.forms import DateField3, MoneyField

SWATCHES = ("canvas", "surface", "ink", "muted", "line", "control", "accent", "good", "warn", "bad")
KINDS = ("good", "warn", "bad", "info", "neutral")


class SampleForm(forms.Form):
    """One field of each kind that the portal uses."""

    name = forms.CharField(label=_lazy("Last name"), help_text=_lazy("As on your membership card."))
    born = DateField3(label=_lazy("Date of birth"), past=True, help_text=_lazy("For example 5 3 1984."))
    amount = MoneyField(label=_lazy("Amount"), max_cents=120_00)
    area = forms.ChoiceField(
        label=_lazy("Area"),
        choices=[("NCAL", "Northern California"), ("HI", "Hawaii"), ("WA", "Washington")],
        widget=forms.RadioSelect,
    )
    order = forms.ChoiceField(
        label=_lazy("Sort by"),
        choices=[("due", _lazy("Due date")), ("amount", _lazy("Amount"))],
        required=False,
    )
    note = forms.CharField(label=_lazy("Note"), widget=forms.Textarea({"rows": 3}), required=False)
    agree = forms.BooleanField(label=_lazy("Send my bills by e-mail, not on paper"))


def sample_context() -> dict[str, Any]:
    """Everything that templates/demo/styleguide.html names."""
    typed = {"born_month": "2", "born_day": "30", "born_year": "1984", "amount": "12.345"}
    return {
        "swatches": SWATCHES,
        "statuses": list(zip(KINDS, _words(), strict=True)),
        "empty_form": SampleForm(initial={"amount": 42_10, "born": dt.date(1984, 5, 3)}),
        "wrong_form": SampleForm(typed, auto_id="wrong_%s"),
        "steps": [_("Bill and amount"), _("Card"), _("Review"), _("Done")],
        "rows": [
            (_("Bill"), "M-2026-0412", "#summary"),
            (_("Patient"), "Ana Alvarez"),
            (_("Amount"), "$42.10", "#summary"),
        ],
        "amounts": [0, 42_10, 1_042_10, 12_345_678_90, -42_10],
        "bills": [
            ("M-2026-0412", "Ana Alvarez", dt.date(2026, 5, 3), 42_10, "warn", _("Due soon")),
            ("P-2026-05", "Ana Alvarez", dt.date(2026, 5, 1), 310_00, "good", _("Paid")),
            ("H-2026-0007", "Leo Alvarez", dt.date(2026, 3, 30), 1_042_10, "bad", _("Past due")),
        ],
        "total_cents": 1_394_20,
    }


def _words() -> list[str]:
    return [_("Paid"), _("Due soon"), _("Past due"), _("Processing"), _("Canceled")]
