"""An act of staff: a form, a page that says what it will do, and then, once, the act.

The server works out the effects anew when the confirmation comes back, and asks again where they are
not what was shown. The confirmation page carries a key that acts once: the audit record holds it
under a unique constraint, in the act's own transaction.
"""

import hashlib
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from billing.models import BillingAccount
from staff import desk
from staff.actor import actor_of
from staff.models import Action, May
from staff.services import audit
from staff.services.audit import ActedAlready, Actor

KEY_LIVES = 60 * 60  # seconds; whoever comes back later starts again
_SALT = "staff.act"
CHANGED = "Somebody did something about it at the same moment. Look at it and try again."


class Refused(Exception):
    """The act cannot be done as asked; the words are for the page, and nothing has changed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an act will do, in sentences; and what the audit log keeps of it."""

    action: Action
    effects: Sequence[str]
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join([self.action, *self.effects]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is acted on: an account, and a thing of it."""

    account: BillingAccount | None  # None where it concerns many
    thing: Any
    reference: str

    @property
    def url(self) -> str:
        if self.account is None:
            return reverse("admin:index")
        return reverse("admin:desk_account", args=[self.account.pk])

    @property
    def household(self) -> BillingAccount:
        """For acts that concern one."""
        if self.account is None:
            raise LookupError(self.reference)
        return self.account


@method_decorator(never_cache, name="dispatch")
class Act(ABC, View):
    """Subclasses say who may, find the subject, build the form, plan and perform."""

    may: ClassVar[May]
    title: ClassVar[str]
    button: ClassVar[str]
    # A call to Stripe happens outside a transaction: it is recorded first, and then made.
    within_transaction: ClassVar[bool] = True

    @abstractmethod
    def subject(self, **keys: Any) -> Subject:
        """Raises Http404."""

    def form(self, subject: Subject, data: Any = None) -> forms.Form:
        return forms.Form(data)

    @abstractmethod
    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        """Raises Refused."""

    def locked(self, subject: Subject, by: Actor) -> Subject:
        """The subject as it is under a lock, where the plan hangs on what others do meanwhile."""
        return subject

    @abstractmethod
    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        """Through a service. Returns what to tell; raises Refused."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm(self.may.permission):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, **keys: Any) -> HttpResponse:
        subject = self.subject(**keys)
        return self._ask(request, subject, self.form(subject))

    def post(self, request: HttpRequest, **keys: Any) -> HttpResponse:
        subject, by = self.subject(**keys), actor_of(request)
        form = self.form(subject, request.POST)
        if not form.is_valid():
            return self._ask(request, subject, form, status=422)
        key, shown = self._read_ticket(request)
        if key and audit.acted(key):
            return self._done_already(request, subject)
        try:
            self._refuse_own(subject, by)
            plan = self.plan(subject, form.cleaned_data, by)
            if key is None or shown != plan.digest:
                return self._confirm(request, subject, form, plan, changed=key is not None)
            told = self._act(subject, form.cleaned_data, by, plan, key)
        except ActedAlready:
            return self._done_already(request, subject)
        except Refused as refusal:
            form.add_error(None, str(refusal))
            return self._ask(request, subject, form, status=422)
        messages.success(request, told)
        return redirect(self.after(subject))

    @staticmethod
    def _refuse_own(subject: Subject, by: Actor) -> None:
        """Staff who are members themselves are helped by a colleague, as every member is."""
        if subject.account is not None and subject.account.guarantor.user_id == by.user.pk:
            raise Refused("This is your own account. A colleague has to do this.")

    def after(self, subject: Subject) -> str:
        return subject.url

    def _act(
        self, subject: Subject, data: dict[str, Any], by: Actor, plan: Plan, key: uuid.UUID
    ) -> str:
        with transaction.atomic():
            audit.record(
                by=by,
                action=plan.action,
                account=subject.account,
                reference=subject.reference,
                detail=plan.detail,
                act_key=key,
            )
            if self.within_transaction:
                locked = self.locked(subject, by)
                if locked is not subject and self.plan(locked, data, by).digest != plan.digest:
                    raise Refused(CHANGED)
                return self.perform(locked, data, by)
        return self.perform(subject, data, by)

    def _done_already(self, request: HttpRequest, subject: Subject) -> HttpResponse:
        messages.info(request, "This was done already, once. Nothing happened now.")
        return redirect(self.after(subject))

    def _read_ticket(self, request: HttpRequest) -> tuple[uuid.UUID | None, str]:
        """The key of a confirmation page that we showed this very person, and what it said."""
        try:
            key, user_id, digest = signing.loads(
                request.POST.get("ticket", ""), salt=_SALT, max_age=KEY_LIVES
            )
        except signing.BadSignature:
            return None, ""
        if user_id != request.user.pk:
            return None, ""
        return uuid.UUID(key), digest

    def _record_look(self, request: HttpRequest, subject: Subject) -> None:
        """The form and the confirmation show whose thing it is, whether or not anything is done."""
        audit.record(
            by=actor_of(request),
            action=Action.LOOKED,
            account=subject.account,
            reference=subject.reference,
            detail={"at": self.title},
        )

    def _ask(
        self, request: HttpRequest, subject: Subject, form: forms.Form, status: int = 200
    ) -> HttpResponse:
        self._record_look(request, subject)
        return desk.show(
            request, "act.html", title=self.title, status=status, subject=subject, form=form, act=self
        )

    def _confirm(
        self, request: HttpRequest, subject: Subject, form: forms.Form, plan: Plan, *, changed: bool
    ) -> HttpResponse:
        self._record_look(request, subject)
        ticket = signing.dumps([str(uuid.uuid4()), request.user.pk, plan.digest], salt=_SALT)
        return desk.show(
            request,
            "confirm.html",
            title=self.title,
            subject=subject,
            form=form,
            typed=[(name, form.data[name]) for name in form.fields if name in form.data],
            plan=plan,
            ticket=ticket,
            changed=changed,
            act=self,
        )
