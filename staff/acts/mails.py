"""Sending a mail again: one that failed, or a copy for somebody who deleted it."""

from typing import Any

from django import forms
from django.http import Http404
from post_office.models import STATUS, Email

from billing.models import BillingAccount
from common import mail
from staff.acts.base import Act, Plan, Subject
from staff.forms import reason_field
from staff.models import Action, May
from staff.services.audit import Actor


class ReasonForm(forms.Form):
    reason = reason_field()


class MailAgain(Act):
    may, title, button = May.MAIL, "Send a mail again", "Send"

    def subject(self, **keys: Any) -> Subject:
        """Only mails to a guarantor's own address: the page that led here is theirs."""
        email = Email.objects.filter(pk=keys["key"]).first()
        account = (
            BillingAccount.objects.select_related("guarantor__user", "region")
            .filter(guarantor__user__email=", ".join(email.to))
            .first()
            if email
            else None
        )
        if email is None or account is None:
            raise Http404
        return Subject(account, email, f"mail {email.pk}")

    def form(self, subject: Subject, data: Any = None) -> ReasonForm:
        return ReasonForm(data)

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        email: Email = subject.thing
        to = ", ".join(email.to)
        what = "is tried again" if email.status == STATUS.failed else "goes out once more"
        return Plan(
            Action.MAILED_AGAIN,
            [f"The mail “{email.subject}” {what}, to {to}."],
            {"subject": email.subject, "reason": data["reason"]},
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        mail.send_again(subject.thing)
        return "The mail is on its way."
