"""What a member fills in about autopay. Amounts clean to integer cents."""

import datetime as dt
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from common.forms import DateField3, MoneyField
from payments.methods import name_of, standing
from payments.models import PaymentMethod
from payments.services.checkout import MIN_CENTS

DUE, DAY = "due", "day"
# A start further away is a slip of the finger.
MOST_DAYS_AHEAD = 366
_WHICH_DAY = _("Enter a day from 1 to 31.")


class MethodForm(forms.Form):
    """One of the saved methods that can pay today; cleans to its key in `method`."""

    method = forms.TypedChoiceField(
        label=_("Payment method"),
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose what autopay takes the money from."),
            "invalid_choice": _("This payment method cannot be used any more. Choose another one."),
        },
    )

    def __init__(
        self, data: Any, *, usable: list[PaymentMethod], on: dt.date, chosen: int | None = None
    ) -> None:
        """`chosen` is the key that the page offers first; else the first usable one."""
        keys = [method.pk for method in usable]
        super().__init__(data, initial={"method": chosen if chosen in keys else next(iter(keys), None)})
        cast(forms.ChoiceField, self.fields["method"]).choices = [
            (method.pk, _label(method, on)) for method in usable
        ]


def _label(method: PaymentMethod, on: dt.date) -> str:
    return format_html(
        '<span class="bill-choice"><strong>{}</strong> <span class="muted small">{}</span></span>',
        name_of(method),
        standing(method, on=on).meaning,
    )


class DayForm(forms.Form):
    """When bills are drawn; `day_of_month` is None for each bill's due date."""

    when = forms.ChoiceField(
        label=_("When should your bills be paid?"),
        choices=[(DUE, _("On each bill’s due date")), (DAY, _("On one day of the month"))],
        widget=forms.RadioSelect,
        initial=DUE,
        error_messages={"required": _("Choose when your bills are paid.")},
    )
    day = forms.CharField(
        label=_("Day of the month"),
        help_text=_(
            "From 1 to 31, if you chose a day. A bill is drawn on the last such day that is not after "
            "its due date. A month without that day has its last day instead: the 31st is February 28 "
            "or 29."
        ),
        error_messages={"required": _WHICH_DAY},
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off", "class": "short"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Not called optional beside a day that was asked for.
        self.fields["day"].required = self["when"].value() == DAY

    def clean_day(self) -> int | None:
        """What stands there counts only where a day was asked for."""
        if self.cleaned_data.get("when") != DAY:
            return None
        typed = self.cleaned_data["day"].strip()
        if not (typed.isascii() and typed.isdecimal() and len(typed) <= 2 and 1 <= int(typed) <= 31):
            raise ValidationError(_WHICH_DAY)
        return int(typed)

    @property
    def day_of_month(self) -> int | None:
        return cast("int | None", self.cleaned_data["day"])


def day_initial(day_of_month: int | None) -> dict[str, Any]:
    """What DayForm begins with."""
    return {"when": DAY if day_of_month else DUE, "day": day_of_month or ""}


class LimitForm(forms.Form):
    """The most that one draw may take in cents; None for no limit."""

    limit = MoneyField(
        label=_("Limit for one draw"),
        help_text=_(
            "A bill above it is not drawn; we tell you, so that you can pay it yourself. Leave this "
            "empty for no limit."
        ),
        required=False,
        min_cents=MIN_CENTS,
    )

    @property
    def limit_cents(self) -> int | None:
        return cast("int | None", self.cleaned_data["limit"])


class PlanForm(LimitForm, DayForm):
    """Step 2 of enrolling: when, how much at most, from which day on, and the account balance."""

    starts_on = DateField3(
        label=_("Start"),
        help_text=_("Nothing is drawn before this day."),
    )
    use_balance = forms.BooleanField(
        label=_("Use my account balance first, and take only the rest"), required=False
    )
    field_order = ("when", "day", "limit", "starts_on", "use_balance")

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        """`today` is the region's day."""
        super().__init__(*args, **kwargs)
        self._today = today

    def clean_starts_on(self) -> dt.date:
        day: dt.date = self.cleaned_data["starts_on"]
        if day < self._today:
            raise ValidationError(_("The start cannot be in the past."))
        if (day - self._today).days > MOST_DAYS_AHEAD:
            raise ValidationError(_("The start can be at most one year away."))
        return day
