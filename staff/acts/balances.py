"""The account balance, on the telephone: let it pay bills, or send it back to where it came from."""

from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings

from accounts.models import User
from billing.models import BillingAccount, Invoice
from common.locks import lock_id, lock_one
from common.money import format_cents
from payments.services import balance
from payments.services.refunds import CannotRefund
from staff.acts.base import Act, Plan, Refused, Subject
from staff.acts.payments import account_subject
from staff.acts.refunds import source_of
from staff.forms import reason_field
from staff.models import Action, May
from staff.services import refund_requests
from staff.services.audit import Actor


class ReasonForm(forms.Form):
    reason = reason_field()


class _Balance(Act):
    may = May.USE_BALANCE

    def subject(self, **keys: Any) -> Subject:
        return account_subject(keys["key"])

    def form(self, subject: Subject, data: Any = None) -> ReasonForm:
        return ReasonForm(data)


class ApplyBalance(_Balance):
    title, button = "Pay bills from the account balance", "Pay"

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        amounts = self._amounts(subject)
        numbers = dict(Invoice.objects.filter(pk__in=amounts).values_list("pk", "number"))
        return Plan(
            Action.BALANCE_APPLIED,
            [
                *(f"{format_cents(cents)} pays bill {numbers[key]}." for key, cents in amounts.items()),
                f"The account balance goes down by {format_cents(sum(amounts.values()))}.",
                "The member gets a receipt by mail.",
            ],
            {
                "bills": {numbers[key]: cents for key, cents in amounts.items()},
                "reason": data["reason"],
            },
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        payments = balance.apply_now(account=subject.household)
        if not payments:
            raise Refused("A bill changed meanwhile, and nothing was paid.")
        return "Paid from the account balance: " + ", ".join(each.reference for each in payments)

    @staticmethod
    def _amounts(subject: Subject) -> dict[int, int]:
        sides = balance.spread(subject.household).values()
        amounts = {key: cents for side in sides for key, cents in side.items()}
        if not amounts:
            raise Refused("There is no free account balance, or no bill that it could pay.")
        return amounts


class RefundBalance(_Balance):
    title, button = "Refund the account balance", "Refund"

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        parts = balance.withdrawal_plan(subject.household)
        total = sum(cents for _payment, cents in parts)
        if not parts:
            raise Refused(
                "Nothing of the balance can go back to a card or bank account: it came another way, or"
                " is on its way to a bill."
            )
        if any(
            refund_requests.why_another(payment=payment, amount_cents=cents, by=by.user)
            for payment, cents in [*parts, (parts[0][0], total)]
        ):
            limit = format_cents(settings.STAFF_REFUND_LIMIT_CENTS)
            raise Refused(
                f"{format_cents(total)}, with what was refunded before, is above {limit}: refund the"
                " payments that it came from one by one, so that another person can approve; what had"
                " paid canceled bills, its owner sends back under “Account balance”."
            )
        return Plan(
            Action.BALANCE_REFUNDED,
            [
                *(
                    f"{format_cents(cents)} goes back to {source_of(payment)}, from payment"
                    f" {payment.reference}."
                    for payment, cents in parts
                ),
                f"The account balance goes down by {format_cents(total)}.",
            ],
            {"amount_cents": total, "reason": data["reason"]},
        )

    def locked(self, subject: Subject, by: Actor) -> Subject:
        account = lock_one(BillingAccount.objects.filter(pk=subject.household.pk))
        lock_id(User, by.user.pk)
        return replace(subject, account=account, thing=account)

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        try:
            refunds = balance.withdraw(account=subject.household, requested_by=by.user)
        except CannotRefund as error:
            raise Refused("A payment changed meanwhile, and nothing was refunded.") from error
        return "On their way: " + ", ".join(each.reference for each in refunds)
