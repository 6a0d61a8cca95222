"""The one money tag and its neighbours; loaded into every template."""

import datetime as dt

from django import template
from django.utils import formats

from common.money import format_cents

register = template.Library()


@register.filter
def money(cents: int | None) -> str:
    """{{ invoice.open_cents|money }} → $1,042.10; nothing where there is no amount."""
    return "" if cents is None else format_cents(cents)


@register.filter
def day(date: dt.date | None) -> str:
    """A day in the reader's language: May 3, 2026."""
    return "" if date is None else formats.date_format(date, "DATE_FORMAT")


@register.filter
def moment(at: dt.datetime | None) -> str:
    """A moment in the current time zone and the reader's language."""
    from django.utils import timezone

    return "" if at is None else formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")
