"""The audit log, to search and to take along. Asked by POST: whom somebody looks for stays out of
addresses, and so out of histories and of the logs of proxies.
"""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from common.csv_export import csv_response
from staff import desk
from staff.actor import actor_of
from staff.forms import SafeText
from staff.models import Action, AuditRecord, May
from staff.services import audit
from staff.services.audit import hide_numbers

SHOWN = 100
COLUMNS = (
    "number", "when", "who", "role", "from", "browser", "request", "what", "member", "account",
    "reference", "detail",
)  # fmt: skip


class AuditForm(forms.Form):
    """Everything may be left out."""

    who = SafeText(label="Who (e-mail)", required=False, max_length=80)
    account = SafeText(label="Account number", required=False, max_length=20)
    member = SafeText(label="Member number", required=False, max_length=20)
    reference = SafeText(label="Reference", required=False, max_length=80)
    action = forms.ChoiceField(
        label="What", required=False, choices=[("", "Everything"), *Action.choices]
    )
    since = forms.DateField(label="From day", required=False, help_text="2026-11-01, in UTC")
    until = forms.DateField(label="To day", required=False)


FILTERS = {
    "who": "who__email",
    "account": "account__account_number",
    "member": "member__member_number",
    "reference": "reference__startswith",
    "action": "action",
    "since": "at__date__gte",
    "until": "at__date__lte",
}


def _records(asked: dict[str, Any]) -> QuerySet[AuditRecord]:
    wanted = {FILTERS[name]: value for name, value in asked.items() if value}
    return (
        AuditRecord.objects.filter(**wanted).select_related("who", "member", "account").order_by("-pk")
    )


def _asked(data: dict[str, Any]) -> dict[str, str]:
    return {name: hide_numbers(str(value)) for name, value in data.items() if value}


@never_cache
@desk.may(May.AUDIT)
def search(request: HttpRequest) -> HttpResponse:
    """The newest records; of those that were asked for, where something was."""
    form = AuditForm(request.POST)
    valid = form.is_valid()
    if valid:
        audit.record(
            by=actor_of(request),
            action=Action.AUDIT_READ,
            reference="audit log",
            detail=_asked(form.cleaned_data),
        )
    rows = list(_records(form.cleaned_data)[:SHOWN]) if valid else []
    return desk.show(
        request,
        "audit.html",
        title="Audit log",
        status=200 if valid else 422,
        form=form,
        rows=rows,
        most=SHOWN,
    )


@never_cache
@require_POST
@desk.may(May.AUDIT)
def export(request: HttpRequest) -> HttpResponseBase:
    """Everything that matches, streamed; exporting is in the log too."""
    form = AuditForm(request.POST)
    if not form.is_valid():
        return search(request)
    audit.record(
        by=actor_of(request),
        action=Action.AUDIT_READ,
        reference="audit log as CSV",
        detail=_asked(form.cleaned_data),
    )
    return csv_response(
        name="kppay-audit.csv",
        header=COLUMNS,
        rows=(_row(each) for each in _records(form.cleaned_data).iterator(chunk_size=500)),
    )


def _row(record: AuditRecord) -> list[Any]:
    return [
        record.pk,
        record.at.isoformat(),
        record.who.email,
        record.role,
        record.ip_address or "",
        record.user_agent,
        record.request_id,
        record.action,
        record.member.member_number if record.member else "",
        record.account.account_number if record.account else "",
        record.reference,
        record.detail,
    ]
