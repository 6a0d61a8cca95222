"""Form fields for what people type here most: an amount of money, and a day."""

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from common import clock
from common.money import BadAmount, format_cents, parse_cents


class MoneyInput(forms.TextInput):
    """One line with a dollar sign before it and the number keyboard on a phone."""

    template_name = "forms/money.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})


class MoneyField(forms.Field):
    """Dollars and cents as a person types them; cleans to integer cents.

    `min_cents` and `max_cents` are the limits, both allowed. An initial value is in cents too.
    """

    widget = MoneyInput
    default_error_messages = {
        "required": _("Enter an amount."),
        "letters": _("Enter the amount in numbers, like 42.10."),
        "decimals": _("Enter dollars and cents, with two digits after the point, like 42.10."),
        "huge": _("The amount is too large."),
        "negative": _("The amount cannot be negative."),
        "zero": _("Enter an amount above zero."),
        "too_little": _("Enter %(limit)s or more."),
        "too_much": _("Enter %(limit)s or less."),
    }

    def __init__(self, *, min_cents: int = 1, max_cents: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.min_cents, self.max_cents = min_cents, max_cents

    def prepare_value(self, value: Any) -> Any:
        """What stands in the box: what the person typed, or the initial cents as dollars."""
        if isinstance(value, int):
            return f"{value // 100}.{value % 100:02d}"
        return value

    def to_python(self, value: Any) -> int | None:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            return parse_cents(text)
        except BadAmount:
            raise self._refusal(_reason(text)) from None

    def validate(self, value: int | None) -> None:
        super().validate(value)
        if value is None:
            return
        if value == 0 and self.min_cents > 0:
            raise self._refusal("zero")
        if value < self.min_cents:
            raise self._refusal("too_little", self.min_cents)
        if self.max_cents is not None and value > self.max_cents:
            raise self._refusal("too_much", self.max_cents)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True

    def _refusal(self, code: str, limit_cents: int = 0) -> ValidationError:
        params = {"limit": format_cents(limit_cents)}
        return ValidationError(self.error_messages[code], code=code, params=params)


def _reason(text: str) -> str:
    """Why `parse_cents` refused, in the words that help most."""
    if text.startswith(("-", "−", "(")):
        return "negative"
    whole, point, fraction = text.removeprefix("$").strip().replace(",", "").partition(".")
    if not f"{whole}{fraction}".isdecimal() or not text.isascii():
        return "letters"
    if point and len(fraction) != 2:
        return "decimals"
    return "huge" if len(whole) > 12 else "letters"


DATE_PARTS = ("month", "day", "year")


class DateInput3(forms.MultiWidget):
    """Month, day and year in three boxes, named `<field>_month`, `<field>_day`, `<field>_year`.

    `autocomplete` is the prefix of the browser's tokens: "bday" fills in a date of birth.
    """

    template_name = "forms/date3.html"
    use_fieldset = True

    def __init__(self, *, autocomplete: str = "", attrs: dict[str, Any] | None = None) -> None:
        widgets: dict[str, forms.Widget | type[forms.Widget]] = {
            part: forms.TextInput(
                {
                    "inputmode": "numeric",
                    "maxlength": 4 if part == "year" else 2,
                    "class": f"date3-{part}",
                    "autocomplete": f"{autocomplete}-{part}" if autocomplete else "off",
                }
            )
            for part in DATE_PARTS
        }
        super().__init__(widgets, attrs)

    def decompress(self, value: dt.date | None) -> list[Any]:
        return [value.month, value.day, value.year] if value else [None, None, None]


class DateField3(forms.MultiValueField):
    """A day in three boxes, in the order of the United States; cleans to a date.

    `past=True` refuses days that have not begun anywhere the plan has members (UTC is ahead of all).
    """

    default_error_messages = {
        "required": _("Enter the month, the day and the year."),
        "incomplete": _("The date must include a month, a day and a year."),
        "digits": _("Enter the date in numbers, like 5 3 1984."),
        "short_year": _("Enter the year with four digits, like 1984."),
        "unreal": _("This day is not in the calendar. Check the month and the day."),
        "future": _("The date must be in the past."),
    }

    def __init__(self, *, past: bool = False, autocomplete: str = "", **kwargs: Any) -> None:
        self.past = past
        kwargs.setdefault("widget", DateInput3(autocomplete=autocomplete))
        fields = tuple(forms.CharField(required=False) for _part in DATE_PARTS)
        super().__init__(fields, require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> dt.date | None:
        parts = [str(part or "").strip() for part in (value or [])]
        if not any(parts):
            if self.required:
                raise self._refusal("required")
            return None
        if not all(parts):
            raise self._refusal("incomplete")
        day = self.compress(parts)
        self.run_validators(day)
        return day

    def compress(self, data_list: Any) -> dt.date:
        if not all(part.isascii() and part.isdecimal() for part in data_list):
            raise self._refusal("digits")
        month, day, year = (int(part) for part in data_list)
        if not 1000 <= year <= 9999:
            raise self._refusal("short_year")
        try:
            date = dt.date(year, month, day)
        except ValueError:
            raise self._refusal("unreal") from None
        if self.past and date > clock.now().date():
            raise self._refusal("future")
        return date

    def _refusal(self, code: str) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code)
