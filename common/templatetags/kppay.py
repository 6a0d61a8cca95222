"""The one money tag and its neighbours; loaded into every template."""

import datetime as dt

from django import template
from django.conf import settings
from django.contrib.messages import constants
from django.forms import BoundField
from django.utils import formats
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from common.money import format_cents
from common.references import WRITTEN

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
def unbroken(words: str) -> SafeString:
    """A sentence of a document; no line ends within a reference that it names (class "whole")."""
    whole = WRITTEN.sub(r'<span class="whole">\g<0></span>', conditional_escape(words))
    return mark_safe(whole)  # noqa: S308  # nosec B308 B703  escaped above


@register.filter
def moment(at: dt.datetime | None) -> str:
    """A moment in the current time zone and the reader's language."""
    from django.utils import timezone

    return "" if at is None else formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")


@register.filter
def money_words(cents: int | None) -> str:
    """An amount as a screen reader should say it: 42 dollars 10 cents."""
    if cents is None:
        return ""
    dollars, rest = divmod(abs(cents), 100)
    words = ngettext("%(count)d dollar", "%(count)d dollars", dollars) % {"count": dollars}
    if rest:
        words += " " + ngettext("%(count)d cent", "%(count)d cents", rest) % {"count": rest}
    return gettext("minus %(amount)s") % {"amount": words} if cents < 0 else words


@register.filter
def first_input_id(field: BoundField) -> str:
    """Where a link to a field leads: its input, or the first of several."""
    if not field.use_fieldset:
        return field.id_for_label
    first = field.field.widget.get_context(field.html_name, field.value(), {"id": field.auto_id})
    parts = first["widget"].get("subwidgets") or [
        option for _name, options, _index in first["widget"]["optgroups"] for option in options
    ]
    return str(parts[0]["attrs"]["id"])


NOTICE_KINDS = {
    constants.SUCCESS: "good",
    constants.WARNING: "warn",
    constants.ERROR: "bad",
}


@register.filter
def notice_kind(level: int) -> str:
    """Which notice shows a message of this level."""
    return NOTICE_KINDS.get(level, "info")


@register.simple_tag
def site_url(path: str = "") -> str:
    """The address of a page, with the host, for mails: {% site_url "/contact/" %}."""
    return f"{settings.SITE_URL}{path}"
